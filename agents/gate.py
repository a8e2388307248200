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
from agents.ranking import Candidate

Decision = Literal["answer", "partly", "refuse"]

GATE_FEATURES: Final = (
    "sentence_coverage",
    "passage_coverage",
    "gram_coverage",
    "sentence_gram_coverage",
    "pairs",
    "met",
    "unmet",
    "margin",
    "names_missing",
    "terms",
    "foreign",
    "strength",
)
"""Names of the features, in the order of their weights."""

REFUSE_BELOW: Final = 0.3
"""Confidence under which the answer is a refusal."""

REFUSE_BELOW_WITH_MODEL: Final = 0.08
"""The same where a model reads the passages and can say itself that they do not answer."""

ANSWER_FROM: Final = 0.5
"""Confidence from which the answer needs no warning."""


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
    return Judgement("answer" if confidence >= ANSWER_FROM else "partly", confidence)


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
    spoken = best.passage.language if best.passage.language in {"en", "id"} else "en"
    asked = evidence.asked
    passage_stems = best.found.parts.stems | best.found.parts.heading_stems
    met = asked.kinds & best.sentence.kinds
    own_pairs = asked.pairs[spoken]
    stems = best.sentence.stems
    held_pairs = set(zip(stems, stems[1:], strict=False))
    runner_up = next(
        (one.score for one in candidates if one.found is not best.found), 0.0
    )
    total = len(asked.weights[spoken])
    return (
        best.coverage,
        evidence.coverage(passage_stems, spoken),
        evidence.gram_coverage(best.found.parts.grams),
        evidence.gram_coverage(best.sentence.grams),
        len(own_pairs & held_pairs) / len(own_pairs) if own_pairs else 0.0,
        float(bool(met)),
        float(bool(asked.kinds) and not met),
        max(-1.0, min(1.0, (best.score - runner_up) / 10)),
        0.0,
        min(1.0, total / 10),
        float(spoken != asked.language),
        best.passage.score,
    )
