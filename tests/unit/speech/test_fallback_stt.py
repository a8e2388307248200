"""Recognition while the engine is away."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from domain.deadlines import Deadline
from domain.errors import RecognitionFailed, SpeechEngineUnavailable
from domain.speech import AudioClip, Transcript
from domain.speech_ports import Listening
from speech.fallback_stt import FallbackSTT
from speech.outage import Outage, RecognitionRefused
from tests.fakes.speech import FakeSTT, tone

CLIP = AudioClip(tone(1.0), 16_000)


@dataclass
class SlowSTT(FakeSTT):
    """Never comes to an end; `listening` breaks off while it is fed."""

    async def transcribe(
        self, clip: AudioClip, *, language: str | None, deadline: Deadline
    ) -> Transcript:
        self.heard.append(clip)
        await asyncio.sleep(60)
        raise AssertionError


@dataclass
class BrokenListening(FakeSTT):
    """Its utterances break off."""

    @contextlib.asynccontextmanager
    async def listen(self, *, language: str | None) -> AsyncIterator[Listening]:
        yield _Broken()


class _Broken:
    async def feed(self, pcm: bytes) -> Transcript | None:
        raise RecognitionFailed

    async def finish(self, *, deadline: Deadline) -> Transcript:
        raise RecognitionFailed


class Pair:
    """An engine with its reserve."""

    def __init__(
        self,
        primary: FakeSTT,
        *,
        timeout_seconds: float = 5.0,
        known: tuple[str, ...] = ("en", "id"),
    ) -> None:
        self.now = 0.0
        self.primary = primary
        self.reserve = FakeSTT("from the reserve", confidence=0.4, known=known)
        self.engine = FallbackSTT(
            primary,
            self.reserve,
            timeout_seconds=timeout_seconds,
            outage=Outage("test", clock=lambda: self.now),
        )

    async def hear(
        self, language: str | None = "en", seconds: float = 5.0
    ) -> Transcript:
        return await self.engine.transcribe(
            CLIP, language=language, deadline=Deadline.after(seconds)
        )


async def test_an_engine_that_works_is_the_one_that_hears() -> None:
    pair = Pair(FakeSTT("from the engine"))

    heard = await pair.hear()

    assert heard.text == "from the engine"
    assert pair.reserve.heard == []
    assert pair.engine.state() == "embedded"


async def test_the_reserve_hears_with_its_own_confidence_while_the_engine_fails() -> (
    None
):
    pair = Pair(FakeSTT(failure=RecognitionFailed()))

    heard = await pair.hear()

    assert (heard.text, heard.confidence) == ("from the reserve", 0.4)
    assert pair.engine.state() == "degraded"


async def test_a_dead_engine_is_asked_once_in_half_a_minute() -> None:
    pair = Pair(FakeSTT("from the engine", failure=RecognitionFailed()))

    for _ in range(4):
        await pair.hear()
    assert len(pair.primary.heard) == 1

    pair.now = 31.0
    pair.primary.failure = None
    assert (await pair.hear()).text == "from the engine"
    assert pair.engine.state() == "embedded"


async def test_an_engine_that_hangs_costs_its_timeout_once() -> None:
    pair = Pair(SlowSTT(), timeout_seconds=0.05)

    texts = [(await pair.hear()).text for _ in range(3)]

    assert texts == ["from the reserve"] * 3
    assert len(pair.primary.heard) == 1


async def test_what_the_reserve_cannot_hear_fails() -> None:
    pair = Pair(FakeSTT(failure=RecognitionFailed()), known=("en",))

    with pytest.raises(RecognitionFailed):
        await pair.hear("id")

    assert pair.reserve.heard == []


async def test_a_reserve_that_fails_is_a_failed_recognition() -> None:
    pair = Pair(FakeSTT(failure=RecognitionFailed()))
    pair.reserve.failure = SpeechEngineUnavailable()

    with pytest.raises(RecognitionFailed):
        await pair.hear()


async def test_what_is_missing_is_no_outage() -> None:
    pair = Pair(FakeSTT(failure=SpeechEngineUnavailable("KEY is not set.")))

    with pytest.raises(SpeechEngineUnavailable, match="KEY"):
        await pair.hear()

    assert pair.engine.state() == "embedded"
    assert pair.reserve.heard == []


async def test_a_recording_that_is_refused_says_nothing_about_the_engine() -> None:
    pair = Pair(FakeSTT(failure=RecognitionRefused()))

    heard = await pair.hear()

    assert heard.text == "from the reserve"
    assert pair.engine.state() == "embedded"


async def test_a_caller_without_time_says_nothing_about_the_engine() -> None:
    pair = Pair(SlowSTT())

    with pytest.raises(RecognitionFailed):
        await pair.hear(seconds=0.05)
    with pytest.raises(RecognitionFailed):
        await pair.hear(seconds=-1)

    assert pair.engine.state() == "embedded"


async def test_an_utterance_is_the_engine_s_while_it_works() -> None:
    pair = Pair(FakeSTT("from the engine"))

    async with pair.engine.listen(language="en") as listening:
        interim = await listening.feed(CLIP.pcm)
        heard = await listening.finish(deadline=Deadline.after(5))

    assert interim is not None
    assert heard.text == "from the engine"
    assert pair.reserve.heard == []


async def test_an_utterance_that_breaks_off_is_heard_whole_by_the_reserve() -> None:
    pair = Pair(BrokenListening())

    async with pair.engine.listen(language="en") as listening:
        for _ in range(3):
            assert await listening.feed(CLIP.pcm) is None
        heard = await listening.finish(deadline=Deadline.after(5))

    assert heard.text == "from the reserve"
    assert [clip.pcm for clip in pair.reserve.heard] == [CLIP.pcm * 3]
    assert pair.engine.state() == "degraded"


async def test_an_utterance_that_fails_at_its_end_is_heard_by_the_reserve() -> None:
    pair = Pair(FakeSTT(failure=RecognitionFailed()))

    async with pair.engine.listen(language="en") as listening:
        await listening.feed(CLIP.pcm)
        heard = await listening.finish(deadline=Deadline.after(5))

    assert heard.text == "from the reserve"
    assert pair.engine.state() == "degraded"


async def test_the_next_utterance_is_the_reserve_s_from_its_beginning() -> None:
    pair = Pair(FakeSTT(failure=RecognitionFailed()))
    await pair.hear()

    async with pair.engine.listen(language="en") as listening:
        interim = await listening.feed(CLIP.pcm)
        heard = await listening.finish(deadline=Deadline.after(5))

    assert interim is not None
    assert heard.text == "from the reserve"
    assert len(pair.primary.heard) == 1


async def test_nobody_listens_to_a_language_that_nobody_knows() -> None:
    pair = Pair(FakeSTT(failure=RecognitionFailed()), known=("en",))
    await pair.hear()

    with pytest.raises(RecognitionFailed):
        async with pair.engine.listen(language="id"):
            pass


async def test_both_are_closed() -> None:
    pair = Pair(FakeSTT())

    await pair.engine.start()
    await pair.engine.close()

    assert pair.primary.started
    assert not pair.reserve.started
    assert pair.primary.closed
    assert pair.reserve.closed
