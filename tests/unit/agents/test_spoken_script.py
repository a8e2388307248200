"""What is said of an answer."""

from __future__ import annotations

import pytest

from agents.spoken_script import LONGEST_SPOKEN, Sentence, SpokenScript
from domain.documents import Citation
from domain.turns import Answer
from prompts import rag as written


def _citation(index: int, title: str, page: int | None = None) -> Citation:
    return Citation(
        index=index,
        document_id=f"doc_{index}",
        title=title,
        file="a.pdf",
        quote="q",
        score=0.9,
        page=page,
    )


def _answer(
    text: str, *citations: Citation, answered: bool = True, language: str = "id"
) -> Answer:
    return Answer(
        text=text,
        citations=citations,
        answered=answered,
        confidence=0.9,
        language=language,
        conversation_id="c",
        message_id="m",
    )


def _speak(answer: Answer, *, deltas: int = 1, last: str = "") -> str:
    script = SpokenScript(answer.language)
    size = max(1, len(answer.text) // deltas)
    for start in range(0, len(answer.text), size):
        script.feed(answer.text[start : start + size])
    script.close(answer, last=last)
    return script.text


def test_a_short_answer_ends_with_its_source() -> None:
    answer = _answer(
        "Pendaftaran dibuka 1 Maret 2026 [1].", _citation(1, "Panduan Baru", 3)
    )

    assert _speak(answer) == (
        "Pendaftaran dibuka satu Maret dua ribu dua puluh enam,"
        " menurut Panduan Baru, halaman tiga."
    )


@pytest.mark.parametrize("deltas", [1, 3, 10, 40])
def test_the_cut_of_the_stream_does_not_change_what_is_said(deltas: int) -> None:
    answer = _answer(
        "The library opens at 08:00 [1]. It closes at 20:00 on weekdays [2].",
        _citation(1, "Library Rules"),
        _citation(2, "Opening Hours"),
        language="en",
    )

    assert _speak(answer, deltas=deltas) == _speak(answer)
    assert _speak(answer).endswith("according to Library Rules and Opening Hours.")


def test_a_long_answer_is_cut_and_says_so() -> None:
    sentence = "Mahasiswa wajib menyerahkan berkas lengkap kepada bagian akademik [1]. "
    answer = _answer(sentence * 12, _citation(1, "Panduan"))

    spoken = _speak(answer)

    said = "Mahasiswa wajib menyerahkan berkas lengkap kepada bagian akademik."
    assert 3 <= spoken.count(said) <= LONGEST_SPOKEN // len(said)
    assert spoken.endswith("Sumbernya Panduan. Selengkapnya ada pada jawaban tertulis.")


def test_only_sources_of_what_was_said_are_named() -> None:
    sentence = "Mahasiswa wajib menyerahkan berkas lengkap kepada bagian akademik [1]. "
    answer = _answer(
        sentence * 8 + "Biaya dibayar di bank [2].",
        _citation(1, "Panduan"),
        _citation(2, "Biaya Kuliah"),
    )

    assert "Biaya Kuliah" not in _speak(answer)


def test_a_quote_names_its_source_once() -> None:
    lead = written.QUOTES["id"].format(source="Panduan, Edisi Dua")
    answer = _answer(
        f"{lead} Pendaftaran dibuka dua minggu sebelum semester. [1]",
        _citation(1, "Panduan, Edisi Dua"),
    )

    assert _speak(answer) == (
        "Pendaftaran dibuka dua minggu sebelum semester. Sumbernya Panduan, Edisi Dua."
    )


@pytest.mark.parametrize("language", ["id", "en"])
def test_a_refusal_is_one_sentence(language: str) -> None:
    text = written.REFUSALS[language].format(searched="apa (itu) “x”. y")
    spoken = _speak(_answer(text, answered=False, language=language))

    assert spoken == written.REFUSALS[language].partition(". ")[0] + "."


def test_the_last_sentence_comes_after_the_source() -> None:
    answer = _answer("Buka pukul delapan pagi [1].", _citation(1, "Jam Buka"))

    spoken = _speak(answer, last="Silakan hubungi petugas.")

    assert spoken.endswith("menurut Jam Buka. Silakan hubungi petugas.")


def test_an_opening_goes_first_though_it_is_known_late() -> None:
    script = SpokenScript("en")
    script.feed("The office is closed on Sunday. And on public holidays. ")

    first = script.open("I am sorry to hear that.")

    assert first == [Sentence("I am sorry to hear that.", "en")]
    assert script.text.startswith("I am sorry to hear that. The office")


def test_rows_and_clauses_do_not_run_into_what_follows() -> None:
    answer = _answer(
        "Route: Written Test Route, open to all; Share of seats: 45 percent\n"
        "Route: Portfolio Route; Share of seats: 5 percent [1]",
        _citation(1, "Admissions Guide"),
        language="en",
    )

    assert _speak(answer) == (
        "Route: Written Test Route, open to all; Share of seats: forty-five percent."
        " Route: Portfolio Route, Share of seats: five percent."
        " The source is Admissions Guide."
    )


def test_the_source_of_the_last_quote_is_named_too() -> None:
    answer = _answer(
        "Denda terlambat membayar UKT adalah Rp100.000. [1]\n\n"
        "Denda terlambat mengembalikan buku adalah Rp1.000. [2]",
        _citation(1, "Biaya Kuliah"),
        _citation(2, "Panduan Perpustakaan"),
    )

    assert _speak(answer).endswith("Biaya Kuliah dan Panduan Perpustakaan.")


def test_nothing_is_said_of_an_empty_answer() -> None:
    script = SpokenScript("en")

    assert script.close(_answer("", answered=False, language="en")) == []


def test_a_quote_in_the_other_language_keeps_its_own_voice() -> None:
    script = SpokenScript("en")
    quote = "Mahasiswa kelas internasional membayar uang kuliah tetap setiap semester."

    said = script.feed(f"The closest passage found; it may not help. {quote} ")
    said += script.close(_answer("", answered=False, language="en"))

    assert [sentence.language for sentence in said] == ["en", "id"]


def test_the_source_of_a_foreign_quote_is_named_in_the_language_of_the_answer() -> None:
    quote = "Mahasiswa kelas internasional membayar uang kuliah tetap setiap semester."
    answer = _answer(f"{quote} [1]", _citation(1, "Biaya Kuliah"), language="en")
    script = SpokenScript("en")
    said = script.feed(answer.text)

    said += script.close(answer)

    assert [sentence.language for sentence in said] == ["id", "en"]
    assert said[-1].text == "The source is Biaya Kuliah."


def test_numbers_that_grow_when_spelt_count_as_they_are_spoken() -> None:
    sentence = "Biaya tahun 2026 sebesar Rp 16.500.000 dibayar 1 Maret 2026 di bank. "
    spoken = _speak(_answer(sentence * 6, _citation(1, "Biaya")))

    assert spoken.count("dibayar") <= 2
    assert "Selengkapnya" in spoken
