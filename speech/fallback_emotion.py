"""Two readers of emotions: the second is asked when the first one fails."""

from __future__ import annotations

import time
from typing import Final

from domain.deadlines import Deadline
from domain.errors import EmotionFailed
from domain.speech import AudioClip, Emotion
from speech.engines import EmotionEngine
from speech.outage import Outage

FIRST_SHARE: Final = 0.8
"""Of the time there is, for the first reader; the second one needs milliseconds."""


class FallbackEmotion:
    """
    Read with *first*, and with *second* while that fails.

    Args:
        timeout_seconds: Of both together.
        outage: Whether *first* is worth asking.
        needs_sound: *first* cannot read words alone.
    """

    def __init__(
        self,
        first: EmotionEngine,
        second: EmotionEngine,
        *,
        timeout_seconds: float,
        outage: Outage,
        needs_sound: bool = False,
    ) -> None:
        self._first = first
        self._second = second
        self._timeout_seconds = timeout_seconds
        self._outage = outage
        self._needs_sound = needs_sound

    def state(self) -> str:
        """Return `ok`; `degraded` while only the second reader works."""
        state = "unavailable" if self._outage.on else self._first.state()
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
        possible = clip is not None or not self._needs_sound
        if possible and self._outage.may_try():
            first = Deadline(now + FIRST_SHARE * (ends - now))
            try:
                found = await self._first.read(
                    text, clip, language=language, deadline=first
                )
            except EmotionFailed:
                self._outage.failed()
            else:
                self._outage.succeeded()
                return found
        return await self._second.read(
            text, clip, language=language, deadline=Deadline(ends)
        )
