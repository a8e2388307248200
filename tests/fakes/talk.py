"""A spoken conversation without a wire: what is said to it, what it says."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from agents.early_search import EarlySearch
from agents.realtime import RealtimeTalks
from agents.realtime_talk import Talk
from domain.callers import Caller
from domain.errors import AppError
from domain.realtime import (
    RealtimeConfig,
    RealtimeEvent,
    ResponseEnded,
    SoundFormat,
    TurnDetection,
)
from tests.fakes.services import FakeAnswerer, FakeConversations, FakeRetriever
from tests.fakes.sound import FakeSound
from tests.fakes.speech import tone

Event = TypeVar("Event")

CALLER = Caller("acme", "0123456789ab")
CONVERSATION = "talk-1"
CONFIG = RealtimeConfig(
    hears=SoundFormat("pcm", 16_000), speaks=SoundFormat("pcm", 24_000)
)


@dataclass
class Clock:
    """Seconds that pass when they are told to."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Talking:
    """One conversation under test; `events` is everything it said."""

    home: RealtimeTalks
    answerer: FakeAnswerer
    conversations: FakeConversations
    sound: FakeSound
    clock: Clock
    talk: Talk = field(init=False)
    events: list[RealtimeEvent] = field(default_factory=list)
    refusal: AppError | None = None
    admitted: int = 0
    _happened: asyncio.Event = field(default_factory=asyncio.Event)

    async def open(self, config: RealtimeConfig = CONFIG) -> Talking:
        """Begin."""
        self.talk = await self.home.open(
            CALLER, CONVERSATION, config=config, emit=self._note, admit=self._admit
        )
        return self

    def _note(self, event: RealtimeEvent) -> None:
        self.events.append(event)
        self._happened.set()

    async def _admit(self) -> None:
        self.admitted += 1
        if self.refusal is not None:
            raise self.refusal

    async def speak(self, seconds: float = 0.6) -> None:
        """Say something, in pieces of 100 ms."""
        await self._hear(tone(seconds))

    async def be_silent(self, seconds: float = 0.7) -> None:
        """Say nothing for a while."""
        await self._hear(bytes(int(seconds * 16_000) * 2))

    async def ask(self, seconds: float = 0.6) -> None:
        """Say something and fall silent."""
        await self.speak(seconds)
        await self.be_silent()

    async def _hear(self, pcm: bytes) -> None:
        for at in range(0, len(pcm), 3_200):
            await self.talk.hear(pcm[at : at + 3_200])

    def of(self, kind: type[Event]) -> list[Event]:
        """Return the events of that kind."""
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, kind: type[Event], *, count: int = 1) -> Event:
        """Wait for the event number *count* of that kind."""
        async with asyncio.timeout(5):
            while len(self.of(kind)) < count:
                self._happened.clear()
                await self._happened.wait()
        return self.of(kind)[count - 1]

    async def until_true(self, condition: Callable[[], Any]) -> None:
        """Wait until *condition* holds."""
        async with asyncio.timeout(5):
            # Most of what is waited for is no event.
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(0.005)

    async def answer(self) -> ResponseEnded:
        """Ask, and return how the answer ended."""
        before = len(self.of(ResponseEnded))
        await self.ask()
        return await self.until(ResponseEnded, count=before + 1)

    def stored(self) -> list[str]:
        """Return the texts of the conversation."""
        kept = self.conversations.kept.get((CALLER.tenant, CONVERSATION))
        return [message.text for message in kept.messages] if kept else []


def make_talking(
    *,
    answerer: Callable[[FakeConversations], FakeAnswerer] = FakeAnswerer,
    early: EarlySearch | None = None,
    turn_seconds: float = 30.0,
    hearing_seconds: float = 5.0,
    linger_seconds: float = 5.0,
) -> Talking:
    """Return a conversation on fakes; `open` begins it."""
    conversations, sound, clock = FakeConversations(), FakeSound(), Clock()
    rag = answerer(conversations)
    numbers = itertools.count(1)
    home = RealtimeTalks(
        speech=sound.services(rag),
        conversations=conversations,
        early=early or EarlySearch(FakeRetriever()),
        new_id=lambda: f"msg_{next(numbers):04d}",
        turn_seconds=turn_seconds,
        hearing_seconds=hearing_seconds,
        linger_seconds=linger_seconds,
        clock=clock,
    )
    return Talking(home, rag, conversations, sound, clock)


def detection(**changes: Any) -> RealtimeConfig:
    """Return settings with another way to find the end of speech."""
    return RealtimeConfig(
        hears=CONFIG.hears, speaks=CONFIG.speaks, detection=TurnDetection(**changes)
    )
