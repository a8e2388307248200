"""What Whisper says of its own segments, whoever runs it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

# Its own rule for `nobody spoke`.
NO_SPEECH_PROBABILITY, NO_SPEECH_LOG = 0.6, -1.0


@dataclass(frozen=True, slots=True)
class Segment:
    """
    A piece of a transcript.

    Attributes:
        log_probability: Mean over its tokens.
        no_speech: Probability that nobody spoke.
    """

    text: str
    log_probability: float
    no_speech: float

    @property
    def is_spoken(self) -> bool:
        """Whether Whisper believes that somebody spoke."""
        silent = self.no_speech > NO_SPEECH_PROBABILITY
        return not (silent and self.log_probability < NO_SPEECH_LOG)


def confidence_of(segments: Iterable[Segment]) -> float:
    """Return the mean probability of a token over what was spoken; 0.0: nothing."""
    spoken = [segment for segment in segments if segment.is_spoken]
    lengths = [max(1, len(segment.text)) for segment in spoken]
    if not spoken:
        return 0.0
    logs = sum(
        segment.log_probability * length
        for segment, length in zip(spoken, lengths, strict=True)
    )
    return math.exp(min(0.0, logs / sum(lengths)))
