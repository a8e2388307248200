"""The bundled library in its child process."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
import pytest

from domain.errors import SynthesisFailed
from domain.speech import AudioClip
from speech.encoding import parse_wav
from speech.workers import WorkerPool

TEXT = "Perpustakaan buka pukul delapan."


@pytest.fixture
async def pool() -> AsyncIterator[WorkerPool]:
    made = WorkerPool("speech.espeak", size=1, memory_mb=512)
    yield made
    await made.close()


async def _speak(
    pool: WorkerPool, text: str, *, voice: str = "id", pace: int = 165, pitch: int = 48
) -> AudioClip:
    request = {"op": "speak", "voice": voice, "pace": pace, "pitch": pitch}
    _, wav = await pool.call(request, text.encode(), timeout_seconds=20)
    return parse_wav(wav)


@pytest.mark.parametrize(
    "voice", ["id", "id+f3", "id+m3", "en-us", "en-gb", "en-us+f3"]
)
async def test_every_voice_of_the_engine_speaks(pool: WorkerPool, voice: str) -> None:
    clip = await _speak(pool, TEXT, voice=voice)

    assert clip.rate_hz == 22_050
    assert 1 < clip.seconds < 5
    assert np.abs(np.frombuffer(clip.pcm, dtype="<i2").astype(int)).max() > 3_000


async def test_a_faster_pace_is_shorter(pool: WorkerPool) -> None:
    slow = await _speak(pool, TEXT, pace=120)
    fast = await _speak(pool, TEXT, pace=240)

    assert slow.seconds > 1.5 * fast.seconds


async def test_one_sentence_leaves_nothing_in_the_next(pool: WorkerPool) -> None:
    before = await _speak(pool, TEXT)
    await _speak(pool, TEXT * 5, voice="en-us", pace=300, pitch=80)

    assert (await _speak(pool, TEXT)).seconds == pytest.approx(before.seconds, abs=0.05)


async def test_an_unknown_voice_is_a_failed_synthesis(pool: WorkerPool) -> None:
    with pytest.raises(SynthesisFailed):
        await _speak(pool, TEXT, voice="no-such-voice")

    assert (await _speak(pool, TEXT)).seconds > 1


async def test_text_that_cannot_be_said_is_no_sound(pool: WorkerPool) -> None:
    assert (await _speak(pool, " ")).seconds < 0.5
