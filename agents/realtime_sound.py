"""Sound as it comes over the wire, as the recogniser wants it."""

from __future__ import annotations

from domain.realtime import SoundFormat
from speech.g711 import decode_g711
from speech.resampling import StreamResampler

RATE_HZ = 16_000


class SoundIn:
    """One stream of sound in *sound_format*, turned into 16-bit samples at 16 kHz."""

    def __init__(self, sound_format: SoundFormat) -> None:
        self._format = sound_format
        self._resampler = StreamResampler(sound_format.rate_hz, RATE_HZ)

    def feed(self, sound: bytes) -> bytes:
        """Return what is ready of the stream after *sound*."""
        encoding = self._format.encoding
        pcm = sound if encoding == "pcm" else decode_g711(sound, law=encoding)
        return self._resampler.feed(pcm)
