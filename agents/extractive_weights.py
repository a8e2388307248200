"""Weights of the sentence ranker and the gate, written by `bench/train_extractive.py`."""

from __future__ import annotations

from typing import Final

SENTENCE_WEIGHTS: Final = (
    1.052,
    2.459,
    1.417,
    3.267,
    1.475,
    0.844,
    0.317,
    0.513,
    0.136,
    0.025,
    0.568,
    0.265,
    -0.181,
    -0.516,
    0.233,
    0.000,
    0.000,
    -1.312,
    0.998,
    0.402,
    1.024,
    0.458,
    0.579,
    0.268,
    1.249,
    0.000,
    0.476,
    2.023,
    -0.176,
    0.010,
    0.083,
    0.277,
    -0.642,
    -1.230,
)
"""In the order of `agents.ranking.SENTENCE_FEATURES`."""

GATE_WEIGHTS: Final = (
    2.122,
    -1.907,
    0.786,
    0.276,
    -2.377,
    0.797,
    0.869,
    0.680,
    -0.800,
    -0.670,
    0.359,
    -0.102,
    -2.181,
    -4.228,
    -0.998,
    -0.074,
    0.511,
    1.532,
    0.059,
    3.805,
    -0.542,
    1.711,
    1.597,
)
"""In the order of `agents.gate.GATE_FEATURES`."""

GATE_BIAS: Final = 0.393
"""Log-odds of an answer when every feature is zero."""
