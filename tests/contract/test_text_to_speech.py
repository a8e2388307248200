"""Every engine that speaks keeps the same promises."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from typing import get_args

import numpy as np
import pytest

from domain.deadlines import Deadline
from domain.errors import SynthesisFailed
from domain.speech import AudioClip, EmotionLabel, VoiceStyle
from speech.engines import SpeakingEngine
from speech.fallback_tts import FallbackTTS
from speech.local_tts import LocalTTS
from speech.openai_tts import OpenAITTS
from speech.outage import Outage
from speech.prosa_tts import ProsaTTS
from tests.fakes.speech import FakeTTS
from tests.fakes.speech_server import running_speech_server

ENGINES = [
    *("fake", "local", "local-bundled", "openai"),
    *("prosa-jobs", "prosa-stream", "reserve"),
]
STATES = {"ok", "embedded", "degraded", "unavailable", "off"}
TEXTS = {"en": "The library opens at eight.", "id": "Perpustakaan buka pukul delapan."}


@pytest.fixture(params=ENGINES)
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[SpeakingEngine]:
    async with contextlib.AsyncExitStack() as stack:
        made = await _make(request.param, stack)
        await made.start()
        yield made
        await made.close()


async def _make(name: str, stack: contextlib.AsyncExitStack) -> SpeakingEngine:
    if name == "fake":
        return FakeTTS()
    if name == "local":
        return LocalTTS.find()
    if name == "local-bundled":
        return LocalTTS(espeak=None, flite=shutil.which("flite"))
    if name == "reserve":
        dead = OpenAITTS(base_url="http://127.0.0.1:9/v1")
        return FallbackTTS(dead, FakeTTS(), timeout_seconds=5, outage=Outage("test"))
    server = await stack.enter_async_context(running_speech_server())
    if name == "openai":
        return OpenAITTS(base_url=server.openai_url, api_key="k")
    url = server.prosa_url if name == "prosa-jobs" else server.stream_url("tts")
    voices = {"id": "tts-dimas-formal", "en": "tts-roger"}
    return ProsaTTS(voices=voices, url=url, api_key="k", poll_seconds=0.01)


async def _speak(
    engine: SpeakingEngine, text: str, style: VoiceStyle
) -> list[AudioClip]:
    sound = engine.speak(text, style=style, deadline=Deadline.after(30))
    return [clip async for clip in sound]


@pytest.mark.parametrize("language", ["en", "id"])
@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 24_000])
async def test_a_sentence_becomes_sound_at_the_wanted_rate(
    engine: SpeakingEngine, language: str, rate_hz: int
) -> None:
    style = VoiceStyle(language, rate_hz=rate_hz)

    clips = await _speak(engine, TEXTS[language], style)

    assert {clip.rate_hz for clip in clips} == {rate_hz}
    assert all(clip.pcm and len(clip.pcm) % 2 == 0 for clip in clips)
    assert 0.5 < sum(clip.seconds for clip in clips) < 8
    samples = np.frombuffer(b"".join(clip.pcm for clip in clips), dtype="<i2")
    assert np.abs(samples.astype(int)).max() > 1_000


@pytest.mark.parametrize("text", ["", "  \n "])
async def test_nothing_to_say_is_no_sound(engine: SpeakingEngine, text: str) -> None:
    assert await _speak(engine, text, VoiceStyle("en")) == []


@pytest.mark.parametrize("tone", get_args(EmotionLabel))
async def test_every_tone_can_be_spoken(
    engine: SpeakingEngine, tone: EmotionLabel
) -> None:
    assert await _speak(engine, TEXTS["id"], VoiceStyle("id", tone=tone))


@pytest.mark.parametrize("speed", [0.25, 4.0])
async def test_every_pace_can_be_spoken(engine: SpeakingEngine, speed: float) -> None:
    assert await _speak(engine, TEXTS["en"], VoiceStyle("en", speed=speed))


async def test_more_words_last_longer(engine: SpeakingEngine) -> None:
    style = VoiceStyle("en")

    short, long = [
        sum(clip.seconds for clip in await _speak(engine, text, style))
        for text in (TEXTS["en"], " ".join([TEXTS["en"]] * 3))
    ]

    assert long > 2 * short


@pytest.mark.parametrize("language", ["en", "id"])
async def test_every_voice_it_names_can_be_used(
    engine: SpeakingEngine, language: str
) -> None:
    names = engine.voices(language)

    assert names
    for name in names[:4]:
        assert await _speak(engine, TEXTS[language], VoiceStyle(language, voice=name))


async def test_an_unknown_voice_is_the_default_one(engine: SpeakingEngine) -> None:
    assert await _speak(engine, TEXTS["en"], VoiceStyle("en", voice="nobody; rm -rf"))


@pytest.mark.parametrize(
    "text", ["-v id --help", "[[h@l'oU]]", "<speak>one</speak>", "a\x00b\x1b[0m c"]
)
async def test_text_is_only_text(engine: SpeakingEngine, text: str) -> None:
    clips = await _speak(engine, text, VoiceStyle("en"))

    assert sum(clip.seconds for clip in clips) > 0.2


async def test_a_caller_without_time_gets_a_failed_synthesis(
    engine: SpeakingEngine,
) -> None:
    sound = engine.speak(
        TEXTS["en"], style=VoiceStyle("en"), deadline=Deadline.after(-1)
    )

    with pytest.raises(SynthesisFailed):
        await anext(sound)


async def test_a_listener_may_leave(engine: SpeakingEngine) -> None:
    style = VoiceStyle("id")
    sound = engine.speak(TEXTS["id"], style=style, deadline=Deadline.after(30))
    assert (await anext(sound)).pcm

    await sound.aclose()  # type: ignore[attr-defined]

    assert await _speak(engine, TEXTS["id"], style)


async def test_two_people_are_answered_at_once(engine: SpeakingEngine) -> None:
    both = await asyncio.gather(
        _speak(engine, TEXTS["id"], VoiceStyle("id")),
        _speak(engine, TEXTS["en"], VoiceStyle("en")),
    )

    assert all(both)


async def test_a_state_is_a_word_that_health_knows(engine: SpeakingEngine) -> None:
    assert engine.state() in STATES


async def test_closing_twice_is_closing(engine: SpeakingEngine) -> None:
    await engine.close()
    await engine.close()
