"""Files of every format, whole and while they are made."""

from __future__ import annotations

import io
import struct
from itertools import pairwise

import av
import numpy as np
import pytest

from domain.speech import AUDIO_MEDIA_TYPES, AudioClip
from domain.speech_ports import AudioEncoder
from speech.audio import decode, sniff
from speech.encoder import SoundEncoder
from speech.encoding import parse_wav

FORMATS = sorted(AUDIO_MEDIA_TYPES)
FILES = [name for name in FORMATS if name != "pcm"]
SNIFFED = {"wav": "wav", "mp3": "mp3", "opus": "ogg", "aac": "aac", "flac": "flac"}


def make_clip(*, rate_hz: int = 24_000, seconds: float = 1.0) -> AudioClip:
    samples = 8000 * np.sin(np.arange(int(rate_hz * seconds)) * 440 * 6.283 / rate_hz)
    return AudioClip(samples.astype("<i2").tobytes(), rate_hz)


def heard_seconds(data: bytes) -> float:
    """Return the length as a player that knows nothing of us finds it."""
    with av.open(io.BytesIO(data), mode="r") as container:
        frames = list(container.decode(container.streams.audio[0]))
    return sum(frame.samples / frame.sample_rate for frame in frames)


def samples_of(data: bytes) -> bytes:
    return decode(data, max_seconds=5).pcm


@pytest.fixture
def encoder() -> AudioEncoder:
    return SoundEncoder()


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 24_000, 48_000])
@pytest.mark.parametrize("audio_format", FILES)
def test_a_whole_file_is_of_its_format_and_length(
    encoder: AudioEncoder, audio_format: str, rate_hz: int
) -> None:
    data = encoder.encode(make_clip(rate_hz=rate_hz), audio_format=audio_format)

    assert sniff(data) == SNIFFED[audio_format]
    # A codec begins and ends with a frame of its own: 0.13 s of AAC at 8 kHz.
    assert decode(data, max_seconds=5).seconds == pytest.approx(1.0, abs=0.3)


@pytest.mark.parametrize("audio_format", FILES)
def test_a_stream_is_one_file_whose_bytes_leave_with_each_clip(
    encoder: AudioEncoder, audio_format: str
) -> None:
    stream = encoder.start(audio_format=audio_format, rate_hz=24_000)

    parts = [stream.feed(make_clip()) for _ in range(4)] + [stream.finish()]

    assert all(len(part) > 2_000 for part in parts[:4])
    data = b"".join(parts)
    assert sniff(data) == SNIFFED[audio_format]
    assert heard_seconds(data) == pytest.approx(4.0, abs=0.15)


@pytest.mark.parametrize("audio_format", ["mp3", "opus", "flac", "aac"])
def test_clips_join_without_a_gap(encoder: AudioEncoder, audio_format: str) -> None:
    whole = make_clip(seconds=2.0)
    stream = encoder.start(audio_format=audio_format, rate_hz=24_000)

    cuts = [0, 3_000, 3_002, 40_000, len(whole.pcm)]
    parts = [
        stream.feed(AudioClip(whole.pcm[start:end], 24_000))
        for start, end in pairwise(cuts)
    ]
    joined = b"".join([*parts, stream.finish()])

    assert samples_of(joined) == samples_of(
        encoder.encode(whole, audio_format=audio_format)
    )


def test_bare_samples_are_left_as_they_are(encoder: AudioEncoder) -> None:
    clip = make_clip()

    assert encoder.encode(clip, audio_format="pcm") == clip.pcm


def test_a_whole_wav_tells_its_sizes_and_a_streamed_one_that_it_has_none(
    encoder: AudioEncoder,
) -> None:
    clip = make_clip()
    stream = encoder.start(audio_format="wav", rate_hz=24_000)

    whole = encoder.encode(clip, audio_format="wav")
    streamed = stream.feed(clip) + stream.feed(clip) + stream.finish()

    assert struct.unpack("<I", whole[4:8])[0] == len(whole) - 8
    assert struct.unpack("<I", whole[40:44])[0] == len(clip.pcm)
    assert streamed[4:8] == streamed[40:44] == b"\xff\xff\xff\xff"
    assert parse_wav(streamed) == AudioClip(clip.pcm * 2, 24_000)


@pytest.mark.parametrize("audio_format", FORMATS)
def test_silence_of_no_length_is_a_file_too(
    encoder: AudioEncoder, audio_format: str
) -> None:
    data = encoder.encode(AudioClip(b"", 24_000), audio_format=audio_format)

    assert not data or sniff(data) == SNIFFED[audio_format]
