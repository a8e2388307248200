"""Sessions of visitors in memory, with a clock that tests can set."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from auth.passes import Passes
from domain.errors import StateUnavailable
from stores.kiosk import KioskSessions
from stores.kiosk_parts import Forget, Lives


@dataclass
class MemoryRecords:
    """Satisfies `stores.kiosk_parts.Records` in dicts; `away` makes every call fail."""

    clock: Callable[[], float] = time.time
    away: bool = False
    kept: dict[str, tuple[bytes, float]] = field(default_factory=dict)
    lines: dict[bytes, float] = field(default_factory=dict)

    async def put(self, name: str, value: bytes, *, seconds: float) -> None:
        self._answer()
        self.kept[name] = (value, self.clock() + seconds)

    async def claim(self, name: str, value: bytes, *, seconds: float) -> bytes:
        found = await self.find(name)
        if found is None:
            await self.put(name, value, seconds=seconds)
        return value if found is None else found

    async def find(self, name: str, *, seconds: float | None = None) -> bytes | None:
        self._answer()
        value, expires = self.kept.get(name, (b"", 0.0))
        if expires <= self.clock():
            return None
        if seconds is not None:
            self.kept[name] = (value, self.clock() + seconds)
        return value

    async def take(self, name: str) -> bytes | None:
        found = await self.find(name)
        self.kept.pop(name, None)
        return found

    async def note(self, line: bytes, *, due_in: float) -> None:
        self._answer()
        self.lines[line] = self.clock() + due_in

    async def due(self) -> Collection[bytes]:
        self._answer()
        return [line for line, due in self.lines.items() if due <= self.clock()]

    async def strike(self, line: bytes) -> None:
        self._answer()
        self.lines.pop(line, None)

    async def aclose(self) -> None:
        """There is nothing to close."""

    def _answer(self) -> None:
        if self.away:
            raise StateUnavailable


@dataclass
class Clock:
    """Seconds that pass when a test says so."""

    now: float = 1_772_323_200.0

    def __call__(self) -> float:
        return self.now


def make_sessions(
    forget: Forget,
    *,
    records: MemoryRecords | None = None,
    clock: Callable[[], float] = time.time,
    silence: float = 60.0,
) -> KioskSessions:
    """Return sessions on *records*."""
    return KioskSessions(
        records or MemoryRecords(clock),
        forget=forget,
        passes=Passes(("0" * 64,)),
        lives=Lives(silence=silence),
        clock=clock,
    )
