"""What sessions of visitors are made of: records with a life, and how long."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Protocol

SILENCE_SECONDS = 60.0
# Long enough to find one's phone and to try twice.
LINK_SECONDS = 600.0
# What a person reads and asks further about on the way home.
VISIT_SECONDS = 3600.0

Forget = Callable[[str, str], Awaitable[None]]
"""Removes a conversation from every store, one that is gone as well."""


class Records(Protocol):
    """Small values with a life, shared by all who serve."""

    async def put(self, name: str, value: bytes, *, seconds: float) -> None:
        """Keep *value*."""
        ...

    async def claim(self, name: str, value: bytes, *, seconds: float) -> bytes:
        """Keep *value* unless there is one; return the one that holds."""
        ...

    async def find(self, name: str, *, seconds: float | None = None) -> bytes | None:
        """Return a value that still lives; with *seconds*, so long from now."""
        ...

    async def take(self, name: str) -> bytes | None:
        """Remove a value and return it, to one caller only."""
        ...

    async def note(self, line: bytes, *, due_in: float) -> None:
        """Put *line* on the list of what has to be looked after."""
        ...

    async def due(self) -> Collection[bytes]:
        """Return some lines whose time has come."""
        ...

    async def strike(self, line: bytes) -> None:
        """Take *line* off the list."""
        ...

    async def aclose(self) -> None:
        """Let go of what it holds open itself."""
        ...


class PassMaker(Protocol):
    """Makes the tokens of visitors."""

    def new(self) -> str:
        """Return a new token that nobody can guess."""
        ...

    def made(self, text: str) -> bool:
        """Return whether *text* was made here, without I/O."""
        ...


@dataclass(frozen=True, slots=True)
class Lives:
    """
    How long things live, seconds.

    Attributes:
        silence: A session without a sign of life.
        link: A link that nobody opened.
        visit: A phone's access.
    """

    silence: float = SILENCE_SECONDS
    link: float = LINK_SECONDS
    visit: float = VISIT_SECONDS
