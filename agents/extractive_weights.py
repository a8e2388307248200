"""Weights of ranker and gate, by `bench/train_extractive.py`."""

from __future__ import annotations

from typing import Final

SENTENCE_WEIGHTS: Final = (
    0.647,
    2.468,
    1.221,
    2.962,
    2.211,
    1.629,
    0.749,
    0.584,
    -0.203,
    0.053,
    1.000,
    2.000,
    0.555,
    0.157,
    -0.133,
    -0.410,
    -1.000,
    -4.000,
    0.000,
    -1.346,
    0.553,
    0.376,
    0.916,
    -0.500,
    0.814,
    0.738,
    0.408,
    0.677,
    0.291,
    1.095,
    0.000,
    0.387,
    1.545,
    -0.304,
    0.089,
    -0.051,
    0.410,
    -0.670,
    -1.301,
)
"""In the order of `agents.ranking.SENTENCE_FEATURES`."""

GATE_WEIGHTS: Final = (
    1.368,
    -1.676,
    0.497,
    -0.034,
    -1.361,
    2.075,
    0.421,
    -0.240,
    0.008,
    0.393,
    -0.397,
    -1.227,
    -0.999,
    -1.493,
    -0.124,
    -0.085,
    -0.372,
    0.988,
    0.144,
    1.414,
    6.626,
    2.016,
    0.837,
    0.275,
    -0.819,
    0.005,
    -1.286,
    1.715,
    -1.299,
)
"""In the order of `agents.gate.GATE_FEATURES`."""

GATE_BIAS: Final = -4.737
"""Log-odds of an answer when every feature is zero."""
