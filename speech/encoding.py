"""Writing and reading the sound that engines and answers are made of."""

from __future__ import annotations

import io
import struct
from typing import Literal, cast

import av
import numpy as np
from av.audio.resampler import AudioResampler

from domain.errors import AudioUnreadable
from domain.speech import AudioClip

Encoding = Literal["wav", "mp3", "opus"]

MIN_RATE_HZ, MAX_RATE_HZ = 8_000, 48_000
MAX_CHANNELS = 8


def encode_wav(clip: AudioClip) -> bytes:
    """Return *clip* as a complete WAV file whose header tells the true sizes."""
    rate = clip.rate_hz
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        36 + len(clip.pcm),
        b"WAVE",
        b"fmt ",
        16,
        1,
        1,
        rate,
        rate * 2,
        2,
        16,
        b"data",
        len(clip.pcm),
    )
    return header + clip.pcm


def encode(clip: AudioClip, *, encoding: Encoding) -> bytes:
    """Return *clip* as a complete file: WAV, MP3 (48 kb/s) or Ogg Opus (24 kb/s)."""
    if encoding == "wav":
        return encode_wav(clip)
    container_format, codec, rate_hz, bit_rate = {
        "mp3": ("mp3", "libmp3lame", clip.rate_hz, 48_000),
        "opus": ("ogg", "libopus", 48_000, 24_000),
    }[encoding]
    out = io.BytesIO()
    with av.open(out, mode="w", format=container_format) as container:
        stream = cast(
            "av.AudioStream", container.add_stream(codec, rate=rate_hz, layout="mono")
        )
        stream.codec_context.bit_rate = bit_rate
        resampler = AudioResampler(
            stream.codec_context.format.name,
            "mono",
            rate_hz,
            frame_size=stream.codec_context.frame_size or None,
        )
        for ready in [*resampler.resample(_frame(clip)), *resampler.resample(None)]:
            container.mux(stream.encode(ready))
        container.mux(stream.encode(None))
    return out.getvalue()


def resample(clip: AudioClip, *, rate_hz: int) -> AudioClip:
    """
    Return *clip* at *rate_hz*, 8_000 to 48_000 samples per second.

    Raises:
        AudioUnreadable: *rate_hz* is outside that range.
    """
    if rate_hz == clip.rate_hz:
        return clip
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        raise AudioUnreadable("The sampling rate must be 8 to 48 kHz.")
    resampler = AudioResampler("s16", "mono", rate_hz)
    parts = [
        ready.to_ndarray().reshape(-1)
        for ready in [*resampler.resample(_frame(clip)), *resampler.resample(None)]
    ]
    return AudioClip(np.concatenate(parts).astype("<i2").tobytes(), rate_hz)


def parse_wav(data: bytes) -> AudioClip:
    """
    Read a 16-bit PCM WAV of an engine, whatever sizes its header claims.

    Streaming engines write 0, 0x7FFFFFFF or 0xFFFFFFFF; the data end where they end.

    Raises:
        AudioUnreadable: Not a 16-bit PCM WAV.
    """
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise AudioUnreadable
    position, rate_hz, channels = 12, 0, 0
    while position + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, position)
        body = position + 8
        if name == b"fmt " and body + 16 <= len(data):
            kind, channels, rate_hz, _, _, bits = struct.unpack_from(
                "<HHIIHH", data, body
            )
            if (
                kind not in {1, 0xFFFE}
                or bits != 16
                or not 1 <= channels <= MAX_CHANNELS
            ):
                raise AudioUnreadable
        elif name == b"data":
            pcm = data[body : body + min(size or len(data), len(data) - body)]
            return _mono(pcm, rate_hz=rate_hz, channels=channels)
        position = body + size + (size & 1)
    raise AudioUnreadable


def _mono(pcm: bytes, *, rate_hz: int, channels: int) -> AudioClip:
    if not rate_hz or not channels:
        raise AudioUnreadable
    usable = len(pcm) - len(pcm) % (2 * channels)
    samples = np.frombuffer(pcm[:usable], dtype="<i2")
    if channels > 1:
        samples = samples.reshape(-1, channels).mean(axis=1).astype("<i2")
    return AudioClip(samples.tobytes(), rate_hz)


def _frame(clip: AudioClip) -> av.AudioFrame:
    samples = np.frombuffer(clip.pcm, dtype="<i2").reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
    frame.sample_rate = clip.rate_hz
    return frame
