"""Engines as the choosers build them, while their servers come and go."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from config import Settings
from domain.deadlines import Deadline
from domain.errors import RecognitionFailed
from domain.speech import AudioClip, VoiceStyle
from speech.encoding import parse_wav, resample
from tests.fakes.speech_server import SpeechServer, running_speech_server
from tests.fakes.transcription_server import (
    TranscriptionServer,
    running_transcription_server,
)
from utils.stt import build_stt
from utils.tts import build_tts

RECORDING = Path(__file__).parents[2] / "samples" / "speech" / "az_weather.wav"


@pytest.fixture
def clip() -> AudioClip:
    return resample(parse_wav(RECORDING.read_bytes()), rate_hz=16_000)


@pytest.fixture
async def ears() -> AsyncIterator[TranscriptionServer]:
    async with running_transcription_server() as running:
        yield running


@pytest.fixture
async def mouth() -> AsyncIterator[SpeechServer]:
    async with running_speech_server() as running:
        yield running


def _settings(**values: Any) -> Settings:
    return Settings(_env_file=None, **values)


async def test_the_local_engine_hears_while_the_server_fails(
    ears: TranscriptionServer, clip: AudioClip
) -> None:
    ears.faults = [500, 500]
    engine = build_stt(
        _settings(stt_engine="openai", openai_base_url=ears.url), vocabulary=list
    )
    await engine.start()

    texts = [
        (await engine.transcribe(clip, language="en", deadline=Deadline.after(60))).text
        for _ in range(2)
    ]
    state = engine.state()
    await engine.close()

    assert texts == ["what's the weather like"] * 2
    assert state == "degraded"
    assert len(ears.seen) == 2


async def test_a_refused_recording_is_heard_locally_and_the_next_by_the_server(
    ears: TranscriptionServer, clip: AudioClip
) -> None:
    ears.faults = [413]
    engine = build_stt(
        _settings(
            stt_engine="openai",
            openai_base_url=ears.url,
            openai_stt_model="gpt-4o-transcribe",
        ),
        vocabulary=list,
    )

    texts = [
        (await engine.transcribe(clip, language="en", deadline=Deadline.after(60))).text
        for _ in range(2)
    ]
    await engine.close()

    assert texts == ["what's the weather like", "Where is the Mercusuar Hall?"]


async def test_indonesian_without_documents_has_no_reserve(
    ears: TranscriptionServer, clip: AudioClip
) -> None:
    ears.faults = [500, 500]
    engine = build_stt(
        _settings(stt_engine="openai", openai_base_url=ears.url), vocabulary=list
    )

    with pytest.raises(RecognitionFailed):
        await engine.transcribe(clip, language="id", deadline=Deadline.after(60))
    await engine.close()


@pytest.mark.parametrize("engine_name", ["openai", "prosa"])
async def test_the_local_engine_speaks_while_the_server_fails(
    mouth: SpeechServer, engine_name: str
) -> None:
    mouth.faults = [503, 503]
    engine = build_tts(
        _settings(
            tts_engine=engine_name,
            openai_base_url=mouth.openai_url,
            prosa_tts_url=mouth.stream_url("tts"),
            prosa_tts_api_key="k",
        )
    )
    await engine.start()
    lengths = []

    for language in ("id", "en"):
        sound = engine.speak(
            "Satu dua tiga.", style=VoiceStyle(language), deadline=Deadline.after(60)
        )
        lengths.append(sum([piece.seconds async for piece in sound]))
    state = engine.state()
    await engine.close()

    assert all(0.5 < seconds < 5 for seconds in lengths)
    assert state == "degraded"
    assert not mouth.faults
