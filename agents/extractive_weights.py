"""Weights of the sentence ranker and the gate, written by `bench/train_extractive.py`."""

from __future__ import annotations

from typing import Final

SENTENCE_WEIGHTS: Final = (
    1.086,
    2.530,
    1.160,
    2.881,
    2.147,
    1.557,
    0.815,
    0.418,
    -0.408,
    0.068,
    -0.065,
    0.522,
    0.175,
    -0.125,
    -0.463,
    -1.000,
    -2.000,
    0.000,
    -1.309,
    1.039,
    0.373,
    0.953,
    -0.500,
    0.459,
    0.551,
    0.266,
    1.210,
    0.000,
    0.495,
    2.069,
    -0.206,
    0.062,
    0.044,
    0.281,
    -0.563,
    -1.171,
)
"""In the order of `agents.ranking.SENTENCE_FEATURES`."""

GATE_WEIGHTS: Final = (
    2.166,
    -1.442,
    0.208,
    -0.663,
    -1.571,
    0.621,
    0.522,
    -0.679,
    -0.671,
    -0.606,
    0.387,
    -0.138,
    -1.522,
    -2.951,
    -0.483,
    0.142,
    0.515,
    1.265,
    0.369,
    2.154,
    0.602,
    2.365,
    0.911,
    5.301,
    0.755,
    1.035,
)
"""In the order of `agents.gate.GATE_FEATURES`."""

GATE_BIAS: Final = -3.339
"""Log-odds of an answer when every feature is zero."""
