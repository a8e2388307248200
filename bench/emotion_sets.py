"""
Texts with an emotion, from the sets that the text models learn from.

English: GoEmotions (Demszky et al. 2020; Apache-2.0), files `goemotions/*.tsv`, rows
with one class: joy, excitement, gratitude, love and relief are `happy`; sadness,
disappointment, grief and remorse `sad`; anger and annoyance `angry`; fear and
nervousness `fear`; neutral `neutral`. Rows of other classes, or of two of ours, are
dropped: they are mixed or no state of a speaker.

Indonesian: EmoT of IndoNLU (Saputri et al. 2018, Wilie et al. 2020; MIT), files
`emot/*.csv`. `love` is dropped: half of it is joy and half is longing.

Neutral besides: questions of the question sets and of the sample documents, and short
sentences of the paragraphs that the questions are about. Both languages:
`bench/data/emotion_seeds.tsv`, written for this project; always learnt from, never
measured with.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from domain.speech import EmotionLabel
from language.sentences import split_sentences

SEEDS: Final = Path(__file__).resolve().parent / "data" / "emotion_seeds.tsv"
QUESTIONS: Final = Path(__file__).resolve().parent.parent / "samples/questions.jsonl"
SET, QUESTION, STATEMENT, SEED = "set", "question", "statement", "seed"

_SLOT = re.compile(r"\{(\w+)\}")
_STATEMENTS, _LONGEST_STATEMENT = 300, 140
_GOEMOTIONS: Final[dict[int, EmotionLabel]] = {
    2: "angry",
    3: "angry",
    9: "sad",
    13: "happy",
    14: "fear",
    15: "happy",
    16: "sad",
    17: "happy",
    18: "happy",
    19: "fear",
    23: "happy",
    24: "sad",
    25: "sad",
    27: "neutral",
}
_EMOT: Final[dict[str, EmotionLabel]] = {
    "anger": "angry",
    "happy": "happy",
    "sadness": "sad",
    "fear": "fear",
}
_QUESTION_FILES: Final = {
    "en": ("en_questions", "en_unanswerable"),
    "id": ("id_questions", "id_facqa_questions", "id_unanswerable"),
}


@dataclass(frozen=True, slots=True)
class Example:
    """
    A text and its class.

    Attributes:
        origin: `SET`, `QUESTION`, `STATEMENT` or `SEED`.
        part: 0 to 9, the same for the same text in every run.
    """

    text: str
    label: EmotionLabel
    origin: str
    part: int


def load_examples(language: str, *, sets: Path, data: Path) -> list[Example]:
    """
    Return every example of *language*, no text twice.

    Args:
        language: `en` or `id`.
        sets: Folder with `goemotions/` and `emot/`.
        data: Folder with the question sets in `qa/`.
    """
    read = _read_goemotions if language == "en" else _read_emot
    found: dict[str, Example] = {}
    for origin, rows in (
        (SET, read(sets)),
        (QUESTION, _read_questions(language, data)),
        (STATEMENT, _read_statements(language, data)),
        (SEED, _read_seeds(language)),
    ):
        for text, label in rows:
            key = " ".join(text.lower().split())
            found.setdefault(key, Example(text, label, origin, _part(key)))
    return list(found.values())


def _part(key: str) -> int:
    return hashlib.sha256(key.encode()).digest()[0] % 10


def _read_goemotions(sets: Path) -> Iterator[tuple[str, EmotionLabel]]:
    for path in sorted((sets / "goemotions").glob("*.tsv")):
        for line in path.read_text(encoding="utf-8").splitlines():
            text, classes = line.split("\t")[:2]
            labels = {_GOEMOTIONS.get(int(number)) for number in classes.split(",")}
            if len(labels) == 1 and (label := labels.pop()):
                yield text, label


def _read_emot(sets: Path) -> Iterator[tuple[str, EmotionLabel]]:
    for path in sorted((sets / "emot").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if label := _EMOT.get(row["label"]):
                    yield row["tweet"], label


def _read_questions(language: str, data: Path) -> Iterator[tuple[str, EmotionLabel]]:
    for line in QUESTIONS.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["lang"] == language:
            yield row["question"], "neutral"
    for name in _QUESTION_FILES[language]:
        lines = (data / "qa" / f"{name}.jsonl").read_text(encoding="utf-8")
        for line in lines.splitlines():
            yield json.loads(line)["question"], "neutral"


def _read_statements(language: str, data: Path) -> Iterator[tuple[str, EmotionLabel]]:
    path = data / "qa" / f"{language}_paragraphs.jsonl"
    left = _STATEMENTS
    for line in path.read_text(encoding="utf-8").splitlines():
        for sentence in split_sentences(json.loads(line)["text"])[1:3]:
            if left and len(sentence.text) <= _LONGEST_STATEMENT:
                left -= 1
                yield sentence.text, "neutral"


def _read_seeds(language: str) -> Iterator[tuple[str, EmotionLabel]]:
    words: dict[str, list[str]] = {}
    for line in SEEDS.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        parts = line.split("\t")
        of, label, text = parts[0], _as_label(parts[1]), parts[-1]
        if of != language:
            continue
        if parts[2] == "words" and len(parts) == 4:
            words[label] = text.split(",")
        elif found := _SLOT.search(text):
            slot = found.group(1)
            for word in words[label if slot == "f" else slot]:
                yield text.replace(found.group(), word), label
        else:
            yield text, label


def _as_label(name: str) -> EmotionLabel:
    labels: dict[str, EmotionLabel] = {
        "angry": "angry",
        "happy": "happy",
        "sad": "sad",
        "fear": "fear",
        "neutral": "neutral",
    }
    return labels[name]
