"""Whether somebody speaks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from domain.speech import AudioClip
from speech.encoding import parse_wav, resample
from speech.vad import (
    FRAME_BYTES,
    RATE_HZ,
    THRESHOLD,
    SileroVAD,
    SpeechFinder,
    find_speech,
)
from tests.fakes.speech import tone

RECORDINGS = Path(__file__).parents[3] / "samples" / "speech"
NAMES = sorted(path.name for path in RECORDINGS.glob("*.wav"))
SECOND = bytes(2 * RATE_HZ)


@pytest.fixture(scope="module")
def vad() -> SileroVAD:
    return SileroVAD()


def _recording(name: str) -> AudioClip:
    return resample(parse_wav((RECORDINGS / name).read_bytes()), rate_hz=RATE_HZ)


def _noise(seconds: float, *, rms: float) -> bytes:
    samples = np.random.default_rng(1).normal(0, rms, int(seconds * RATE_HZ))
    return bytes(np.clip(samples, -32_768, 32_767).astype("<i2").tobytes())


def _click() -> bytes:
    samples = np.zeros(RATE_HZ, dtype="<i2")
    samples[8_000:8_040] = 30_000
    return samples.tobytes()


def _frames(pcm: bytes) -> list[bytes]:
    ends = range(FRAME_BYTES, len(pcm) + 1, FRAME_BYTES)
    return [pcm[end - FRAME_BYTES : end] for end in ends]


@pytest.mark.parametrize("name", NAMES)
def test_speech_is_found_in_every_recording(vad: SileroVAD, name: str) -> None:
    clip = _recording(name)

    found = find_speech(clip, vad=vad)

    assert found is not None
    assert found.rate_hz == RATE_HZ
    assert 0.5 * clip.seconds < found.seconds <= clip.seconds


@pytest.mark.parametrize(
    "pcm",
    [
        b"",
        b"\x00\x01",
        SECOND * 3,
        tone(3.0),
        _noise(3.0, rms=30),
        _noise(3.0, rms=3_000),
        _click(),
    ],
    ids=["nothing", "a sample", "zeros", "tone", "hiss", "loud noise", "click"],
)
def test_what_nobody_says_is_no_speech(vad: SileroVAD, pcm: bytes) -> None:
    assert find_speech(AudioClip(pcm, RATE_HZ), vad=vad) is None


def test_silence_around_speech_goes_but_for_a_margin(vad: SileroVAD) -> None:
    said = find_speech(_recording("az_weather.wav"), vad=vad)
    assert said is not None
    clip = AudioClip(SECOND * 3 + said.pcm + SECOND * 3, RATE_HZ)

    found = find_speech(clip, vad=vad)

    assert found is not None
    assert found.seconds == pytest.approx(said.seconds, abs=0.6)
    # What is cut away before and after is silence.
    assert said.pcm[8_000:-8_000] in found.pcm


def test_what_was_heard_before_does_not_count(vad: SileroVAD) -> None:
    speech = _recording("cards_005.wav")

    find_speech(speech, vad=vad)

    assert find_speech(AudioClip(SECOND, RATE_HZ), vad=vad) is None


def test_a_probability_is_between_none_and_certain(vad: SileroVAD) -> None:
    vad.reset()
    spoken = [vad.probability(frame) for frame in _frames(_recording(NAMES[0]).pcm)]
    vad.reset()
    silent = [vad.probability(frame) for frame in _frames(SECOND)]

    assert all(0 <= each <= 1 for each in spoken + silent)
    assert max(spoken) > 0.9
    assert max(silent) < THRESHOLD / 2


async def test_a_finder_finds_the_same_beside_the_loop(vad: SileroVAD) -> None:
    finder, clip = SpeechFinder(), _recording("cards_005.wav")

    assert await finder.find(clip) == find_speech(clip, vad=vad)
    assert await finder.find(AudioClip(SECOND, RATE_HZ)) is None
