"""Records in Redis, with a file beside it for the time that Redis is away."""

from __future__ import annotations

import logging
from collections.abc import Collection

from domain.errors import StateUnavailable
from stores.kiosk_records import FileRecords, RedisRecords

log = logging.getLogger(__name__)


class SharedRecords:
    """
    Satisfies `stores.kiosk_parts.Records` on both, so that an outage ends no session.

    Everything is written to both. Redis decides while it answers; of the file only what
    Redis never had counts then. What was taken is marked in the file first: whatever
    Redis still holds after an outage, it is not given out again on this host.
    """

    def __init__(self, shared: RedisRecords, local: FileRecords) -> None:
        self._shared = shared
        self._local = local

    async def put(self, name: str, value: bytes, *, seconds: float) -> None:
        """Keep *value*."""
        try:
            await self._shared.put(name, value, seconds=seconds)
            alone = False
        except StateUnavailable:
            alone = True
        await self._local.put(name, value, seconds=seconds, alone=alone)

    async def claim(self, name: str, value: bytes, *, seconds: float) -> bytes:
        """Keep *value* unless there is one; return the one that holds."""
        held = await self._local.claim(name, value, seconds=seconds, alone=True)
        try:
            decided = await self._shared.claim(name, held, seconds=seconds)
        except StateUnavailable:
            return held
        await self._local.put(name, decided, seconds=seconds)
        return decided

    async def find(self, name: str, *, seconds: float | None = None) -> bytes | None:
        """Return a value that still lives; with *seconds*, so long from now."""
        if await self._local.is_taken(name):
            return None
        try:
            found = await self._shared.find(name, seconds=seconds)
        except StateUnavailable:
            return await self._local.find(name, seconds=seconds)
        if found is None:
            return await self._local.find(name, seconds=seconds, alone=True)
        if seconds is not None:
            await self._local.find(name, seconds=seconds)
        return found

    async def take(self, name: str) -> bytes | None:
        """Remove a value and return it, to one caller only."""
        local = await self._local.withdraw(name)
        if not local.first:
            # Whoever was first here also asks Redis, and nobody else of this host does.
            return None
        try:
            found = await self._shared.take(name)
        except StateUnavailable:
            log.warning("record_taken_here_alone")
            return local.value
        return local.value if found is None and local.alone else found

    async def note(self, line: bytes, *, due_in: float) -> None:
        """Put *line* on the list of what has to be looked after."""
        await self._local.note(line, due_in=due_in)
        try:
            await self._shared.note(line, due_in=due_in)
        except StateUnavailable:
            log.info("line_noted_here_alone")

    async def due(self) -> Collection[bytes]:
        """Return some lines whose time has come."""
        lines = set(await self._local.due())
        try:
            lines |= set(await self._shared.due())
        except StateUnavailable:
            # Who else may know more is away: better late than too early.
            return ()
        return lines

    async def strike(self, line: bytes) -> None:
        """Take *line* off the list."""
        await self._shared.strike(line)
        await self._local.strike(line)

    async def aclose(self) -> None:
        """Close the file; the connection is somebody else's."""
        await self._local.aclose()
