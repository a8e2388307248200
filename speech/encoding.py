"""Samples and WAV files as engines make them, in both directions."""

from __future__ import annotations

import struct

import av
import numpy as np
from av.audio.resampler import AudioResampler

from domain.errors import AudioUnreadable
from domain.speech import SAMPLE_BYTES, AudioClip

MIN_RATE_HZ, MAX_RATE_HZ = 8_000, 48_000
MAX_CHANNELS = 8


def wav_header(rate_hz: int, *, data_bytes: int) -> bytes:
    """Return the 44 bytes before one channel of 16-bit samples."""
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        min(36 + data_bytes, 0xFFFFFFFF),
        b"WAVE",
        b"fmt ",
        16,
        1,
        1,
        rate_hz,
        rate_hz * 2,
        2,
        16,
        b"data",
        data_bytes,
    )


def encode_wav(clip: AudioClip) -> bytes:
    """Return *clip* as a complete WAV file whose header tells the true sizes."""
    return wav_header(clip.rate_hz, data_bytes=len(clip.pcm)) + clip.pcm


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
    if len(clip.pcm) < SAMPLE_BYTES:
        return AudioClip(b"", rate_hz)
    resampler = AudioResampler("s16", "mono", rate_hz)
    parts = [
        ready.to_ndarray().astype("<i2").tobytes()
        for ready in [*resampler.resample(_frame(clip)), *resampler.resample(None)]
    ]
    return AudioClip(b"".join(parts), rate_hz)


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
