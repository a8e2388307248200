"""Weights of the sentence ranker and the gate, written by `bench/train_extractive.py`."""

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
    2.183,
    -1.470,
    0.240,
    -0.820,
    -1.561,
    0.616,
    0.638,
    -0.722,
    -0.666,
    -0.596,
    0.354,
    -0.212,
    -1.465,
    -2.548,
    -0.445,
    0.123,
    0.540,
    1.211,
    0.367,
    1.952,
    0.470,
    0.774,
    5.450,
    0.882,
    1.178,
    0.177,
    -0.009,
    -0.189,
)
"""In the order of `agents.gate.GATE_FEATURES`."""

GATE_BIAS: Final = -3.383
"""Log-odds of an answer when every feature is zero."""
