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
    0.587,
    -0.090,
    0.562,
    0.233,
    -0.007,
    0.731,
    0.739,
    0.755,
    -0.144,
    -0.115,
    0.725,
    -0.524,
    -1.129,
    -0.566,
    -0.997,
    -0.048,
    0.358,
    0.884,
    -0.177,
    1.950,
    0.164,
    0.343,
    0.745,
)
"""In the order of `agents.gate.GATE_FEATURES`."""

GATE_BIAS: Final = -1.633
"""Log-odds of an answer when every feature is zero."""
