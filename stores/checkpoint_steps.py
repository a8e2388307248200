"""
Plans of Redis commands, and the two drivers that carry them out.

A plan is a generator: it yields one batch of commands (one round trip), is sent the
replies, and returns a result. It does no I/O, so that threads and event loops run the
very same code.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, TypeVar

from redis.exceptions import (
    NoPermissionError,
    NoScriptError,
    RedisClusterException,
    RedisError,
    ResponseError,
    WatchError,
)

from domain.errors import StateUnavailable
from stores.redis_client import as_state_error

Argument: TypeAlias = "bytes | str | int | float"
Command: TypeAlias = tuple[Argument, ...]
Result = TypeVar("Result")

# A conversation has one writer; more collisions than this mean a fault elsewhere.
_WATCH_ATTEMPTS = 10
_SCAN_COUNT = 500


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script, known to the server by its digest after the first use."""

    source: str
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        """Work out the digest; Redis names scripts by SHA-1."""
        digest = hashlib.sha1(self.source.encode(), usedforsecurity=False)
        object.__setattr__(self, "sha", digest.hexdigest())


@dataclass(frozen=True, slots=True)
class Decision:
    """What to reply and which commands to run, decided from consistent reads."""

    reply: Any
    commands: Sequence[Command] = ()


@dataclass(frozen=True, slots=True)
class Atomic:
    """
    A check and its writes in one step: as a script, or as WATCH, reads, MULTI.

    Attributes:
        keys: Keys of the script in order; they are watched where there is no script.
        reads: What *decide* is given where there is no script.
    """

    script: Script
    keys: tuple[bytes, ...]
    arguments: tuple[Argument, ...]
    reads: tuple[Command, ...]
    decide: Callable[[list[Any]], Decision]

    def command(self, *, by_digest: bool) -> Command:
        """Return the script call."""
        name, body = (
            ("EVALSHA", self.script.sha) if by_digest else ("EVAL", self.script.source)
        )
        return (name, body, len(self.keys), *self.keys, *self.arguments)


@dataclass(frozen=True, slots=True)
class Scan:
    """Every key of the whole server or cluster that matches; several round trips."""

    pattern: bytes


Step: TypeAlias = "tuple[Command | Atomic, ...] | Scan"
Plan: TypeAlias = Generator[Step, list[Any], Result]


class Connection(Protocol):
    """What the drivers need of a connection to Redis."""

    def sync_client(self) -> Any:
        """Return the client of this process."""
        ...

    def use(
        self, *, seconds: float | None = None
    ) -> AbstractAsyncContextManager[Any, bool | None]:
        """Give the running loop's client for one bounded exchange."""
        ...


class Runner:
    """
    Carries plans out, from threads and from event loops.

    Args:
        scripting: True or False when known; None finds out on first use: a server
            whose EVAL was renamed away, or denied to us, gets WATCH and MULTI.

    Raises (both ways of running):
        StateUnavailable: Redis is away.
        StateFull: Redis has no room for writes.
    """

    def __init__(
        self, connection: Connection, *, scripting: bool | None = None
    ) -> None:
        self._connection = connection
        self._scripting = scripting

    def run(self, plan: Plan[Result]) -> Result:
        """Carry *plan* out in this thread."""
        reply: list[Any] | None = None
        while True:
            try:
                step = next(plan) if reply is None else plan.send(reply)
            except StopIteration as stop:
                result: Result = stop.value
                return result
            try:
                reply = self._take(step, self._connection.sync_client())
            except (RedisError, RedisClusterException, OSError) as exc:
                translated = as_state_error(exc)
                if translated is None:
                    raise
                raise translated from exc

    async def arun(self, plan: Plan[Result]) -> Result:
        """Carry *plan* out on the running loop."""
        reply: list[Any] | None = None
        while True:
            try:
                step = next(plan) if reply is None else plan.send(reply)
            except StopIteration as stop:
                result: Result = stop.value
                return result
            async with self._connection.use() as client:
                reply = await self._atake(step, client)

    def _take(self, step: Step, client: Any) -> list[Any]:
        if isinstance(step, Scan):
            found = client.scan_iter(match=step.pattern, count=_SCAN_COUNT)
            return sorted(set(found))
        replies = _Replies(step, scripting=self._scripting)
        while commands := replies.next_commands():
            pipe = client.pipeline(transaction=False)
            for command in commands:
                pipe.execute_command(*command)
            replies.take(pipe.execute(raise_on_error=False))
        for position in replies.unscripted():
            self._scripting = False
            replies.done[position] = self._watch(replies.atomic(position), client)
        return replies.checked()

    async def _atake(self, step: Step, client: Any) -> list[Any]:
        if isinstance(step, Scan):
            found = client.scan_iter(match=step.pattern, count=_SCAN_COUNT)
            return sorted({key async for key in found})
        replies = _Replies(step, scripting=self._scripting)
        while commands := replies.next_commands():
            pipe = client.pipeline(transaction=False)
            for command in commands:
                pipe.execute_command(*command)
            replies.take(await pipe.execute(raise_on_error=False))
        for position in replies.unscripted():
            self._scripting = False
            replies.done[position] = await self._awatch(
                replies.atomic(position), client
            )
        return replies.checked()

    def _watch(self, atomic: Atomic, client: Any) -> Any:
        for _ in range(_WATCH_ATTEMPTS):
            with client.pipeline(transaction=True) as pipe:
                pipe.watch(*atomic.keys)
                reads = [pipe.execute_command(*read) for read in atomic.reads]
                decision = atomic.decide(reads)
                if not decision.commands:
                    return decision.reply
                pipe.multi()
                for command in decision.commands:
                    pipe.execute_command(*command)
                try:
                    pipe.execute()
                except WatchError:
                    continue
                return decision.reply
        raise StateUnavailable(retry_after_seconds=1.0)

    async def _awatch(self, atomic: Atomic, client: Any) -> Any:
        for _ in range(_WATCH_ATTEMPTS):
            async with client.pipeline(transaction=True) as pipe:
                await pipe.watch(*atomic.keys)
                reads = [await pipe.execute_command(*read) for read in atomic.reads]
                decision = atomic.decide(reads)
                if not decision.commands:
                    return decision.reply
                pipe.multi()
                for command in decision.commands:
                    pipe.execute_command(*command)
                try:
                    await pipe.execute()
                except WatchError:
                    continue
                return decision.reply
        raise StateUnavailable(retry_after_seconds=1.0)


class _Replies:
    """One batch on its way: scripts the server did not know are sent in full once."""

    def __init__(
        self, batch: Sequence[Command | Atomic], *, scripting: bool | None
    ) -> None:
        self._batch = batch
        self.done: list[Any] = [None] * len(batch)
        self._without: list[int] = []
        self._by_digest = True
        self._left: list[int] = []
        for position, item in enumerate(batch):
            if isinstance(item, Atomic) and scripting is False:
                self._without.append(position)
            else:
                self._left.append(position)

    def next_commands(self) -> list[Command]:
        """Return the commands to send now, none when all were answered."""
        return [
            item.command(by_digest=self._by_digest)
            if isinstance(item, Atomic)
            else item
            for item in (self._batch[position] for position in self._left)
        ]

    def take(self, replies: Sequence[Any]) -> None:
        """Note the replies to what was sent."""
        unknown = []
        for position, reply in zip(self._left, replies, strict=True):
            if isinstance(reply, NoScriptError) and self._by_digest:
                unknown.append(position)
            elif isinstance(self._batch[position], Atomic) and _no_scripting(reply):
                self._without.append(position)
            else:
                self.done[position] = reply
        self._left, self._by_digest = unknown, False

    def unscripted(self) -> list[int]:
        """Return the atomic steps that must go by WATCH and MULTI."""
        return self._without

    def atomic(self, position: int) -> Atomic:
        """Return the atomic step at *position*."""
        item = self._batch[position]
        assert isinstance(item, Atomic)  # noqa: S101 - narrows the type
        return item

    def checked(self) -> list[Any]:
        """Return the replies; raises the first error among them."""
        for reply in self.done:
            if isinstance(reply, Exception):
                raise reply
        return self.done


def _no_scripting(reply: object) -> bool:
    if isinstance(reply, NoPermissionError):
        return True
    return isinstance(reply, ResponseError) and "unknown command" in str(reply).lower()
