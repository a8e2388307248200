"""How the emotion models are trained, and from what."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.emotion_sets import (
    QUESTION,
    SEED,
    SET,
    STATEMENT,
    Example,
    load_examples,
)
from bench.train_emotion import measure, train

ANGRY = ["angry desk", "angry people", "so angry", "angry now"]
HAPPY = ["happy desk", "happy people", "so happy", "happy now"]
PLAIN = ["where is it", "when is it", "who is it", "what is it"]


def _toy() -> list[Example]:
    return [
        *(Example(text, "angry", SET, 0) for text in ANGRY),
        *(Example(text, "happy", SET, 0) for text in HAPPY),
        *(Example(text, "neutral", QUESTION, 0) for text in PLAIN),
        Example("it is sad", "sad", SEED, 0),
        Example("it is scary", "fear", SEED, 0),
    ]


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    (tmp_path / "goemotions").mkdir()
    (tmp_path / "goemotions" / "dev.tsv").write_text(
        "I hate this\t2,3\ted1\n"
        "thanks a lot\t15\ted2\n"
        "mixed up\t2,25\ted3\n"
        "what an odd thing\t26\ted4\n"
        'a quote " in it\t14\ted5\n'
        "THANKS  a lot\t15\ted6\n",
        encoding="utf-8",
    )
    (tmp_path / "emot").mkdir()
    (tmp_path / "emot" / "train.csv").write_text(
        'label,tweet\nanger,"kesal, sekali"\nlove,sayang\nsadness,sedih\n',
        encoding="utf-8",
    )
    (tmp_path / "qa").mkdir()
    for name in (
        "en_questions",
        "en_unanswerable",
        "id_questions",
        "id_facqa_questions",
        "id_unanswerable",
    ):
        line = json.dumps({"question": f"what of {name}?"})
        (tmp_path / "qa" / f"{name}.jsonl").write_text(line + "\n", encoding="utf-8")
    for language in ("en", "id"):
        text = "One is first. The town lies on a river. " + "It is long " * 20 + "."
        (tmp_path / "qa" / f"{language}_paragraphs.jsonl").write_text(
            json.dumps({"text": text}) + "\n", encoding="utf-8"
        )
    return tmp_path


def test_rows_of_one_class_count_and_mixed_ones_do_not(sets: Path) -> None:
    found = load_examples("en", sets=sets, data=sets)
    assert [(e.text, e.label) for e in found if e.origin == SET] == [
        ("I hate this", "angry"),
        ("thanks a lot", "happy"),
        ('a quote " in it', "fear"),
    ]


def test_love_is_dropped(sets: Path) -> None:
    found = load_examples("id", sets=sets, data=sets)
    assert [(e.text, e.label) for e in found if e.origin == SET] == [
        ("kesal, sekali", "angry"),
        ("sedih", "sad"),
    ]


@pytest.mark.parametrize("language", ["en", "id"])
def test_questions_and_short_sentences_are_neutral(sets: Path, language: str) -> None:
    found = load_examples(language, sets=sets, data=sets)
    plain = [e for e in found if e.origin in {QUESTION, STATEMENT}]
    assert {e.label for e in plain} == {"neutral"}
    assert [e.text for e in plain if e.origin == STATEMENT] == [
        "The town lies on a river."
    ]
    assert f"what of {language}_questions?" in {e.text for e in plain}


@pytest.mark.parametrize("language", ["en", "id"])
def test_the_seeds_have_every_class_and_no_open_slot(sets: Path, language: str) -> None:
    found = load_examples(language, sets=sets, data=sets)
    seeds = [e for e in found if e.origin == SEED]
    assert {e.label for e in seeds} == {"neutral", "happy", "sad", "angry", "fear"}
    assert not [e.text for e in seeds if "{" in e.text or "\t" in e.text]
    assert len({e.text.lower() for e in seeds}) == len(seeds)


def test_a_text_is_always_in_the_same_part(sets: Path) -> None:
    one, other = (load_examples("en", sets=sets, data=sets) for _ in range(2))
    assert one == other
    assert {e.part for e in one} == set(range(10))


def test_training_learns_what_tells_the_classes_apart() -> None:
    model = train(_toy())
    figures = measure(model, _toy(), threshold=0.34)
    assert figures.macro_f1 == 1.0
    assert figures.neutral_questions == 1.0
    told = model.read("an angry clerk")
    assert max(told, key=lambda label: told[label]) == "angry"


def test_figures_count_what_was_called_what() -> None:
    examples = [
        Example("so angry", "happy", SET, 0),
        Example("where is it", "neutral", QUESTION, 0),
        Example("angry now", "neutral", QUESTION, 0),
        Example("who is it", "neutral", STATEMENT, 0),
    ]
    figures = measure(train(_toy()), examples, threshold=0.34)
    assert figures.neutral_questions == 0.5
    assert figures.neutral_statements == 1.0
    # Statements are not in the F1: one hit, one angry question missed.
    assert figures.f1["neutral"] == pytest.approx(2 / 3)
    assert figures.f1["angry"] == 0.0
    assert figures.f1["happy"] == 0.0


def test_nothing_is_named_above_certainty() -> None:
    figures = measure(train(_toy()), _toy(), threshold=1.01)
    assert figures.f1["angry"] == 0.0
    assert figures.neutral_questions == 1.0
