"""
Does the evidence suffice? A logistic model over features of question and passages.

Its probability is the `confidence` of an answer. It was trained on questions whose own
passage was hidden and on questions of other collections (`bench/train_extractive.py`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from agents.evidence import Evidence
from agents.extractive_weights import GATE_BIAS, GATE_WEIGHTS
from agents.ranking import Candidate, measure_nearness, share_pairs
from language.analysis import word_grams

Decision = Literal["answer", "partly", "refuse"]

GATE_FEATURES: Final = (
    "sentence_coverage",
    "sentence_coverage_squared",
    "passage_coverage",
    "passage_coverage_squared",
    "union_coverage",
    "sentence_grams",
    "passage_grams",
    "pairs",
    "met",
    "unmet",
    "mass",
    "second_share",
    "rest_share",
    "unknown",
    "names_missing",
    "numbers_missing",
    "near",
    "terms",
    "few_terms",
    "score",
    "passage_score",
    "closeness",
    "possible",
    "focus_missing",
    "focus_unknown",
    "rarest_missing",
    "kind_missing",
    "other_language",
    "coverage_across",
)
"""Names of the features, in the order of their weights."""

REFUSE_BELOW: Final = 0.18
"""Confidence under which the answer is a refusal."""

REFUSE_UNNAMED_BELOW: Final = 0.4
"""The same where no passage found names what the question is about: "the salary of
lecturers" among passages that speak of lecturers alone."""

REFUSE_BELOW_WITH_MODEL: Final = 0.08
"""The same where a model reads the passages and can say so itself."""

ANSWER_FROM: Final = 0.5
"""Confidence from which the answer needs no warning."""


_EXACT: Final = frozenset({"money", "percent", "date", "time", "duration", "unit"})
# A word is inflected, not another one, from this share of common grams.
_SAME_WORD = 0.8
_MANY_TERMS = 10
_FEW_TERMS = 2
_CONSIDERED = 60
_SCORE_SCALE = 10.0


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the gate decided. *confidence* is a probability."""

    decision: Decision
    confidence: float


def judge(
    evidence: Evidence,
    candidates: Sequence[Candidate],
    *,
    refuse_below: float = REFUSE_BELOW,
) -> Judgement:
    """Decide whether *evidence* answers its question; *candidates* are best first."""
    if not candidates:
        return Judgement("refuse", 0.0)
    features = compute_gate_features(evidence, candidates)
    confidence = probability(features)
    if confidence < refuse_below:
        return Judgement("refuse", confidence)
    # A model that reads the passages sees by itself what they leave out.
    reads = refuse_below < REFUSE_BELOW
    if confidence < REFUSE_UNNAMED_BELOW and not reads and not is_focus_named(evidence):
        return Judgement("refuse", confidence)
    return Judgement("answer" if confidence >= ANSWER_FROM else "partly", confidence)


def is_focus_named(evidence: Evidence) -> bool:
    """Tell whether any passage found has the first word the question is about."""
    focus = evidence.asked.focus
    if focus is None:
        return True
    grams = frozenset(word_grams(focus))
    return any(
        focus in evidence.find_units(one)
        or len(grams & one.parts.grams) >= _SAME_WORD * len(grams)
        for one in evidence.found
    )


def probability(features: Sequence[float]) -> float:
    """Return the confidence that belongs to *features*."""
    odds = GATE_BIAS + sum(
        weight * value for weight, value in zip(GATE_WEIGHTS, features, strict=True)
    )
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, odds))))


def compute_gate_features(
    evidence: Evidence, candidates: Sequence[Candidate]
) -> tuple[float, ...]:
    """Return the features of a question, named by `GATE_FEATURES`."""
    best = candidates[0]
    asked, parts = evidence.asked, best.found.parts
    spoken = best.spoken
    wanted = asked.weights
    passage = evidence.coverage(parts.stems | parts.heading_stems, spoken)
    met = bool(asked.kinds & best.sentence.kinds)
    shares = [found.share for found in evidence.found]
    known: set[str] = set()
    for one in evidence.found:
        known |= evidence.find_units(one)
    unknown = sum(unit not in known for unit in wanted) / (len(wanted) or 1)
    signals = best.passage.signals
    units = evidence.find_units(best.found)
    rarest = evidence.rarest
    exact = asked.kinds & _EXACT
    across = float(spoken != asked.language)
    passage_grams = evidence.gram_coverage(parts.grams)
    return (
        best.coverage,
        best.coverage**2,
        passage,
        passage**2,
        evidence.share(known),
        evidence.gram_coverage(best.sentence.grams),
        passage_grams,
        share_pairs(asked.pairs[spoken], best.sentence.stems),
        float(met),
        float(bool(asked.kinds) and not met),
        _mass(candidates),
        shares[1] if len(shares) > 1 else 0.0,
        sum(shares[2:]) / len(shares[2:]) if len(shares) > 2 else 0.0,
        unknown,
        _missing(asked.names, parts.words),
        _missing(asked.numbers, parts.words),
        measure_nearness(evidence, best.sentence, spoken),
        min(1.0, len(wanted) / _MANY_TERMS),
        float(len(wanted) <= _FEW_TERMS),
        best.score / _SCORE_SCALE,
        best.passage.score,
        signals.get("closeness", 0.0),
        signals.get("bm25", 0.0) / (signals.get("bm25_max", 0.0) or 1.0),
        float(asked.focus is not None and asked.focus not in units),
        float(not is_focus_named(evidence)),
        float(rarest is not None and rarest not in units),
        float(bool(exact) and not any(exact & one.kinds for one in parts.sentences)),
        across,
        across * passage,
    )


def _mass(candidates: Sequence[Candidate]) -> float:
    """Return how much of all belief the best passage holds, by a softmax."""
    top = candidates[0].score
    weights = [(one, math.exp(one.score - top)) for one in candidates[:_CONSIDERED]]
    own = sum(weight for one, weight in weights if one.found is candidates[0].found)
    return own / sum(weight for _, weight in weights)


def _missing(wanted: frozenset[str], held: frozenset[str]) -> float:
    return len(wanted - held) / len(wanted) if wanted else 0.0
