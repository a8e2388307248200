"""A reader of emotions from memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from domain.deadlines import Deadline
from domain.errors import EmotionFailed, TurnTimeout
from domain.speech import AudioClip, Emotion


@dataclass
class FakeEmotion:
    """
    An `EmotionReader` that finds what it is told.

    Attributes:
        found: Its answer.
        failure: Raised by every reading, when given.
        seen: Texts and clips that came.
        deadlines: Of the readings.
    """

    found: Emotion | None = field(
        default_factory=lambda: Emotion("neutral", 0.9, ("text",))
    )
    failure: EmotionFailed | None = None
    seen: list[tuple[str, AudioClip | None]] = field(default_factory=list)
    deadlines: list[Deadline] = field(default_factory=list)
    health: str = "ok"
    running: bool = False

    def state(self) -> str:
        """Return what it is told to."""
        return self.health

    async def start(self) -> None:
        """Note it."""
        self.running = True

    async def close(self) -> None:
        """Note it."""
        self.running = False

    async def read(
        self, text: str, clip: AudioClip | None, *, language: str, deadline: Deadline
    ) -> Emotion | None:
        """Return the prepared emotion."""
        try:
            deadline.remaining()
        except TurnTimeout as exc:
            raise EmotionFailed from exc
        self.seen.append((text, clip))
        self.deadlines.append(deadline)
        if self.failure is not None:
            raise self.failure
        return self.found
