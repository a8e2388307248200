"""Sound of engines, with headers that lie."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from domain.errors import AudioUnreadable
from domain.speech import AudioClip
from speech.encoding import encode_wav, parse_wav, resample

CLIP = AudioClip(
    (8000 * np.sin(np.arange(16_000) / 6)).astype("<i2").tobytes(), rate_hz=16_000
)


@pytest.mark.parametrize(
    "told", [0, 0x7FFFFFFF, 0x7FFFFFFF - 0x40, 2_000_000_000, 0xFFFFFFFF]
)
def test_the_data_end_where_they_end(told: int) -> None:
    data = bytearray(encode_wav(CLIP))
    data[4:8] = data[40:44] = struct.pack("<I", told)

    assert parse_wav(bytes(data)) == CLIP
    assert parse_wav(bytes(data) + b"\x01") == CLIP


@pytest.mark.parametrize("data", [b"", b"RIFF", b"RIFF0000WAVE", b"ID3" + bytes(99)])
def test_other_files_are_unreadable(data: bytes) -> None:
    with pytest.raises(AudioUnreadable):
        parse_wav(data)


def test_a_header_tells_the_true_sizes() -> None:
    data = encode_wav(CLIP)

    assert struct.unpack("<I", data[4:8])[0] == len(data) - 8
    assert struct.unpack("<I", data[40:44])[0] == len(CLIP.pcm)


def test_resampling_keeps_the_length() -> None:
    assert resample(CLIP, rate_hz=24_000).seconds == pytest.approx(1.0, abs=0.01)
    assert resample(CLIP, rate_hz=16_000) is CLIP
    with pytest.raises(AudioUnreadable):
        resample(CLIP, rate_hz=4_000)
