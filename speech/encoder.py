"""Sound as files that people play: whole ones, and ones that are sent while made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import av
import numpy as np
from av.audio.resampler import AudioResampler

from domain.speech import AudioClip
from domain.speech_ports import EncodedStream
from speech.encoding import encode_wav, wav_header

UNKNOWN_BYTES = 0xFFFFFFFF
"""What streaming programs write where a WAV header wants a length."""


@dataclass(frozen=True, slots=True)
class _Codec:
    """How FFmpeg is told to write a format; rates are those the codec knows."""

    container: str
    name: str
    rates: tuple[int, ...]
    bit_rate: int | None = None
    options: tuple[tuple[str, str], ...] = ()


_RATES = (8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_CODECS = {
    # No header that would tell a length: it is not known when the first byte leaves.
    "mp3": _Codec(
        "mp3",
        "libmp3lame",
        _RATES,
        bit_rate=48_000,
        options=(("write_xing", "0"), ("id3v2_version", "0")),
    ),
    # A page holds 0.2 s, so that a listener does not wait for one to fill.
    "opus": _Codec(
        "ogg",
        "libopus",
        (48_000,),
        bit_rate=24_000,
        options=(("page_duration", "200000"),),
    ),
    "aac": _Codec("adts", "aac", _RATES, bit_rate=64_000),
    "flac": _Codec("flac", "flac", _RATES),
}


class SoundEncoder:
    """Writes WAV, MP3, Ogg Opus, AAC (ADTS), FLAC and bare samples."""

    def encode(self, clip: AudioClip, *, audio_format: str) -> bytes:
        """Return *clip* as a complete file; the header of a WAV tells true sizes."""
        if audio_format == "wav":
            return encode_wav(clip)
        stream = self.start(audio_format=audio_format, rate_hz=clip.rate_hz)
        return stream.feed(clip) + stream.finish()

    def start(self, *, audio_format: str, rate_hz: int) -> EncodedStream:
        """Begin a file whose length is not known; clips come at *rate_hz*."""
        if audio_format == "pcm":
            return _Samples()
        if audio_format == "wav":
            return _EndlessWAV(rate_hz)
        return _Encoding(_CODECS[audio_format], rate_hz=rate_hz)


class _Samples:
    def feed(self, clip: AudioClip) -> bytes:
        return clip.pcm

    def finish(self) -> bytes:
        return b""


class _EndlessWAV:
    def __init__(self, rate_hz: int) -> None:
        self._header = wav_header(rate_hz, data_bytes=UNKNOWN_BYTES)

    def feed(self, clip: AudioClip) -> bytes:
        header, self._header = self._header, b""
        return header + clip.pcm

    def finish(self) -> bytes:
        return self._header


class _Outbox:
    """A file that can only be written; what was written is taken away."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def write(self, data: bytes) -> int:
        self._bytes += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self._bytes)
        self._bytes.clear()
        return taken


class _Encoding:
    def __init__(self, codec: _Codec, *, rate_hz: int) -> None:
        rate = min(codec.rates, key=lambda known: (abs(known - rate_hz), -known))
        self._outbox = _Outbox()
        self._container = av.open(
            self._outbox, mode="w", format=codec.container, options=dict(codec.options)
        )
        self._stream = cast(
            "av.AudioStream",
            self._container.add_stream(codec.name, rate=rate, layout="mono"),
        )
        context = self._stream.codec_context
        if codec.bit_rate is not None:
            context.bit_rate = codec.bit_rate
        # Opened now: only then does it say how many samples make a frame.
        context.open()
        self._resampler = AudioResampler(
            context.format.name, "mono", rate, frame_size=context.frame_size or None
        )

    def feed(self, clip: AudioClip) -> bytes:
        if clip.pcm:
            samples = np.frombuffer(clip.pcm, dtype="<i2").reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.sample_rate = clip.rate_hz
            self._write(frame)
        return self._outbox.take()

    def finish(self) -> bytes:
        self._write(None)
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._outbox.take()

    def _write(self, frame: av.AudioFrame | None) -> None:
        for ready in self._resampler.resample(frame):
            self._container.mux(self._stream.encode(ready))
