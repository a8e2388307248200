"""What waits to be sent over one connection: bounded, and sound can be taken back."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

import orjson

from api.realtime.events import Event

MAX_BYTES = 8 * 1024 * 1024
"""About a minute and a half of sound at 24 kHz, in base64."""


@dataclass(frozen=True, slots=True)
class Closing:
    """The end of the connection, after everything that was put in before."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class _Waiting:
    text: str
    sound_of: str | None


class Outbox:
    """
    A queue of messages.

    Attributes:
        overflowed: More waited than a reader may be behind; nothing was added since.
    """

    def __init__(self, *, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._waiting: deque[_Waiting | Closing] = deque()
        self._bytes = 0
        self._filled = asyncio.Event()
        self._closed = False
        self.overflowed = asyncio.Event()

    def put(self, event: Event) -> None:
        """Add *event*; after the end, or when there is no room, it is dropped."""
        if self._closed or self.overflowed.is_set():
            return
        text = orjson.dumps(event).decode()
        is_sound = event["type"] == "response.output_audio.delta"
        self._bytes += len(text)
        if self._bytes > self._max_bytes:
            self.overflowed.set()
            return
        sound_of = str(event["response_id"]) if is_sound else None
        self._waiting.append(_Waiting(text, sound_of))
        self._filled.set()

    def close(self, code: int, reason: str) -> None:
        """End the connection after what waits; the first end counts."""
        if not self._closed:
            self._closed = True
            self._waiting.append(Closing(code, reason))
            self._filled.set()

    def drop_sound(self, response_id: str) -> None:
        """Take back the sound of a response that nobody shall hear any more."""
        kept = deque(
            item
            for item in self._waiting
            if isinstance(item, Closing) or item.sound_of != response_id
        )
        self._waiting = kept
        self._bytes = sum(len(i.text) for i in kept if isinstance(i, _Waiting))

    async def take(self) -> str | Closing:
        """Wait for the next message, or the end."""
        while not self._waiting:
            self._filled.clear()
            await self._filled.wait()
        item = self._waiting.popleft()
        if isinstance(item, Closing):
            return item
        self._bytes -= len(item.text)
        return item.text
