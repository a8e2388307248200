"""
Train the emotion models: `python -m bench.train_emotion --sets FOLDER --data FOLDER`.

A softmax regression a language over hashed words and grams. A fifth of every set and
of the questions is held back; the threshold is chosen by cross-validation on the rest,
the figures printed are of the held-back part, and what is written was trained on
everything. Only weights leave this script. `bench/emotion_sets.py` names the sets.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.emotion_sets import (
    QUESTION,
    SEED,
    SET,
    STATEMENT,
    Example,
    load_examples,
)
from domain.speech import EmotionLabel
from speech.emotion_text import (
    BUCKETS,
    DATA,
    LABELS,
    Floats,
    TextEmotion,
    hash_features,
    save_model,
)

MIN_MACRO_F1, MIN_NEUTRAL_SHARE = 0.60, 0.95
_HELD_BACK = frozenset({0, 1})
_FOLDS = 4
_STEPS = 160
_RATE = 0.05
_DECAY = 6e-5
"""Penalty of a squared weight, for the mean loss of an example."""
_BALANCE = 1.0
"""0: every example counts the same, 1: every class does."""
_SEED_WEIGHT = 0.5
_PLAIN_WEIGHT = 0.5
"""Of questions and statements, which are many and easy."""
_NEUTRAL_GOAL = 0.97
"""Share of neutral questions, and of plain statements, asked of the threshold: some
more than the promise."""
_THRESHOLDS = np.arange(0.34, 0.71, 0.02)
_NEUTRAL = LABELS.index("neutral")


@dataclass(frozen=True, slots=True)
class Figures:
    """What the held-back part says."""

    macro_f1: float
    f1: dict[EmotionLabel, float]
    neutral_questions: float
    neutral_statements: float
    threshold: float


class _Rows:
    """Sparse rows of features, summed up by row and by bucket."""

    def __init__(self, examples: Sequence[Example]) -> None:
        features = [hash_features(example.text) for example in examples]
        lengths = np.array([len(indices) for indices, _ in features])
        self.indices = np.concatenate([indices for indices, _ in features])
        self.values = np.concatenate([values for _, values in features])[:, None]
        self._starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        self._row = np.repeat(np.arange(len(features)), lengths)
        self._order = np.argsort(self.indices, kind="stable")
        self._buckets, self._bucket_starts = np.unique(
            self.indices[self._order], return_index=True
        )

    def scores(self, weights: Floats) -> Floats:
        """Return the sum of the weights of each row, by class."""
        return np.add.reduceat(weights[self.indices] * self.values, self._starts)

    def gradient(self, errors: Floats) -> Floats:
        """Return the sum of the errors over each bucket's rows, by class."""
        spread = errors[self._row[self._order]] * self.values[self._order]
        total = np.zeros((BUCKETS, errors.shape[1]), dtype=np.float32)
        total[self._buckets] = np.add.reduceat(spread, self._bucket_starts)
        return total


class _Adam:
    """A parameter that moves by Adam, slower to the end."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.value: Floats = np.zeros(shape, dtype=np.float32)
        self._mean, self._square = np.zeros_like(self.value), np.zeros_like(self.value)

    def move(self, gradient: Floats, *, step: int) -> None:
        """Take step number *step*, from 1, against *gradient*."""
        self._mean += 0.1 * (gradient - self._mean)
        self._square += 0.01 * (gradient**2 - self._square)
        length = np.sqrt(self._square / (1 - 0.99**step)) + 1e-6
        rate = _RATE * (1.0 - step / (_STEPS + 1))
        self.value -= rate * self._mean / (1 - 0.9**step) / length


def train(examples: Sequence[Example]) -> TextEmotion:
    """Return the model of *examples*; its threshold is not chosen yet."""
    rows = _Rows(examples)
    truth = np.array([LABELS.index(example.label) for example in examples])
    share = _weigh(examples, truth)
    weights, bias = _Adam((BUCKETS, len(LABELS))), _Adam((len(LABELS),))
    for step in range(1, _STEPS + 1):
        errors = _softmax(rows.scores(weights.value) + bias.value)
        errors[np.arange(len(truth)), truth] -= 1.0
        errors *= share[:, None]
        weights.move(rows.gradient(errors) + _DECAY * weights.value, step=step)
        bias.move(errors.sum(axis=0), step=step)
    return TextEmotion(weights.value, bias.value, 0.0)


def measure(
    model: TextEmotion, examples: Sequence[Example], *, threshold: float
) -> Figures:
    """Return how well *model* tells the classes of *examples* at *threshold*."""
    return _judge(_read(model, examples), examples, threshold=threshold)


def choose_threshold(examples: Sequence[Example]) -> float:
    """Return the best threshold that keeps neutral questions neutral."""
    told = np.zeros((len(examples), len(LABELS)))
    for fold in range(_FOLDS):
        here = [e.origin != SEED and e.part % _FOLDS == fold for e in examples]
        others = [e for e, mine in zip(examples, here, strict=True) if not mine]
        tested = [e for e, mine in zip(examples, here, strict=True) if mine]
        told[np.array(here)] = _read(train(others), tested)
    kept = [n for n, example in enumerate(examples) if example.origin != SEED]
    tried = [
        _judge(told[kept], [examples[n] for n in kept], threshold=float(threshold))
        for threshold in _THRESHOLDS
    ]
    good = [
        found
        for found in tried
        if min(found.neutral_questions, found.neutral_statements) >= _NEUTRAL_GOAL
    ]
    best = max(good or tried[-1:], key=lambda found: found.macro_f1)
    _show("cross-validated", best)
    return best.threshold


def _weigh(examples: Sequence[Example], truth: NDArray[np.int64]) -> Floats:
    """Return the share of each example in the loss; they sum up to 1."""
    by_origin = {SET: 1.0, SEED: _SEED_WEIGHT}
    share = np.array([by_origin.get(e.origin, _PLAIN_WEIGHT) for e in examples])
    totals = np.bincount(truth, weights=share, minlength=len(LABELS))
    share *= totals[truth] ** -_BALANCE
    shares: Floats = (share / share.sum()).astype(np.float32)
    return shares


def _softmax(scores: Floats) -> Floats:
    powers: Floats = np.exp(scores - scores.max(axis=1, keepdims=True))
    powers /= powers.sum(axis=1, keepdims=True)
    return powers


def _read(model: TextEmotion, examples: Sequence[Example]) -> NDArray[np.float64]:
    told = (model.read(example.text) for example in examples)
    return np.array([[shares[label] for label in LABELS] for shares in told])


def _judge(
    told: NDArray[np.float64], examples: Sequence[Example], *, threshold: float
) -> Figures:
    feelings = told.copy()
    feelings[:, _NEUTRAL] = -1.0
    enough = feelings.max(axis=1) >= np.maximum(threshold, told[:, _NEUTRAL])
    said = np.where(enough, feelings.argmax(axis=1), _NEUTRAL)
    truth = np.array([LABELS.index(example.label) for example in examples])
    origin = np.array([example.origin for example in examples])
    counted = origin != STATEMENT
    f1: dict[EmotionLabel, float] = {}
    for n, label in enumerate(LABELS):
        hits = int(((said == n) & (truth == n) & counted).sum())
        wrong = int((((said == n) != (truth == n)) & counted).sum())
        f1[label] = 2 * hits / max(1, 2 * hits + wrong)
    return Figures(
        macro_f1=float(np.mean(list(f1.values()))),
        f1=f1,
        neutral_questions=_share_neutral(said[origin == QUESTION]),
        neutral_statements=_share_neutral(said[origin == STATEMENT]),
        threshold=threshold,
    )


def _share_neutral(said: NDArray[np.int64]) -> float:
    return float((said == _NEUTRAL).mean()) if len(said) else 1.0


def _show(name: str, figures: Figures) -> None:
    by_class = "  ".join(f"{label} {value:.3f}" for label, value in figures.f1.items())
    print(
        f"  {name}: macro-F1 {figures.macro_f1:.3f} ({by_class});"
        f" called neutral: questions {figures.neutral_questions:.1%},"
        f" statements {figures.neutral_statements:.1%};"
        f" threshold {figures.threshold:.2f}",
        flush=True,
    )


def _train_language(language: str, *, sets: Path, data: Path) -> bool:
    examples = load_examples(language, sets=sets, data=data)
    counts = Counter((example.origin, example.label) for example in examples)
    print(f"{language}:", *(f"{a}/{b} {n}" for (a, b), n in sorted(counts.items())))
    held_back: list[Example] = []
    learnt: list[Example] = []
    for example in examples:
        held = example.origin != SEED and example.part in _HELD_BACK
        (held_back if held else learnt).append(example)
    threshold = choose_threshold(learnt)
    found = measure(train(learnt), held_back, threshold=threshold)
    _show(f"held back ({len(held_back)} texts)", found)
    model = train(examples)
    path = DATA / f"emotion_{language}.npz"
    save_model(TextEmotion(model.weights, model.bias, threshold), path)
    print(f"  wrote {path.name}, {path.stat().st_size // 1024} kB")
    return (
        found.macro_f1 >= MIN_MACRO_F1 and found.neutral_questions >= MIN_NEUTRAL_SHARE
    )


def main() -> int:
    """Train both languages; return 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--sets", type=Path, required=True, help="folder with goemotions/, emot/"
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with qa/")
    options = parser.parse_args()
    good = [
        _train_language(language, sets=options.sets, data=options.data)
        for language in ("en", "id")
    ]
    return 0 if all(good) else 1


if __name__ == "__main__":
    raise SystemExit(main())
