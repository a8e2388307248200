"""Sound that comes in pieces."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import AudioUnreadable
from domain.speech import AudioClip
from speech.encoding import encode_wav, resample
from speech.resampling import StreamResampler, parse_wavs
from tests.fakes.speech import tone
from tests.fakes.speech_server import wav


@given(sizes=st.lists(st.integers(1, 4_000), min_size=1, max_size=12), data=st.data())
@settings(max_examples=25, deadline=None)
def test_pieces_of_any_size_sound_as_the_whole_does(
    sizes: list[int], data: st.DataObject
) -> None:
    from_hz = data.draw(st.sampled_from([8_000, 22_050, 24_000, 48_000]))
    pcm = tone(0.3, rate_hz=from_hz)
    whole = resample(AudioClip(pcm, from_hz), rate_hz=16_000).pcm

    stream, parts, position, index = StreamResampler(from_hz, 16_000), [], 0, 0
    while position < len(pcm):
        size = sizes[index % len(sizes)]
        parts.append(stream.feed(pcm[position : position + size]))
        position, index = position + size, index + 1
    parts.append(stream.finish())

    assert b"".join(parts) == whole


def test_the_same_rate_goes_through_and_half_a_sample_waits() -> None:
    stream = StreamResampler(16_000, 16_000)

    assert stream.feed(b"\x01\x02\x03") == b"\x01\x02"
    assert stream.feed(b"\x04\x05") == b"\x03\x04"
    assert stream.finish() == b""


def test_nothing_becomes_nothing() -> None:
    stream = StreamResampler(24_000, 16_000)

    assert stream.feed(b"") + stream.finish() == b""


@pytest.mark.parametrize("samples", range(4))
def test_a_clip_of_few_samples_is_no_error(samples: int) -> None:
    clip = AudioClip(bytes(2 * samples), 24_000)

    assert resample(clip, rate_hz=16_000).rate_hz == 16_000


def test_files_that_follow_each_other_are_one_clip() -> None:
    first, second = tone(0.1, rate_hz=16_000), tone(0.2, rate_hz=16_000)
    data = encode_wav(AudioClip(first, 16_000)) + wav(second, rate_hz=16_000, size=0)

    assert parse_wavs(data) == AudioClip(first + second, 16_000)


def test_files_of_two_rates_are_one_clip_at_the_first() -> None:
    data = wav(tone(0.1), rate_hz=16_000) + wav(tone(0.1, rate_hz=8_000), rate_hz=8_000)

    assert parse_wavs(data).seconds == pytest.approx(0.2, abs=0.005)


@pytest.mark.parametrize(
    "data",
    [b"", b"RIFF", b"OggS" + bytes(100), b"x" + wav(bytes(8), rate_hz=16_000)],
)
def test_other_data_are_unreadable(data: bytes) -> None:
    with pytest.raises(AudioUnreadable):
        parse_wavs(data)


@pytest.mark.parametrize("rate_hz", [1, 3_999, 192_000, 0xFFFFFFFF // 2])
def test_a_false_rate_is_unreadable(rate_hz: int) -> None:
    with pytest.raises(AudioUnreadable):
        parse_wavs(wav(bytes(1_000), rate_hz=rate_hz))


def test_a_file_without_sound_is_unreadable() -> None:
    with pytest.raises(AudioUnreadable):
        parse_wavs(wav(b"", rate_hz=16_000))


def test_the_filter_makes_no_click_between_pieces() -> None:
    stream = StreamResampler(24_000, 16_000)
    pcm = tone(1.0, rate_hz=24_000)

    out = b"".join(stream.feed(pcm[at : at + 977]) for at in range(0, len(pcm), 977))

    samples = np.frombuffer(out, dtype="<i2").astype(int)[200:-200]
    bend = 8_000 * (2 * np.pi * 220 / 16_000) ** 2
    assert np.abs(np.diff(samples, 2)).max() < 1.5 * bend + 8
