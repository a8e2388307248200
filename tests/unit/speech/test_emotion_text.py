"""The text models of emotions, and their files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from domain.speech import EmotionLabel
from speech.emotion_text import (
    BUCKETS,
    DATA,
    LABELS,
    MAX_CHARS,
    TextEmotion,
    hash_features,
    load_model,
    save_model,
    split_tokens,
)
from speech.local_emotion import judge
from tests.fakes.plain_questions import ENGLISH, INDONESIAN

ROOT = Path(__file__).resolve().parents[3]
SEEDS = (ROOT / "bench/data/emotion_seeds.tsv").read_text(encoding="utf-8").lower()
PLAIN = {"en": ENGLISH, "id": INDONESIAN}

CLEAR: dict[str, list[tuple[str, EmotionLabel]]] = {
    "en": [
        ("thanks, you made my day, I love it", "happy"),
        ("I'm so excited, I finally got the scholarship!", "happy"),
        ("this is so stupid, you idiots closed the counter again", "angry"),
        ("I hate how rude your staff is, what a bullshit service", "angry"),
        ("my mother died and I feel so alone", "sad"),
        ("it makes me sad that I failed and had to say sorry to my parents", "sad"),
        ("I am scared to walk home at night, it is terrifying", "fear"),
        ("I'm really nervous and afraid that I will fail", "fear"),
    ],
    "id": [
        ("terima kasih banyak, saya senang sekali dibantu", "happy"),
        ("alhamdulillah akhirnya lulus juga, bahagia banget", "happy"),
        ("kesal saya, petugasnya tidak becus dan kurang ajar", "angry"),
        ("goblok banget sih sistemnya, error terus", "angry"),
        ("sedih, nenek meninggal dan saya sendirian", "sad"),
        ("hati saya hancur, saya menangis terus", "sad"),
        ("takut banget, jalan ke asrama serem kalau malam", "fear"),
        ("deg degan, saya khawatir tidak lulus", "fear"),
    ],
}


@pytest.fixture(scope="module", params=["en", "id"])
def model(request: pytest.FixtureRequest) -> tuple[str, TextEmotion]:
    return request.param, load_model(request.param)


def said(model: TextEmotion, text: str) -> EmotionLabel:
    return judge(model.read(text), None, threshold=model.threshold).label


def test_clear_words_are_understood(model: tuple[str, TextEmotion]) -> None:
    language, reader = model
    read = [(text, said(reader, text)) for text, _ in CLEAR[language]]
    assert read == CLEAR[language]


def test_plain_questions_are_neutral(model: tuple[str, TextEmotion]) -> None:
    language, reader = model
    wrong = [text for text in PLAIN[language] if said(reader, text) != "neutral"]
    assert len(PLAIN[language]) == 50
    assert len(wrong) <= 2, wrong


def test_the_questions_of_the_samples_are_neutral(
    model: tuple[str, TextEmotion],
) -> None:
    language, reader = model
    lines = (ROOT / "samples/questions.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [row for line in lines if (row := json.loads(line))["lang"] == language]
    wrong = [r["question"] for r in rows if said(reader, r["question"]) != "neutral"]
    assert len(rows) > 20
    assert len(wrong) <= 0.05 * len(rows), wrong


@pytest.mark.parametrize("language", ["en", "id"])
def test_what_is_measured_with_was_never_learnt_from(language: str) -> None:
    for text in [*PLAIN[language], *(text for text, _ in CLEAR[language])]:
        assert f"\t{text.lower()}\n" not in SEEDS


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "I am not angry at all"),
        ("en", "I'm not afraid of the exam"),
        ("id", "saya tidak marah, hanya bertanya"),
        ("id", "saya tidak takut ujian"),
    ],
)
def test_a_denied_feeling_is_none(language: str, text: str) -> None:
    told = load_model(language).read(text)
    plain = load_model(language).read(text.replace("not ", "").replace("tidak ", ""))
    feeling: EmotionLabel = "fear" if ("afraid" in text or "takut" in text) else "angry"
    assert told[feeling] < plain[feeling] / 2


def test_shares_sum_up_to_one_whatever_is_said(model: tuple[str, TextEmotion]) -> None:
    for text in ("", "?", "a" * 100_000, "😡😡😡", "\x00\ud800"):
        told = model[1].read(text)
        assert set(told) == set(LABELS)
        assert sum(told.values()) == pytest.approx(1.0, abs=1e-4)


def test_both_models_ship_in_a_few_hundred_kilobytes() -> None:
    sizes = [path.stat().st_size for path in DATA.glob("emotion_*.npz")]
    assert len(sizes) == 2
    assert sum(sizes) < 400_000


def test_the_models_hold_numbers_and_no_text() -> None:
    for path in DATA.glob("emotion_*.npz"):
        with np.load(path, allow_pickle=False) as data:
            assert {array.dtype.kind for array in data.values()} <= {"i", "f"}


def test_tokens_leave_out_names_links_numbers_and_stretching() -> None:
    tokens = split_tokens("@budi [NAME] Kesaaaaal!!! lihat https://x.y/z jam 12")
    assert tokens == ["kesaal", "!!", "lihat", "jam", "0"]


def test_what_is_behind_the_limit_says_nothing() -> None:
    short, long = "a " * (MAX_CHARS // 2), "a " * (MAX_CHARS // 2) + "angry " * 50
    indices, values = hash_features(short)
    longer_indices, longer_values = hash_features(long)
    assert np.array_equal(indices, longer_indices)
    assert np.array_equal(values, longer_values)


def test_features_are_the_same_in_every_process() -> None:
    indices, values = hash_features("not happy")
    assert len(indices) == len(values) == 11
    assert int(indices.sum()) == 163954


def test_a_saved_model_reads_as_before(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    weights = generator.normal(size=(BUCKETS, len(LABELS))).astype(np.float32)
    model = TextEmotion(weights, np.zeros(len(LABELS), dtype=np.float32), 0.4)

    save_model(model, tmp_path / "emotion_en.npz")
    loaded = load_model("en", folder=tmp_path)

    assert loaded.threshold == pytest.approx(0.4)
    before, after = model.read("good morning"), loaded.read("good morning")
    assert after == pytest.approx(before, abs=0.05)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"nonsense"])
def test_a_broken_file_is_an_error_of_the_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "emotion_en.npz").write_bytes(content)
    with pytest.raises(OSError, match="not a model"):
        load_model("en", folder=tmp_path)


def test_a_model_of_another_shape_is_refused(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "emotion_en.npz",
        weights=np.zeros((4, 5), dtype=np.int8),
        scale=np.ones(5),
        bias=np.zeros(5),
        threshold=np.float32(0.5),
    )
    with pytest.raises(OSError, match="version"):
        load_model("en", folder=tmp_path)
