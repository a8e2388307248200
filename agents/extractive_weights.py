"""Weights of ranker and gate, by `bench/train_extractive.py`."""

from __future__ import annotations

from typing import Final

SENTENCE_WEIGHTS: Final = (
    1.083,
    2.556,
    1.168,
    2.874,
    2.141,
    1.557,
    0.827,
    0.426,
    -0.398,
    0.068,
    1.000,
    2.000,
    0.529,
    0.174,
    -0.124,
    -0.458,
    -1.000,
    -2.000,
    0.000,
    -1.327,
    0.978,
    0.378,
    0.951,
    -0.500,
    0.453,
    0.643,
    0.265,
    1.205,
    0.000,
    0.495,
    2.069,
    -0.219,
    0.046,
    0.037,
    0.272,
    -0.572,
    -1.202,
)
"""In the order of `agents.ranking.SENTENCE_FEATURES`."""

GATE_WEIGHTS: Final = (
    1.302,
    -1.104,
    0.884,
    0.070,
    -1.670,
    1.183,
    -1.224,
    -0.879,
    -0.581,
    -0.371,
    0.286,
    -0.338,
    -1.573,
    -2.327,
    -0.530,
    0.002,
    0.594,
    0.957,
    0.302,
    0.207,
    6.476,
    1.258,
    -0.341,
    0.285,
    -0.352,
    -0.073,
    -1.020,
)
"""In the order of `agents.gate.GATE_FEATURES`."""

GATE_BIAS: Final = -2.467
"""Log-odds of an answer when every feature is zero."""
