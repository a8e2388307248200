"""
A second look at the candidates: how well, and how closely, a passage meets a question.

A linear score over ten features in 0..1, trained listwise on the development halves of
three question sets in two languages (`bench.train_reranker`). It lifts nDCG@10 of
English by .014 and of Indonesian by .005, and finds the right English text first for
.05 more Indonesian questions (cross-validated, `docs/retrieval.md`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from knowledge.terms import PassageTerms, QuestionTerms

WEIGHTS: Final = {
    "bm25": 4.34,
    "coverage": 2.83,
    "gram_coverage": 1.72,
    "best_sentences": 0.39,
    "sentence_and_heading": 2.05,
    "closeness": 1.77,
    "pairs": 0.59,
    "names": 1.05,
    "early": 1.67,
    "brevity": 1.23,
}
"""Weight of each feature, from the training script; rounded."""

_SUM: Final = sum(WEIGHTS.values())
# A word counts as misspelt or inflected, not as another one, from this share of grams.
_SAME_WORD = 0.5
_EARLY_STEMS = 5
_LONG_STEMS = 200
_WINDOW = 40


@dataclass(frozen=True, slots=True)
class Match:
    """How one passage meets one question: the features by name, and their score."""

    features: dict[str, float]

    @property
    def score(self) -> float:
        """The weighted mean of the features, 0.0 to 1.0."""
        return (
            sum(WEIGHTS[name] * value for name, value in self.features.items()) / _SUM
        )


def match(question: QuestionTerms, passage: PassageTerms, *, bm25: float) -> Match:
    """
    Compare a passage with a question.

    Args:
        question: Units of the question.
        passage: Stems of the passage.
        bm25: Its first-stage score as a share of the best candidate's.
    """
    same = passage.language == question.language
    units = question.same if same else question.across
    sentences = [
        [unit for stem in sentence if stem in units for unit in units[stem]]
        for sentence in passage.sentences
    ]
    heading = {
        unit for stem in passage.heading if stem in units for unit in units[stem]
    }
    covered = heading.union(*sentences)
    shares = _gram_shares(question, passage)
    places = _places(passage.sentences, units)
    return Match(
        {
            "bm25": bm25,
            "coverage": _soft_coverage(question, covered, shares),
            "gram_coverage": _weighted(question, shares),
            "best_sentences": _best_pair(question, sentences),
            "sentence_and_heading": max(
                (_share(question, heading.union(found)) for found in sentences),
                default=0.0,
            ),
            "closeness": _closeness(question, places),
            "pairs": _pairs(question, passage),
            "names": _names(question, covered),
            "early": 1 / (1 + places[0][0] / _EARLY_STEMS) if places else 0.0,
            "brevity": 1 - min(1.0, sum(map(len, passage.sentences)) / _LONG_STEMS),
        }
    )


def _share(question: QuestionTerms, units: Set[int]) -> float:
    return sum(question.weights[unit] for unit in units) / question.total


def _weighted(question: QuestionTerms, shares: Sequence[float]) -> float:
    pairs = zip(question.weights, shares, strict=True)
    return sum(weight * share for weight, share in pairs) / question.total


def _gram_shares(question: QuestionTerms, passage: PassageTerms) -> list[float]:
    """Return, for each unit, the share of its grams that occur in the passage."""
    return [
        sum(gram in passage.spelt for gram in grams) / len(grams)
        for grams in question.grams
    ]


def _soft_coverage(
    question: QuestionTerms, covered: Set[int], shares: Sequence[float]
) -> float:
    """Return the share of units in the passage; a look-alike counts by its grams."""
    soft = [
        1.0 if unit in covered else (share if share >= _SAME_WORD else 0.0)
        for unit, share in enumerate(shares)
    ]
    return _weighted(question, soft)


def _best_pair(question: QuestionTerms, sentences: Sequence[Sequence[int]]) -> float:
    """Return the coverage of the best two neighbouring sentences."""
    return max(
        (
            _share(question, {*first, *second})
            for first, second in pairwise([*sentences, ()])
        ),
        default=0.0,
    )


def _places(
    sentences: Sequence[Sequence[str]], units: Mapping[str, tuple[int, ...]]
) -> list[tuple[int, int]]:
    """Return where in the passage each unit occurs, in order."""
    places, position = [], 0
    for sentence in sentences:
        for stem in sentence:
            # Most stems are in no question: the check is what takes the time here.
            if stem in units:
                places += [(position, unit) for unit in units[stem]]
            position += 1
    return places


def _closeness(question: QuestionTerms, places: Sequence[tuple[int, int]]) -> float:
    """
    Return how near to each other the units stand, capped at 1.

    Every pair adds the lesser weight divided by its least distance. Source: Rasolofo
    and Savoy, "Term Proximity Scoring for Keyword-Based Retrieval Systems", 2003.
    """
    nearest: dict[tuple[int, int], int] = {}
    seen: dict[int, int] = {}
    for position, unit in places:
        for earlier, at in seen.items():
            if earlier != unit and position - at <= _WINDOW:
                pair = (min(unit, earlier), max(unit, earlier))
                distance = max(1, position - at)
                nearest[pair] = min(nearest.get(pair, _WINDOW), distance)
        seen[unit] = position
    weights = question.weights
    close = sum(
        min(weights[first], weights[second]) / distance
        for (first, second), distance in nearest.items()
    )
    return min(1.0, close / question.total)


def _pairs(question: QuestionTerms, passage: PassageTerms) -> float:
    """Return the share of neighbouring words that stand together in the passage."""
    if not question.pairs:
        return 0.0
    found = sum(pair in passage.written for pair in question.pairs)
    return found / len(question.pairs)


def _names(question: QuestionTerms, covered: Set[int]) -> float:
    """Return the share of the question's names that occur; 1 when it has none."""
    if not question.names:
        return 1.0
    wanted = sum(question.weights[unit] for unit in question.names) or 1.0
    found = sum(question.weights[unit] for unit in question.names & covered)
    return found / wanted
