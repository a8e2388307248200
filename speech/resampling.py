"""Sound of an engine that comes in pieces of any size, at the rate that was wanted."""

from __future__ import annotations

import re

import av
import numpy as np
from av.audio.resampler import AudioResampler

from domain.errors import AudioUnreadable
from domain.speech import SAMPLE_BYTES, AudioClip
from speech.encoding import MAX_RATE_HZ, MIN_RATE_HZ, parse_wav, resample

# Some servers send one file after the other, others repeat the header in each part.
_HEADER = re.compile(rb"RIFF.{4}WAVE", re.DOTALL)


class StreamResampler:
    """
    One stream of 16-bit mono samples from one rate to another.

    The filter runs on over the borders of the pieces, so none of them clicks; half a
    sample at the end of a piece waits for the next.
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self._from_hz = from_hz
        self._resampler = (
            None if from_hz == to_hz else AudioResampler("s16", "mono", to_hz)
        )
        self._rest = b""

    def feed(self, pcm: bytes) -> bytes:
        """Return what is ready at the new rate after *pcm*."""
        pcm = self._rest + pcm
        usable = len(pcm) - len(pcm) % SAMPLE_BYTES
        pcm, self._rest = pcm[:usable], pcm[usable:]
        resampler = self._resampler
        if resampler is None or not pcm:
            return pcm
        samples = np.frombuffer(pcm, dtype="<i2").reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate = self._from_hz
        return _samples(resampler, frame)

    def finish(self) -> bytes:
        """Return what the filter still holds; half a sample is dropped."""
        return b"" if self._resampler is None else _samples(self._resampler, None)


def _samples(resampler: AudioResampler, frame: av.AudioFrame | None) -> bytes:
    return b"".join(
        ready.to_ndarray().astype("<i2").tobytes()
        for ready in resampler.resample(frame)
    )


def parse_wavs(data: bytes) -> AudioClip:
    """
    Read one or more 16-bit WAV files that follow each other, as one clip.

    Raises:
        AudioUnreadable: Not a 16-bit PCM WAV of 8 to 48 kHz, or nothing in it.
    """
    starts = [found.start() for found in _HEADER.finditer(data)]
    if not starts or starts[0] != 0:
        raise AudioUnreadable
    ends = [*starts[1:], len(data)]
    clips = [parse_wav(data[a:b]) for a, b in zip(starts, ends, strict=True)]
    rate_hz = clips[0].rate_hz
    # A false rate would make hours of a few bytes.
    if any(not MIN_RATE_HZ <= clip.rate_hz <= MAX_RATE_HZ for clip in clips):
        raise AudioUnreadable
    pcm = b"".join(resample(clip, rate_hz=rate_hz).pcm for clip in clips)
    if not pcm:
        raise AudioUnreadable
    return AudioClip(pcm, rate_hz)
