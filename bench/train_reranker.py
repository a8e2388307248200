"""
Learn the weights of `knowledge.rerank`: `python -m bench.train_reranker`.

Listwise softmax over the candidates of every question of the development sets, each set
weighing the same, with one set of weights for both languages. Cross-validated by
paragraph over five folds; the weights printed last are those of all questions.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.retrieval import DATA, SETS, fill, read_lines, score_ranks
from domain.documents import SearchQuery
from knowledge.rerank import WEIGHTS
from knowledge.search import PassageSearch
from stores.vectors import open_embedded

Matrix = NDArray[np.float64]

NAMES = tuple(WEIGHTS)
FOLDS = 5
CANDIDATES = 30
_PENALTY = 2.0
_STEPS = 300
_RATE = 0.1
_NEVER = -1e9


@dataclass(frozen=True, slots=True)
class Example:
    """A question: features of its candidates, and which of them is right."""

    name: str
    paragraph: str
    features: Matrix
    right: NDArray[np.bool_]

    @property
    def fold(self) -> int:
        """Fold of the paragraph: its questions are never split."""
        digest = hashlib.sha256(self.paragraph.encode()).digest()
        return digest[0] % FOLDS


def read_examples(data: Path) -> list[Example]:
    """Search for every question of every set and keep what the reranker saw."""
    examples = []
    with tempfile.TemporaryDirectory() as folder:
        store = open_embedded(Path(folder), collection="train")
        store.open()
        try:
            names = fill(store, data)
            search = PassageSearch(store)
            for name in names:
                for item in read_lines(data / SETS[name][1]):
                    query = SearchQuery(name, item["question"], limit=CANDIDATES)
                    found = search.search_now(query).passages
                    if found:
                        examples.append(
                            Example(
                                name=name,
                                paragraph=item["paragraph_id"],
                                features=np.array(
                                    [_features(one.signals) for one in found]
                                ),
                                right=np.array(
                                    [
                                        one.document_id == item["paragraph_id"]
                                        for one in found
                                    ]
                                ),
                            )
                        )
        finally:
            store.close()
    return examples


def _features(signals: object) -> list[float]:
    values = dict(signals)  # type: ignore[call-overload]
    return [float(values["bm25_share" if name == "bm25" else name]) for name in NAMES]


def fit(examples: Sequence[Example]) -> Matrix:
    """Return the weights under which right candidates are most likely."""
    usable = [example for example in examples if example.right.any()]
    features = np.zeros((len(usable), CANDIDATES, len(NAMES)))
    mask = np.full((len(usable), CANDIDATES), _NEVER)
    right = np.zeros((len(usable), CANDIDATES))
    for row, example in enumerate(usable):
        count = len(example.features)
        features[row, :count] = example.features
        mask[row, :count] = 0.0
        right[row, :count] = example.right
    sizes = {name: sum(one.name == name for one in usable) for name in SETS}
    share = np.array([1.0 / sizes[example.name] for example in usable])
    share /= share.mean()
    weights = np.zeros(len(NAMES))
    first, second = np.zeros_like(weights), np.zeros_like(weights)
    for step in range(1, _STEPS + 1):
        scores = features @ weights + mask
        chance = np.exp(scores - scores.max(axis=1, keepdims=True))
        chance /= chance.sum(axis=1, keepdims=True)
        error = (chance - right) * share[:, None]
        slope = np.einsum("qc,qcf->f", error, features) + _PENALTY * weights
        slope /= len(usable)
        first = 0.9 * first + 0.1 * slope
        second = 0.99 * second + 0.01 * slope**2
        weights -= (
            _RATE
            * (first / (1 - 0.9**step))
            / (np.sqrt(second / (1 - 0.99**step)) + 1e-8)
        )
        # A passage must not lose by meeting the question better.
        weights = np.maximum(weights, 0.0)
    return weights


def rank(example: Example, weights: Matrix) -> int | None:
    """Return where the right candidate stands, None when it is not there."""
    order = np.argsort(-(example.features @ weights), kind="stable")
    found = np.flatnonzero(example.right[order])
    return int(found[0]) if len(found) else None


def main() -> None:
    """Print the cross-validated figures and the weights of all examples."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the sets")
    examples = read_examples(parser.parse_args().data)
    ranks: dict[str, list[int | None]] = {name: [] for name in SETS}
    before: dict[str, list[int | None]] = {name: [] for name in SETS}
    first_stage = np.array([float(name == "bm25") for name in NAMES])
    for fold in range(FOLDS):
        weights = fit([one for one in examples if one.fold != fold])
        for example in examples:
            if example.fold == fold:
                ranks[example.name].append(rank(example, weights))
                before[example.name].append(rank(example, first_stage))
    for name in SETS:
        old, new = score_ranks(before[name]), score_ranks(ranks[name])
        print(
            f"{name:<6} n={new.questions:<4} first stage R@1 {old.recall_1:.3f} "
            f"nDCG {old.ndcg:.3f}, reranked R@1 {new.recall_1:.3f} "
            f"nDCG {new.ndcg:.3f}"
        )
    for name, weight in zip(NAMES, fit(examples), strict=True):
        print(f'    "{name}": {weight:.2f},')


if __name__ == "__main__":
    main()
