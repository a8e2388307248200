"""Weights of the sentence ranker and the gate, written by `bench/train_extractive.py`."""

from __future__ import annotations

from typing import Final

SENTENCE_WEIGHTS: Final = (
    1.48, 3.53, 0.63, 2.45, 0.89, 0.81, 0.52, 1.17, 0.5, 0.5, 0.46, 0.13, -0.5, 0.3,
    -2.0, -2.0, 0.0, -0.5,
    2.37, 2.4, 2.4, 3.52, 2.4, 2.4, 1.91, 2.46, 2.05, 2.03, 2.6, 0.5, 0.5,
)  # fmt: skip
"""In the order of `agents.ranking.SENTENCE_FEATURES`."""

GATE_WEIGHTS: Final = (6.0, 4.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)  # fmt: skip
"""In the order of `agents.gate.GATE_FEATURES`."""

GATE_BIAS: Final = -5.5
"""Log-odds of an answer when every feature is zero."""
