"""Small values with a life: in Redis, or in a file shared by the workers of a host."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from stores.fallback_file import StateFile
from stores.redis_client import RedisConnection

_MOST_LINES = 100
# What was taken is known as taken for longer than anything lives.
TAKEN_SECONDS: Final = 2 * 86_400.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    name TEXT PRIMARY KEY, value BLOB, expires REAL NOT NULL,
    taken INTEGER NOT NULL DEFAULT 0, alone INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lines (
    line BLOB PRIMARY KEY, due REAL NOT NULL
) WITHOUT ROWID;
"""


class RedisRecords:
    """
    Satisfies `stores.kiosk_parts.Records` with single commands on single keys.

    Raises (every call):
        StateUnavailable: Redis is away.
    """

    def __init__(
        self,
        connection: RedisConnection,
        *,
        prefix: str = "tanya",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._connection = connection
        self._prefix = f"{prefix}:kiosk:"
        self._clock = clock

    async def put(self, name: str, value: bytes, *, seconds: float) -> None:
        """Keep *value*."""
        async with self._connection.use() as redis:
            await redis.set(self._prefix + name, value, px=_milliseconds(seconds))

    async def claim(self, name: str, value: bytes, *, seconds: float) -> bytes:
        """Keep *value* unless there is one; return the one that holds."""
        key = self._prefix + name
        async with self._connection.use() as redis:
            while True:
                if await redis.set(key, value, px=_milliseconds(seconds), nx=True):
                    return value
                holds = await redis.get(key)
                if holds is not None:
                    return _bytes(holds)

    async def find(self, name: str, *, seconds: float | None = None) -> bytes | None:
        """Return a value that still lives; with *seconds*, so long from now."""
        key = self._prefix + name
        async with self._connection.use() as redis:
            found = await redis.get(key)
            if found is None:
                return None
            # A value never changes, so it is the one that was prolonged; nothing is
            # made here, and what ended in between stays ended.
            if seconds is not None and not await redis.pexpire(
                key, _milliseconds(seconds)
            ):
                return None
        return _bytes(found)

    async def take(self, name: str) -> bytes | None:
        """Remove a value and return it, to one caller only."""
        key = self._prefix + name
        async with self._connection.use() as redis:
            found = await redis.get(key)
            # Of all who saw it, one removes it.
            if found is None or not await redis.delete(key):
                return None
        return _bytes(found)

    async def note(self, line: bytes, *, due_in: float) -> None:
        """Put *line* on the list of what has to be looked after."""
        async with self._connection.use() as redis:
            await redis.zadd(self._list, {line: self._clock() + due_in})

    async def due(self) -> Collection[bytes]:
        """Return some lines whose time has come."""
        async with self._connection.use() as redis:
            found = await redis.zrangebyscore(
                self._list, "-inf", self._clock(), start=0, num=_MOST_LINES
            )
        return [_bytes(line) for line in found]

    async def strike(self, line: bytes) -> None:
        """Take *line* off the list."""
        async with self._connection.use() as redis:
            await redis.zrem(self._list, line)

    async def aclose(self) -> None:
        """Do nothing: the connection is somebody else's."""

    @property
    def _list(self) -> str:
        return self._prefix + "due"


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """
    What the file had of a record that is taken now.

    Attributes:
        first: Nobody took it here before.
        alone: Redis never had it.
    """

    first: bool
    value: bytes | None = None
    alone: bool = False


class FileRecords:
    """
    Satisfies `stores.kiosk_parts.Records` on one SQLite file.

    Beside Redis it also tells what Redis could not be told; see `SharedRecords`.

    Raises (every call):
        StateUnavailable: The file cannot be used.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._file = StateFile(path, schema=_SCHEMA, expiring=("records",), clock=clock)

    async def put(
        self, name: str, value: bytes, *, seconds: float, alone: bool = False
    ) -> None:
        """Keep *value*; *alone*: Redis does not have it."""
        await self._file.run(self._put, name, value, seconds, alone=alone)

    async def claim(
        self, name: str, value: bytes, *, seconds: float, alone: bool = False
    ) -> bytes:
        """Keep *value* unless there is one; return the one that holds."""
        return await self._file.run(self._claim, name, value, seconds, alone=alone)

    async def find(
        self, name: str, *, seconds: float | None = None, alone: bool = False
    ) -> bytes | None:
        """Return a value that lives; *alone*: only one that Redis does not have."""
        return await self._file.run(self._find, name, seconds, alone=alone)

    async def take(self, name: str) -> bytes | None:
        """Remove a value and return it, to one caller only."""
        return (await self._file.run(self._take, name)).value

    async def withdraw(self, name: str) -> Withdrawn:
        """Mark it as taken, and return what was here."""
        return await self._file.run(self._take, name)

    async def is_taken(self, name: str) -> bool:
        """Return whether it was taken here."""
        return await self._file.run(self._is_taken, name)

    async def note(self, line: bytes, *, due_in: float) -> None:
        """Put *line* on the list of what has to be looked after."""
        await self._file.run(self._note, line, due_in)

    async def due(self) -> Collection[bytes]:
        """Return some lines whose time has come, and drop what has ended."""
        return await self._file.run(self._due)

    async def strike(self, line: bytes) -> None:
        """Take *line* off the list."""
        await self._file.run(self._strike, line)

    async def aclose(self) -> None:
        """Close the file."""
        await asyncio.to_thread(self._file.close)

    def _put(self, name: str, value: bytes, seconds: float, *, alone: bool) -> None:
        with self._file.write() as file:
            file.execute(
                "INSERT OR REPLACE INTO records VALUES (?, ?, ?, 0, ?)",
                (name, value, self._clock() + seconds, alone),
            )

    def _claim(self, name: str, value: bytes, seconds: float, *, alone: bool) -> bytes:
        now = self._clock()
        with self._file.write() as file:
            row = file.execute(
                "SELECT value FROM records WHERE name = ? AND expires > ?"
                " AND NOT taken",
                (name, now),
            ).fetchone()
            if row is not None:
                return bytes(row[0])
            file.execute(
                "INSERT OR REPLACE INTO records VALUES (?, ?, ?, 0, ?)",
                (name, value, now + seconds, alone),
            )
        return value

    def _find(self, name: str, seconds: float | None, *, alone: bool) -> bytes | None:
        now = self._clock()
        with self._file.write() as file:
            row = file.execute(
                "SELECT value FROM records WHERE name = ? AND expires > ?"
                " AND NOT taken AND alone >= ?",
                (name, now, alone),
            ).fetchone()
            if row is not None and seconds is not None:
                file.execute(
                    "UPDATE records SET expires = ? WHERE name = ?",
                    (now + seconds, name),
                )
        return None if row is None else bytes(row[0])

    def _take(self, name: str) -> Withdrawn:
        now = self._clock()
        with self._file.write() as file:
            row = file.execute(
                "SELECT value, taken, alone FROM records"
                " WHERE name = ? AND expires > ?",
                (name, now),
            ).fetchone()
            if row is not None and row[1]:
                return Withdrawn(first=False)
            file.execute(
                "INSERT OR REPLACE INTO records VALUES (?, NULL, ?, 1, 0)",
                (name, now + TAKEN_SECONDS),
            )
        if row is None:
            return Withdrawn(first=True)
        return Withdrawn(first=True, value=bytes(row[0]), alone=bool(row[2]))

    def _is_taken(self, name: str) -> bool:
        with self._file.read() as file:
            row = file.execute(
                "SELECT 1 FROM records WHERE name = ? AND taken AND expires > ?",
                (name, self._clock()),
            ).fetchone()
        return row is not None

    def _note(self, line: bytes, due_in: float) -> None:
        with self._file.write() as file:
            file.execute(
                "INSERT OR REPLACE INTO lines VALUES (?, ?)",
                (line, self._clock() + due_in),
            )

    def _due(self) -> list[bytes]:
        self._file.purge()
        with self._file.read() as file:
            rows = file.execute(
                "SELECT line FROM lines WHERE due <= ? ORDER BY due LIMIT ?",
                (self._clock(), _MOST_LINES),
            ).fetchall()
        return [bytes(row[0]) for row in rows]

    def _strike(self, line: bytes) -> None:
        with self._file.write() as file:
            file.execute("DELETE FROM lines WHERE line = ?", (line,))


def _bytes(value: Any) -> bytes:
    # Answers are bytes (`decode_responses` is off), whatever the client's types say.
    return bytes(value)


def _milliseconds(seconds: float) -> int:
    return max(1, int(seconds * 1000))
