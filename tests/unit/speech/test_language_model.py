"""Models of documents: probabilities, frames, text."""

from __future__ import annotations

import io
import math
from collections import defaultdict
from pathlib import Path

import pytest

from speech.language_model import CommonEnglish, MixedModel
from speech.lm_build import build_models
from speech.lm_frames import FRAMES_EN, FRAMES_ID, make_questions
from speech.lm_text import guess_language, names_of, number_words, read_corpora
from speech.pronunciation import Pronouncer

SENTENCES = [
    (("the", "library", "is", "open", "until", "nine"), 3),
    (("the", "lost", "card", "is", "at", "the", "library"), 3),
    (("where", "is", "the", "card"), 1),
    (("where", "is", "the", "library"), 1),
]
COMMON = CommonEnglish(
    {"the": 0.4, "is": 0.3, "of": 0.2, "</s>": 0.1},
    {"<s>": {"the": 0.5}, "the": {"of": 0.1, "is": 0.01}, "of": {"the": 0.7}},
)


class Arpa:
    """A model as a decoder reads it."""

    def __init__(self, text: str) -> None:
        self.logs: dict[tuple[str, ...], float] = {}
        self.weights: dict[tuple[str, ...], float] = defaultdict(float)
        self.told: dict[int, int] = {}
        order = 0
        for line in text.splitlines():
            if line.startswith("ngram "):
                number, _, count = line[6:].partition("=")
                self.told[int(number)] = int(count)
            elif line.endswith("-grams:"):
                order = int(line[1])
            elif line and not line.startswith("\\"):
                fields = line.split()
                words = tuple(fields[1 : 1 + order])
                self.logs[words] = float(fields[0])
                if fields[1 + order :]:
                    self.weights[words] = float(fields[1 + order])

    def probability(self, *words: str) -> float:
        if words in self.logs:
            return math.pow(10.0, self.logs[words])
        weight = math.pow(10.0, self.weights[words[:-1]])
        return weight * self.probability(*words[1:])


def _arpa(common: CommonEnglish) -> tuple[MixedModel, Arpa]:
    model = MixedModel(SENTENCES, common=common)
    out = io.StringIO()
    model.write_arpa(out)
    return model, Arpa(out.getvalue())


@pytest.mark.parametrize("common", [COMMON, CommonEnglish.none()])
@pytest.mark.parametrize(
    "history",
    [(), ("<s>",), ("the",), ("of",), ("<s>", "the"), ("is", "the"), ("of", "the")],
)
def test_what_may_follow_adds_up_to_one(
    common: CommonEnglish, history: tuple[str, ...]
) -> None:
    model, arpa = _arpa(common)
    if not all(word in {"<s>", *model.words} for word in history):
        pytest.skip("not a word of this model")

    total = sum(arpa.probability(*history, word) for word in (*model.words, "</s>"))

    assert total == pytest.approx(1.0, abs=0.01)


def test_the_header_counts_what_follows() -> None:
    _, arpa = _arpa(COMMON)

    for order, told in arpa.told.items():
        assert told == sum(1 for words in arpa.logs if len(words) == order)


def test_common_english_is_mixed_in() -> None:
    _, plain = _arpa(CommonEnglish.none())
    model, mixed = _arpa(COMMON)

    assert "of" in model.words
    assert ("of",) not in plain.logs
    assert mixed.probability("of", "the") > 3 * mixed.probability("of", "card")


def test_the_shipped_english_is_a_distribution() -> None:
    common = CommonEnglish.load()

    assert len(common.unigrams) > 4_000
    assert sum(common.unigrams.values()) == pytest.approx(1.0)
    assert all(sum(row.values()) <= 0.96 for row in common.bigrams.values())
    assert common.bigrams["how"]["many"] > 20 * common.unigrams["many"]


def test_questions_are_the_same_each_time_and_of_the_documents() -> None:
    sentences = [list(words) for words, _ in SENTENCES]

    first = make_questions(sentences, [["kota", "sagara"]], frames=FRAMES_EN)
    second = make_questions(sentences, [["kota", "sagara"]], frames=FRAMES_EN)

    assert first == second
    assert any("kota sagara" in " ".join(words) for words in first)
    assert not any("X" in words for words in first)


def test_no_documents_make_no_questions() -> None:
    assert make_questions([], [], frames=FRAMES_ID) == []


@pytest.mark.parametrize(
    ("digits", "english", "indonesian"),
    [
        ("0", "zero", "nol"),
        ("10", "ten", "sepuluh"),
        ("11", "eleven", "sebelas"),
        ("18", "eighteen", "delapan belas"),
        ("31", "thirty one", "tiga puluh satu"),
        ("100", "one hundred", "seratus"),
        ("1000", "one thousand", "seribu"),
        ("1968", "nineteen sixty eight", "seribu sembilan ratus enam puluh delapan"),
        ("2026", "twenty twenty six", "dua ribu dua puluh enam"),
        ("007", "zero zero seven", "nol nol tujuh"),
    ],
)
def test_numbers_are_said_as_people_say_them(
    digits: str, english: str, indonesian: str
) -> None:
    assert " ".join(number_words(digits, language="en")) == english
    assert " ".join(number_words(digits, language="id")) == indonesian


def test_sentences_go_to_the_model_of_their_language() -> None:
    corpora = read_corpora(
        [
            "The library of Kota Sagara lends books.",
            "Perpustakaan buka dan UKT dibayar di Bank Nusantara.",
            "The library of Kota Sagara lends books.",
        ]
    )

    assert corpora["en"].sentences == [
        ["the", "library", "of", "kota", "sagara", "lends", "books"]
    ]
    assert len(corpora["id"].sentences) == 1
    assert ["bank", "nusantara"] in corpora["en"].names
    assert "ukt" in corpora["id"].acronyms


def test_languages_and_names_are_told_apart() -> None:
    assert guess_language(["kapan", "pendaftaran", "dibuka"]) == "id"
    assert guess_language(["when", "is", "it"]) == "en"
    assert names_of("Ask the Sagara Office in 2026 or Ani.") == ["Sagara Office", "Ani"]


def test_little_text_makes_no_model(tmp_path: Path, pronouncer: Pronouncer) -> None:
    found = build_models(["The card is lost."], tmp_path, pronouncer=pronouncer)

    assert found == {}


def test_every_word_of_a_model_has_a_sound(
    tmp_path: Path, pronouncer: Pronouncer
) -> None:
    texts = [f"The card of {name} is at the library." for name in _NAMES]

    found = build_models(texts, tmp_path, pronouncer=pronouncer)

    folder = Path(found["en"])
    spoken = {
        line.split()[0].partition("(")[0]
        for line in (folder / "words.dict").read_text().splitlines()
    }
    listed = {
        words[0]
        for words in Arpa((folder / "model.arpa").read_text()).logs
        if len(words) == 1
    }
    assert {"wibowo", "library", "where"} <= spoken
    assert listed - spoken <= {"<s>", "</s>"}


_NAMES = ("Wibowo", "Sari", "Kirana", "Bagas", "Intan", "Dewi", "Yanti", "Putra")
