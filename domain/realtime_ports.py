"""What the realtime door asks of whoever holds a spoken conversation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from domain.callers import Caller
from domain.realtime import RealtimeConfig, RealtimeEvent

Admit = Callable[[], Awaitable[None]]
"""Lets one answer begin. Raises `RateLimited`, `VisitorSessionEnded`."""


class RealtimeSession(Protocol):
    """
    One spoken conversation. What can be refused raises `RealtimeRefused`.

    Its methods are called one after the other; events come while they run and between.
    """

    @property
    def config(self) -> RealtimeConfig:
        """What holds now."""
        ...

    @property
    def is_busy(self) -> bool:
        """Whether an answer is on its way."""
        ...

    def configure(self, config: RealtimeConfig) -> None:
        """Let *config* hold from now on."""
        ...

    async def hear(self, sound: bytes) -> None:
        """Take sound in the session's format."""
        ...

    def commit(self) -> None:
        """End the utterance."""
        ...

    def clear(self) -> None:
        """Forget the sound that is no utterance yet."""
        ...

    def add_text(self, text: str, *, item_id: str | None) -> None:
        """Take a typed question."""
        ...

    async def respond(
        self, *, with_sound: bool | None, metadata: dict[str, str] | None
    ) -> None:
        """Answer what was said since the last answer."""
        ...

    def cancel(self, response_id: str | None) -> None:
        """End the answer that is on its way."""
        ...

    def truncate(self, item_id: str, *, heard_ms: int) -> None:
        """Keep of an answer what was heard in its first *heard_ms*."""
        ...

    async def close(self) -> None:
        """End everything that runs."""
        ...


class RealtimeAgent(Protocol):
    """Who holds spoken conversations."""

    async def open(
        self,
        caller: Caller,
        conversation_id: str,
        *,
        config: RealtimeConfig,
        emit: Callable[[RealtimeEvent], None],
        admit: Admit,
    ) -> RealtimeSession:
        """Begin; *emit* is called for every event, in order, and does not block."""
        ...


class RealtimeSecrets(Protocol):
    """Short-lived secrets that open one connection's worth of rights."""

    async def issue(
        self,
        caller: Caller,
        *,
        conversation_id: str | None,
        config: bytes,
        seconds: float,
    ) -> tuple[str, float]:
        """Return a new secret and when it ends (Unix seconds)."""
        ...

    async def find(self, secret: str) -> RealtimeTicket | None:
        """Return what *secret* is good for, or None."""
        ...


@dataclass(frozen=True, slots=True)
class RealtimeTicket:
    """
    What a short-lived secret is good for.

    Attributes:
        conversation_id: The only one it opens; None: any the caller may use.
        config: Session settings as the issuer wrote them.
    """

    caller: Caller
    conversation_id: str | None
    config: bytes


@dataclass(frozen=True, slots=True)
class RealtimeServices:
    """What the realtime door works with."""

    agent: RealtimeAgent
    secrets: RealtimeSecrets
