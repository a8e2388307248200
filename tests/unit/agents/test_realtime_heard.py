"""What of an answer was heard."""

from __future__ import annotations

import pytest

from agents.realtime_heard import Playback, cut_answer, cut_written
from agents.spoken_script import SpokenScript
from domain.documents import Citation
from domain.turns import Answer
from tests.fakes.talk import Clock


def cited(index: int) -> Citation:
    return Citation(
        index=index,
        document_id=f"doc_{index}",
        title=f"Guide {index}",
        file="guide.pdf",
        quote="q",
        score=0.5,
    )


def answer_of(text: str, *, language: str = "en", citations: int = 3) -> Answer:
    return Answer(
        text=text,
        citations=tuple(cited(number + 1) for number in range(citations)),
        answered=True,
        confidence=0.9,
        language=language,
        conversation_id="c",
        message_id="m",
    )


def spoken(answer: Answer, *, piece: int) -> list[str]:
    """Return the sentences that are spoken of *answer*, written in pieces."""
    script = SpokenScript(answer.language)
    for at in range(0, len(answer.text), piece):
        script.feed(answer.text[at : at + piece])
    script.close(answer)
    return [sentence.text for sentence in script.sentences]


ENGLISH = (
    "Registration opens on 1 March 2026 [1]. The fee is Rp 350.000 and is paid at "
    "the bank [2]. Dr. Sari answers questions at 08:30 in room 12.5 [3]."
)
INDONESIAN = (
    "Pendaftaran dibuka 1 Maret 2026 [1]. Biaya pendaftaran Rp 350.000 dibayar di "
    "bank [2]. Dr. Sari menjawab pertanyaan pukul 08.30 di ruang 12 [3]."
)


@pytest.mark.parametrize("piece", [3, 1000])
@pytest.mark.parametrize(("text", "language"), [(ENGLISH, "en"), (INDONESIAN, "id")])
@pytest.mark.parametrize("count", [1, 2])
def test_an_answer_is_cut_after_the_sentences_that_were_heard(
    text: str, language: str, count: int, piece: int
) -> None:
    answer = answer_of(text, language=language)
    heard = [s for s in spoken(answer, piece=piece) if s]
    ends = ("[1].", "[2].")
    wanted = text[: text.index(ends[count - 1]) + 4]
    # Clauses of one sentence are spoken one by one: as many as make the sentence.
    taken = next(
        number
        for number in range(1, len(heard) + 1)
        if cut_answer(answer, heard[:number]).text == wanted + " —"
    )

    cut = cut_answer(answer, heard[:taken])

    assert [one.index for one in cut.citations] == list(range(1, count + 1))
    assert cut_answer(answer, heard).text == text + " —"


def test_half_a_sentence_is_none() -> None:
    answer = answer_of(ENGLISH)

    cut = cut_answer(answer, ["Registration opens"])

    assert (cut.text, cut.citations) == ("(interrupted)", ())


def test_an_introduction_alone_is_nothing_of_the_answer() -> None:
    answer = answer_of(INDONESIAN, language="id")

    assert cut_answer(answer, ["Maaf atas kesulitannya."]).text == "(terpotong)"
    opening = ["Maaf atas kesulitannya.", *spoken(answer, piece=5)]
    assert cut_answer(answer, opening[:-1]).text.startswith("Pendaftaran dibuka")


def test_a_language_without_words_of_ours_is_cut_in_english() -> None:
    assert cut_answer(answer_of("Ja.", language="de"), []).text == "(interrupted)"


def test_what_was_shown_of_a_written_answer_is_kept() -> None:
    cut = cut_written(answer_of(ENGLISH), ENGLISH[:60])

    assert cut.text == ENGLISH[:60].rstrip() + " —"
    assert [one.index for one in cut.citations] == [1]


def test_sound_plays_in_real_time_from_when_it_came() -> None:
    clock = Clock(10.0)
    playback = Playback(clock)
    assert (playback.heard_ms, playback.seconds_left) == (0, 0)

    playback.sent(1.0, words_of="One.")
    playback.sent(0.5)
    playback.sent(1.0, words_of="Two.")
    assert playback.seconds_left == 2.5
    clock.now = 11.0
    assert playback.heard_ms == 1000
    assert playback.sentences_until(1000) == []
    # The last quarter of a second is silence and the end of a vowel.
    assert playback.sentences_until(1300) == ["One."]

    clock.now = 20.0
    assert (playback.heard_ms, playback.seconds_left) == (2500, 0)
    playback.sent(1.0, words_of="Three.")
    clock.now = 20.5
    assert playback.heard_ms == 3000
    assert playback.sentences_until(playback.heard_ms) == ["One.", "Two."]
