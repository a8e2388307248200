"""Weights of ranker and gate, by `bench/train_extractive.py`."""

from __future__ import annotations

from typing import Final

SENTENCE_WEIGHTS: Final = (
    0.652,
    2.467,
    1.221,
    2.961,
    2.213,
    1.629,
    0.748,
    0.584,
    -0.200,
    0.053,
    1.000,
    2.000,
    0.555,
    0.160,
    -0.133,
    -0.408,
    -1.000,
    -4.000,
    0.000,
    -1.344,
    0.540,
    0.376,
    0.915,
    -0.500,
    0.806,
    0.754,
    0.408,
    0.719,
    0.291,
    1.097,
    0.000,
    0.387,
    1.545,
    -0.303,
    0.091,
    -0.049,
    0.412,
    -0.669,
    -1.299,
)
"""In the order of `agents.ranking.SENTENCE_FEATURES`."""

GATE_WEIGHTS: Final = (
    1.228,
    -1.649,
    0.812,
    -0.159,
    -1.422,
    2.258,
    0.245,
    -0.156,
    0.024,
    0.386,
    -0.519,
    -1.120,
    -1.327,
    -1.631,
    -0.140,
    -0.086,
    -0.513,
    1.049,
    0.162,
    1.379,
    6.499,
    1.899,
    0.869,
    0.241,
    -0.807,
    -0.024,
    -1.314,
    1.612,
    -1.160,
)
"""In the order of `agents.gate.GATE_FEATURES`."""

GATE_BIAS: Final = -4.388
"""Log-odds of an answer when every feature is zero."""
