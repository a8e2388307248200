"""Telephone sound."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest

from speech.g711 import Law, decode_g711, encode_g711


def by_ffmpeg(data: bytes, law: Law) -> bytes:
    """Return what FFmpeg makes of *data*."""
    with av.open(io.BytesIO(wav(data, law)), mode="r") as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
    return bytes(np.concatenate(frames, axis=1).astype("<i2").tobytes())


def wav(data: bytes, law: Law) -> bytes:
    """Return *data* as a WAV file of that law."""
    tag = {"pcma": 6, "pcmu": 7}[law]
    numbers = (
        (tag, 2), (1, 2), (8000, 4), (8000, 4), (1, 2), (8, 2), (0, 2),
    )  # fmt: skip
    fmt = b"".join(number.to_bytes(size, "little") for number, size in numbers)
    size = len(data).to_bytes(4, "little")
    body = b"WAVEfmt " + len(fmt).to_bytes(4, "little") + fmt + b"data" + size + data
    return b"RIFF" + len(body).to_bytes(4, "little") + body


@pytest.mark.parametrize("law", ["pcmu", "pcma"])
def test_every_code_means_what_it_means_to_others(law: Law) -> None:
    codes = bytes(range(256))

    assert decode_g711(codes, law=law) == by_ffmpeg(codes, law)


@pytest.mark.parametrize("law", ["pcmu", "pcma"])
def test_every_code_survives_a_way_there_and_back(law: Law) -> None:
    values = decode_g711(bytes(range(256)), law=law)

    assert decode_g711(encode_g711(values, law=law), law=law) == values


@pytest.mark.parametrize("law", ["pcmu", "pcma"])
def test_every_sample_comes_back_within_a_step_of_its_size(law: Law) -> None:
    samples = np.arange(-32768, 32768, dtype=np.int32)

    coded = encode_g711(samples.astype("<i2").tobytes(), law=law)

    back = np.frombuffer(decode_g711(coded, law=law), dtype="<i2").astype(np.int32)
    clipped = np.clip(samples, back.min(), back.max())
    steps = np.maximum(16, (np.abs(clipped) + 132) // 31)
    assert np.all(np.abs(back - clipped) <= steps)
