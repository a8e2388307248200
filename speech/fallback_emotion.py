"""Two readers of emotions: the second is asked when the first one fails."""

from __future__ import annotations

import logging
import time
from typing import Final

from domain.deadlines import Deadline
from domain.errors import EmotionFailed
from domain.speech import AudioClip, Emotion
from speech.engines import EmotionEngine

log = logging.getLogger(__name__)

FIRST_SHARE: Final = 0.8
"""Of the time there is, for the first reader; the second one needs milliseconds."""


class FallbackEmotion:
    """
    Read with *first*, and with *second* when that fails.

    Args:
        timeout_seconds: Of both together.
    """

    def __init__(
        self, first: EmotionEngine, second: EmotionEngine, *, timeout_seconds: float
    ) -> None:
        self._first = first
        self._second = second
        self._timeout_seconds = timeout_seconds

    def state(self) -> str:
        """Return the state of the first reader, `degraded` when only the second is."""
        state = self._first.state()
        return "degraded" if state != "ok" and self._second.state() == "ok" else state

    async def start(self) -> None:
        """Make both ready."""
        await self._first.start()
        await self._second.start()

    async def close(self) -> None:
        """Close both."""
        await self._first.close()
        await self._second.close()

    async def read(
        self, text: str, clip: AudioClip | None, *, language: str, deadline: Deadline
    ) -> Emotion | None:
        """
        Return what the first reader finds that does not fail.

        Raises:
            EmotionFailed: Both failed.
        """
        now = time.monotonic()
        ends = min(now + self._timeout_seconds, deadline.expires_at)
        first = Deadline(now + FIRST_SHARE * (ends - now))
        try:
            return await self._first.read(text, clip, language=language, deadline=first)
        except EmotionFailed:
            log.warning("emotion_fell_back")
        return await self._second.read(
            text, clip, language=language, deadline=Deadline(ends)
        )
