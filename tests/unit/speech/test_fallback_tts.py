"""Speech while the engine is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import pytest

from domain.deadlines import Deadline
from domain.errors import SpeechEngineUnavailable, SynthesisFailed
from domain.speech import AudioClip, VoiceStyle
from speech.fallback_tts import FallbackTTS
from speech.outage import Outage, SynthesisRefused
from tests.fakes.speech import FakeTTS

TEXT = "The library opens at eight in the morning."
ENGLISH = VoiceStyle("en")


@dataclass
class IndonesianTTS(FakeTTS):
    """Has no English voice."""

    def voices(self, language: str) -> Sequence[str]:
        return ("dimas",) if language == "id" else ()


@dataclass
class SlowTTS(FakeTTS):
    """Sound that begins and never goes on."""

    pieces: int = 0

    async def speak(
        self, text: str, *, style: VoiceStyle, deadline: Deadline
    ) -> AsyncIterator[AudioClip]:
        self.spoken.append((text, style))
        for _ in range(self.pieces):
            yield AudioClip(bytes(3_200), style.rate_hz)
        await asyncio.sleep(60)


class Pair:
    """An engine with its reserve."""

    def __init__(self, primary: FakeTTS, *, timeout_seconds: float = 5.0) -> None:
        self.now = 0.0
        self.primary = primary
        self.reserve = FakeTTS()
        self.engine = FallbackTTS(
            primary,
            self.reserve,
            timeout_seconds=timeout_seconds,
            outage=Outage("test", clock=lambda: self.now),
        )

    async def speak(self, style: VoiceStyle = ENGLISH, seconds: float = 5.0) -> float:
        sound = self.engine.speak(TEXT, style=style, deadline=Deadline.after(seconds))
        return sum([clip.seconds async for clip in sound])


async def test_an_engine_that_works_is_the_one_that_speaks() -> None:
    pair = Pair(FakeTTS())

    assert await pair.speak() > 1

    assert pair.reserve.spoken == []
    assert pair.engine.state() == "embedded"


async def test_the_reserve_speaks_the_whole_sentence_while_the_engine_fails() -> None:
    pair = Pair(FakeTTS(failure=SynthesisFailed()))

    seconds = await pair.speak()

    assert seconds == pytest.approx(len(TEXT) * 0.06, abs=0.01)
    assert pair.reserve.spoken == [(TEXT, ENGLISH)]
    assert pair.engine.state() == "degraded"


async def test_a_dead_engine_is_asked_once_in_half_a_minute() -> None:
    pair = Pair(FakeTTS(failure=SynthesisFailed()))

    for _ in range(4):
        await pair.speak()
    assert len(pair.primary.spoken) == 1

    pair.now = 31.0
    pair.primary.failure = None
    await pair.speak()
    assert len(pair.primary.spoken) == 2
    assert pair.engine.state() == "embedded"


async def test_an_engine_that_hangs_costs_its_timeout_once() -> None:
    pair = Pair(SlowTTS(), timeout_seconds=0.05)

    for _ in range(3):
        assert await pair.speak() > 1

    assert len(pair.primary.spoken) == 1


async def test_a_sentence_that_broke_off_is_not_begun_again() -> None:
    pair = Pair(FakeTTS(failure=SynthesisFailed(), fail_after=1))

    with pytest.raises(SynthesisFailed):
        await pair.speak()
    assert pair.reserve.spoken == []

    assert await pair.speak() > 1
    assert pair.reserve.spoken == [(TEXT, ENGLISH)]


async def test_time_in_which_the_listener_is_busy_does_not_count() -> None:
    pair = Pair(FakeTTS(), timeout_seconds=0.2)
    seconds = 0.0

    sound = pair.engine.speak(TEXT, style=ENGLISH, deadline=Deadline.after(5))
    async for clip in sound:
        await asyncio.sleep(0.1)
        seconds += clip.seconds

    assert seconds == pytest.approx(len(TEXT) * 0.06, abs=0.01)


async def test_a_stall_in_the_middle_is_given_up() -> None:
    pair = Pair(SlowTTS(pieces=1), timeout_seconds=0.05)

    with pytest.raises(SynthesisFailed):
        await pair.speak()

    assert pair.engine.state() == "degraded"


async def test_a_language_without_a_voice_is_spoken_by_the_reserve() -> None:
    pair = Pair(IndonesianTTS())

    await pair.speak(VoiceStyle("en"))
    await pair.speak(VoiceStyle("id"))

    assert [style.language for _, style in pair.reserve.spoken] == ["en"]
    assert [style.language for _, style in pair.primary.spoken] == ["id"]
    assert pair.engine.state() == "embedded"
    assert pair.engine.voices("id") == ("dimas",)
    assert pair.engine.voices("en") == ("en-one", "en-two")


async def test_what_is_missing_is_no_outage() -> None:
    pair = Pair(FakeTTS(failure=SpeechEngineUnavailable("KEY is not set.")))

    with pytest.raises(SpeechEngineUnavailable, match="KEY"):
        await pair.speak()

    assert pair.reserve.spoken == []
    assert pair.engine.state() == "embedded"


async def test_a_text_that_is_refused_says_nothing_about_the_engine() -> None:
    pair = Pair(FakeTTS(failure=SynthesisRefused()))

    assert await pair.speak() > 1

    assert pair.reserve.spoken == [(TEXT, ENGLISH)]
    assert pair.engine.state() == "embedded"


async def test_a_reserve_that_fails_is_a_failed_synthesis() -> None:
    pair = Pair(FakeTTS(failure=SynthesisFailed()))
    pair.reserve.failure = SpeechEngineUnavailable()

    with pytest.raises(SynthesisFailed):
        await pair.speak()


async def test_a_caller_without_time_says_nothing_about_the_engine() -> None:
    pair = Pair(SlowTTS())

    with pytest.raises(SynthesisFailed):
        await pair.speak(seconds=0.05)

    assert pair.engine.state() == "embedded"


async def test_a_listener_who_leaves_ends_the_engine_s_work() -> None:
    pair = Pair(FakeTTS())
    sound = pair.engine.speak(TEXT, style=ENGLISH, deadline=Deadline.after(5))

    assert (await anext(sound)).pcm
    await sound.aclose()  # type: ignore[attr-defined]

    assert pair.engine.state() == "embedded"
    assert await pair.speak() > 1


async def test_both_are_started_and_closed() -> None:
    pair = Pair(FakeTTS())

    await pair.engine.start()
    await pair.engine.close()

    assert pair.primary.started
    assert pair.reserve.started
    assert pair.primary.closed
    assert pair.reserve.closed
