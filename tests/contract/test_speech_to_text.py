"""Every engine that hears keeps the same promises."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from domain.deadlines import Deadline
from domain.errors import RecognitionFailed
from domain.speech import AudioClip, Transcript
from speech.encoding import parse_wav, resample
from speech.engines import RecognitionEngine
from speech.fallback_stt import FallbackSTT
from speech.local_stt import LocalSTT
from speech.openai_stt import OpenAISTT
from speech.outage import Outage
from speech.prosa_stt import ProsaSTT
from tests.fakes.speech import FakeSTT
from tests.fakes.speech_server import running_speech_server
from tests.fakes.transcription_server import running_transcription_server

RECORDING = Path(__file__).parents[2] / "samples" / "speech" / "az_weather.wav"
ENGINES = ["fake", "local", "openai", "prosa-jobs", "prosa-stream", "reserve"]
STATES = {"ok", "embedded", "degraded", "unavailable", "off"}


@pytest.fixture(scope="module")
def clip() -> AudioClip:
    return resample(parse_wav(RECORDING.read_bytes()), rate_hz=16_000)


@pytest.fixture(params=ENGINES)
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[RecognitionEngine]:
    async with contextlib.AsyncExitStack() as stack:
        made = await _make(request.param, stack)
        await made.start()
        yield made
        await made.close()


async def _make(name: str, stack: contextlib.AsyncExitStack) -> RecognitionEngine:
    if name == "fake":
        return FakeSTT()
    if name == "local":
        return LocalSTT(list, processes=2)
    if name == "reserve":
        dead = OpenAISTT(base_url="http://127.0.0.1:9/v1")
        return FallbackSTT(dead, FakeSTT(), timeout_seconds=5, outage=Outage("test"))
    if name == "openai":
        hearing = await stack.enter_async_context(running_transcription_server())
        return OpenAISTT(base_url=hearing.url, api_key="k")
    server = await stack.enter_async_context(running_speech_server())
    url = server.prosa_url if name == "prosa-jobs" else server.stream_url("stt")
    return ProsaSTT(url=url, api_key="k", poll_seconds=0.01)


def _is_sound(heard: Transcript) -> bool:
    return (
        heard.final
        and 0 < heard.confidence <= 1
        and heard.text == heard.text.strip() != ""
        and heard.language in {"en", "id"}
    )


async def test_words_become_a_final_transcript(
    engine: RecognitionEngine, clip: AudioClip
) -> None:
    heard = await engine.transcribe(clip, language=None, deadline=Deadline.after(60))

    assert _is_sound(heard)


async def test_a_named_language_is_the_transcript_s(
    engine: RecognitionEngine, clip: AudioClip
) -> None:
    heard = await engine.transcribe(clip, language="en", deadline=Deadline.after(60))

    assert heard.language == "en"


@pytest.mark.parametrize("language", [None, "en", "id"])
async def test_no_samples_are_no_words(
    engine: RecognitionEngine, language: str | None
) -> None:
    nothing = AudioClip(b"", 16_000)

    heard = await engine.transcribe(
        nothing, language=language, deadline=Deadline.after(60)
    )

    assert (heard.text, heard.confidence) == ("", 0.0)
    assert heard.language in {language} if language else {"en", "id"}


async def test_an_utterance_is_heard_while_it_is_spoken(
    engine: RecognitionEngine, clip: AudioClip
) -> None:
    interim = []

    async with engine.listen(language="en") as listening:
        for start in range(0, len(clip.pcm), 3_200):
            told = await listening.feed(clip.pcm[start : start + 3_200])
            interim += [told] if told else []
        heard = await listening.finish(deadline=Deadline.after(60))

    assert _is_sound(heard)
    assert all(each.text and not each.final for each in interim)


async def test_an_utterance_may_be_given_up(
    engine: RecognitionEngine, clip: AudioClip
) -> None:
    async with engine.listen(language="en") as listening:
        await listening.feed(clip.pcm[:3_200])

    heard = await engine.transcribe(clip, language="en", deadline=Deadline.after(60))

    assert _is_sound(heard)


async def test_an_utterance_without_samples_has_no_words_or_fails(
    engine: RecognitionEngine,
) -> None:
    async with engine.listen(language="en") as listening:
        text = await _text_or_nothing(listening.finish)

    assert text == ""


async def _text_or_nothing(
    finish: Callable[..., Awaitable[Transcript]],
) -> str:
    try:
        return (await finish(deadline=Deadline.after(60))).text
    except RecognitionFailed:
        return ""


async def test_a_caller_without_time_gets_a_failed_recognition(
    engine: RecognitionEngine, clip: AudioClip
) -> None:
    with pytest.raises(RecognitionFailed):
        await engine.transcribe(clip, language="en", deadline=Deadline.after(-1))


async def test_two_people_are_heard_at_once(
    engine: RecognitionEngine, clip: AudioClip
) -> None:
    both = await asyncio.gather(
        *(
            engine.transcribe(clip, language="en", deadline=Deadline.after(90))
            for _ in range(2)
        )
    )

    assert all(map(_is_sound, both))


async def test_a_state_is_a_word_that_health_knows(engine: RecognitionEngine) -> None:
    assert engine.state() in STATES


async def test_closing_twice_is_closing(engine: RecognitionEngine) -> None:
    await engine.close()
    await engine.close()
