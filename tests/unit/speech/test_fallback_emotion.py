"""Two readers of emotions: the second while the first fails."""

from __future__ import annotations

import time

import pytest

from domain.deadlines import Deadline
from domain.errors import EmotionFailed
from domain.speech import AudioClip, Emotion
from speech.fallback_emotion import FIRST_SHARE, FallbackEmotion
from speech.outage import COOLDOWN_SECONDS, Outage
from tests.fakes.emotion import FakeEmotion
from tests.fakes.speech import tone

CLIP = AudioClip(tone(1.0), 16_000)
ANGRY, SAD = Emotion("angry", 0.9, ("text",)), Emotion("sad", 0.8, ("text",))


class Pair:
    def __init__(self, *, needs_sound: bool = False) -> None:
        self.now = 0.0
        self.first, self.second = FakeEmotion(ANGRY), FakeEmotion(SAD)
        self.both = FallbackEmotion(
            self.first,
            self.second,
            timeout_seconds=5.0,
            outage=Outage("emotion", clock=lambda: self.now),
            needs_sound=needs_sound,
        )

    async def read(
        self, *, clip: AudioClip | None = CLIP, seconds: float = 60.0
    ) -> Emotion | None:
        return await self.both.read(
            "x", clip, language="en", deadline=Deadline.after(seconds)
        )


async def test_the_first_is_asked_while_it_works() -> None:
    pair = Pair()
    assert await pair.read() == ANGRY
    assert pair.second.seen == []
    assert pair.both.state() == "ok"


async def test_the_second_stands_in_and_the_first_is_left_alone_for_a_while() -> None:
    pair = Pair()
    pair.first.failure = EmotionFailed()
    assert [await pair.read(), await pair.read()] == [SAD, SAD]
    assert len(pair.first.seen) == 1
    assert pair.both.state() == "degraded"


async def test_the_first_is_back_after_a_while() -> None:
    pair = Pair()
    pair.first.failure = EmotionFailed()
    await pair.read()
    pair.first.failure = None
    pair.now = COOLDOWN_SECONDS + 1
    assert await pair.read() == ANGRY
    assert pair.both.state() == "ok"


async def test_both_failing_is_a_failure() -> None:
    pair = Pair()
    pair.first.failure = pair.second.failure = EmotionFailed()
    with pytest.raises(EmotionFailed):
        await pair.read()


async def test_the_second_has_its_part_of_the_same_time() -> None:
    pair = Pair()
    pair.first.failure = EmotionFailed()
    before = time.monotonic()
    await pair.read()
    first = pair.first.deadlines[0].expires_at - before
    second = pair.second.deadlines[0].expires_at - before
    assert first == pytest.approx(5.0 * FIRST_SHARE, abs=1.0)
    assert second == pytest.approx(5.0, abs=1.0)
    assert first < second


async def test_the_deadline_of_the_turn_bounds_both() -> None:
    pair = Pair()
    pair.first.failure = EmotionFailed()
    before = time.monotonic()
    await pair.read(seconds=1.0)
    assert pair.second.deadlines[0].expires_at - before < 1.5


async def test_without_sound_a_service_of_sound_is_passed_over_and_not_blamed() -> None:
    pair = Pair(needs_sound=True)
    assert await pair.read(clip=None) == SAD
    assert pair.both.state() == "ok"
    assert await pair.read() == ANGRY


async def test_a_service_without_its_key_is_degraded() -> None:
    pair = Pair()
    pair.first.health = "unavailable"
    assert pair.both.state() == "degraded"
    pair.second.health = "unavailable"
    assert pair.both.state() == "unavailable"


async def test_both_begin_and_end_together() -> None:
    pair = Pair()
    await pair.both.start()
    assert pair.first.running
    assert pair.second.running
    await pair.both.close()
    assert not pair.first.running
    assert not pair.second.running
