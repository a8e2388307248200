"""
Train the sentence ranker and the gate: `python -m bench.train_extractive`.

Ranker: listwise, the sentences of one question against each other; each set weighs the
same. Gate: logistic; its negatives are questions whose own passage was hidden,
questions whose whole topic was, and questions of other collections. Rarity is counted
among the passages found, so a hidden passage leaves no trace. Everything printed is
cross-validated by paragraph; what is written was trained on everything. Only weights
leave this script.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from agents.extractive_weights import SENTENCE_WEIGHTS
from agents.gate import GATE_FEATURES, compute_gate_features
from agents.ranking import SENTENCE_FEATURES, rank_sentences
from bench.eval_figures import area
from bench.extractive_samples import (
    FOLDS,
    SETS,
    Floats,
    GateSample,
    Questions,
    Sample,
    iter_gate_samples,
    make_sample,
)
from bench.questions import (
    Case,
    load_cases,
    load_documents,
    load_paragraph_cases,
    load_paragraphs,
    load_translated_cases,
)
from knowledge.search import PassageSearch
from stores.vectors import open_embedded

_STEPS = 400
_STEP = 0.1
_DECAY = 0.002
_GATE_DECAY = 1.0
_NEWTON_STEPS = 20
_PRIORS = {
    "together": 1.0,
    "grams_together": 2.0,
    "superseded": -4.0,
    "question": -1.0,
    "foreign": -0.5,
}
"""Weights of what the sets hold too little of to learn: words only in the heading of a
table row says, outdated notices, headings that are questions, the other language."""
OWN = Path(__file__).resolve().parent / "data" / "company"
TARGET = Path(__file__).resolve().parent.parent / "agents" / "extractive_weights.py"


def train_ranker(samples: Sequence[Sample]) -> Floats:
    """Return weights by which the right sentences come first."""
    used = [one for one in samples if one.right.any()]
    sizes = Counter(one.group for one in used)
    matrix = np.concatenate([one.features for one in used])
    right = np.concatenate([one.right for one in used])
    ignored = np.concatenate([one.ignored for one in used])
    lengths = [len(one.features) for one in used]
    starts = np.cumsum([0, *lengths[:-1]])
    segment = np.repeat(np.arange(len(used)), lengths)
    share = np.array([1.0 / sizes[one.group] for one in used])
    share /= share.sum()

    def slope(weights: Floats) -> Floats:
        scores = np.where(ignored, -1e9, matrix @ weights)
        top = np.maximum.reduceat(scores, starts)
        mass = np.exp(scores - top[segment])
        belief = mass / np.add.reduceat(mass, starts)[segment]
        good = np.where(right, mass, 0.0)
        wish = good / np.add.reduceat(good, starts)[segment]
        result: Floats = matrix.T @ ((belief - wish) * share[segment])
        return result + _DECAY * weights

    return _descend(slope, matrix.shape[1])


def train_gate(features: Floats, labels: Floats, shares: Floats) -> Floats:
    """Return logistic weights by Newton's method; the last one is the bias."""
    matrix = np.column_stack([features, np.ones(len(features))])
    share = shares / shares.sum() * len(shares)
    decay = np.full(matrix.shape[1], _GATE_DECAY)
    decay[-1] = 1e-6
    weights = np.zeros(matrix.shape[1])
    for _ in range(_NEWTON_STEPS):
        belief = 1.0 / (1.0 + np.exp(-np.clip(matrix @ weights, -30, 30)))
        bend = matrix.T @ (matrix * (share * belief * (1 - belief))[:, None])
        slope = matrix.T @ (share * (belief - labels)) + decay * weights
        weights = weights - np.linalg.solve(bend + np.diag(decay), slope)
    return weights


def _descend(slope: Callable[[Floats], Floats], size: int) -> Floats:
    """Minimise by Adam (Kingma and Ba, 2015), full batch."""
    weights, mean, square = np.zeros(size), np.zeros(size), np.zeros(size)
    for at in range(1, _STEPS + 1):
        found = slope(weights)
        mean = 0.9 * mean + 0.1 * found
        square = 0.999 * square + 0.001 * found * found
        moved = (mean / (1 - 0.9**at)) / (np.sqrt(square / (1 - 0.999**at)) + 1e-8)
        weights = weights - _STEP * moved
    return weights


def print_ranking(
    samples: Sequence[Sample], weights: Callable[[Sample], Floats]
) -> None:
    """Print containment at 1, 2, 3 sentences, and right first passages."""
    for group in sorted({one.group for one in samples}):
        rows = []
        for one in samples:
            if one.group != group or not len(one.features):
                continue
            order = np.argsort(-(one.features @ weights(one)), kind="stable")
            held = one.holds[order]
            first = one.owners[order[0]] == one.source
            rows.append((held[:1].any(), held[:2].any(), held[:3].any(), first))
        print(group, len(rows), np.array(rows, dtype=float).mean(axis=0).round(3))


_KIND_WEIGHTS = {
    "asked": 1.0,
    "hidden": 0.35,
    "topic": 0.5,
    "foreign": 0.5,
    "absent": 0.5,
    "adversarial": 0.0,
}


def fit_gate(samples: Sequence[GateSample], ranker: Floats) -> Floats:
    """Train on everything, print cross-validated figures, return the weights."""
    used = [
        (one, rank_sentences(one.evidence, weights=ranker.tolist())) for one in samples
    ]
    used = [(one, ranked) for one, ranked in used if ranked]
    kept = [one for one, _ in used]
    matrix = np.array(
        [compute_gate_features(one.evidence, ranked) for one, ranked in used]
    )
    labels = np.array([one.label for one in kept])
    sizes = Counter((one.group, one.kind) for one in kept)
    shares = np.array(
        [
            _KIND_WEIGHTS[one.kind]
            / sizes[one.group, one.kind]
            * (0.3 if one.group == "xling" else 1.0)
            for one in kept
        ]
    )
    folds = np.array([one.fold for one in kept])
    beliefs = np.zeros(len(kept))
    for fold in range(FOLDS):
        weights = train_gate(
            matrix[folds != fold], labels[folds != fold], shares[folds != fold]
        )
        odds = matrix[folds == fold] @ weights[:-1] + weights[-1]
        beliefs[folds == fold] = 1 / (1 + np.exp(-odds))
    _print_gate(kept, beliefs)
    return train_gate(matrix, labels, shares)


def _print_gate(kept: Sequence[GateSample], beliefs: Floats) -> None:
    for group in sorted({one.group for one in kept}):
        of = {
            kind: [
                float(belief)
                for one, belief in zip(kept, beliefs, strict=True)
                if one.group == group and one.kind == kind
            ]
            for kind in _KIND_WEIGHTS
        }
        asked = of.pop("asked")
        for kind, values in of.items():
            if not values:
                continue
            refused = [
                float(np.mean([v < cut for v in values]))
                for cut in (0.2, 0.3, 0.4, 0.5)
            ]
            kept_back = [
                float(np.mean([v < cut for v in asked])) for cut in (0.2, 0.3, 0.4, 0.5)
            ]
            print(
                group,
                kind,
                f"AUROC={area(asked, values):.3f}" if asked else "",
                "refused",
                np.round(refused, 3),
                "false",
                np.round(kept_back, 3) if asked else "",
            )


def write_weights(ranker: Floats, gate: Floats) -> None:
    """Write the constants module that the agent imports."""

    def spell(values: Floats) -> str:
        lines = [f"    {value:.3f}," for value in values]
        return "\n".join(lines)

    TARGET.write_text(
        '"""Weights of ranker and gate, by `bench/train_extractive.py`."""\n\n'
        "from __future__ import annotations\n\n"
        "from typing import Final\n\n"
        f"SENTENCE_WEIGHTS: Final = (\n{spell(ranker)}\n)\n"
        '"""In the order of `agents.ranking.SENTENCE_FEATURES`."""\n\n'
        f"GATE_WEIGHTS: Final = (\n{spell(gate[:-1])}\n)\n"
        '"""In the order of `agents.gate.GATE_FEATURES`."""\n\n'
        f"GATE_BIAS: Final = {gate[-1]:.3f}\n"
        '"""Log-odds of an answer when every feature is zero."""\n',
        encoding="utf-8",
    )


def main() -> None:
    """Train, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with docs/, qa/"
    )
    parser.add_argument("--gate-only", action="store_true", help="keep the ranker")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = open_embedded(Path(folder), collection="train")
        store.open()
        passages = load_documents(options.data / "docs", tenant="docs")
        passages += load_documents(OWN / "documents", tenant=OWN.name)
        for name in SETS:
            passages += load_paragraphs(options.data / "qa", name)
        store.add(passages)
        titles = {one.document_id: one.title for one in passages}
        cases = {name: load_paragraph_cases(options.data / "qa", name) for name in SETS}
        cases["docs"] = load_cases(options.data / "docs" / "qa.jsonl")
        cases[OWN.name] = load_cases(OWN / "questions.jsonl")
        cases["translated"] = load_translated_cases(options.data / "qa")
        questions = Questions(PassageSearch(store), titles)
        ranker = (
            np.array(SENTENCE_WEIGHTS)
            if options.gate_only
            else fit_ranker(questions, cases)
        )
        gate = fit_gate(list(iter_gate_samples(questions, cases)), ranker)
        store.close()
    for name, weight in zip((*GATE_FEATURES, "bias"), gate, strict=True):
        print(f"{name}={weight:.2f}", end=" ")
    print()
    write_weights(ranker, gate)


def fit_ranker(questions: Questions, cases: dict[str, list[Case]]) -> Floats:
    """Train on everything, print cross-validated figures, return the weights."""
    samples = [
        make_sample(name, case, questions.gather(case, tenant=name))
        for name in SETS
        for case in cases[name]
        if case.answers
    ]
    by_fold = {
        fold: train_ranker([one for one in samples if one.fold != fold])
        for fold in range(FOLDS)
    }
    print_ranking(samples, lambda one: by_fold[one.fold])
    ranker = train_ranker(samples)
    for name, weight in _PRIORS.items():
        ranker[SENTENCE_FEATURES.index(name)] = weight
    for name, weight in zip(SENTENCE_FEATURES, ranker, strict=True):
        print(f"{name}={weight:.2f}", end=" ")
    print()
    return ranker


if __name__ == "__main__":
    main()
