"""Recordings with their words, in the containers that people's devices make."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.audio.resampler import AudioResampler

from domain.speech import AudioClip
from speech.audio import decode

# Container, codec, and where the codec has them rate and bit rate.
CONTAINERS: dict[str, tuple[str, str, int | None, int | None]] = {
    "wav": ("wav", "pcm_s16le", None, None),
    "flac": ("flac", "flac", None, None),
    "mp3": ("mp3", "libmp3lame", 44_100, 64_000),
    "m4a": ("ipod", "aac", 44_100, 64_000),
    "ogg": ("ogg", "libopus", 48_000, 32_000),
    "webm": ("webm", "libopus", 48_000, 32_000),
}


@dataclass(frozen=True, slots=True)
class Recording:
    """Who said what: a clip at 16 kHz and its words, without marks."""

    name: str
    clip: AudioClip
    words: tuple[str, ...]


def load_recordings(folder: Path) -> list[Recording]:
    """Return the recordings that `transcripts.tsv` of *folder* lists."""
    lines = (folder / "transcripts.tsv").read_text(encoding="utf-8").splitlines()
    found = []
    for line in lines[1:]:
        name, *_, transcript = line.split("\t")
        clip = decode((folder / name).read_bytes(), max_seconds=120)
        found.append(Recording(name, clip, tuple(transcript.split())))
    return found


def contain(clip: AudioClip, kind: str) -> bytes:
    """Return *clip* as a file of a *kind* of `CONTAINERS`."""
    container_format, codec, rate_hz, bit_rate = CONTAINERS[kind]
    rate = rate_hz or clip.rate_hz
    samples = np.frombuffer(clip.pcm, dtype="<i2").reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
    frame.sample_rate = clip.rate_hz
    out = io.BytesIO()
    with av.open(out, mode="w", format=container_format) as container:
        stream = cast(
            "av.AudioStream", container.add_stream(codec, rate=rate, layout="mono")
        )
        if bit_rate:
            stream.codec_context.bit_rate = bit_rate
        resampler = AudioResampler(
            stream.codec_context.format.name,
            "mono",
            rate,
            frame_size=stream.codec_context.frame_size or None,
        )
        for ready in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(ready))
        container.mux(stream.encode(None))
    return out.getvalue()
