"""Events while they come: first ones with a status of their own, silence filled."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from api import sse
from api.context import Edge
from api.errors import as_app_error
from api.streams import AsyncStream
from domain.errors import AppError, ServerRestarting

# Longer than the wait in a conversation's line, so that a busy one is told with its
# own status. A stream that waits longer than this begins with a comment instead.
FIRST_EVENT_SECONDS = 25.0

Item = TypeVar("Item")
Item_co = TypeVar("Item_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing happened for a while."""


class StepQueue(Generic[Item]):
    """What a task makes, for one reader. It has no bound: what is made has one."""

    def __init__(self) -> None:
        self._items: asyncio.Queue[Item | Silence | _End] = asyncio.Queue()

    def put(self, item: Item) -> None:
        """Add *item*."""
        self._items.put_nowait(item)

    def end(self, error: Exception | None = None) -> None:
        """Let the reader come to an end, or to *error*."""
        self._items.put_nowait(_End(error))

    async def read(self, *, silence_seconds: float) -> AsyncGenerator[Item | Silence]:
        """
        Yield the items, and `Silence` when there was none for so long.

        Raises:
            Exception: What the task ended with.
        """
        watch = _Watch(self._items, silence_seconds)
        try:
            while True:
                item = await self._items.get()
                if isinstance(item, _End):
                    # Whoever reads on finds it again.
                    self._items.put_nowait(item)
                    break
                watch.touch()
                yield item
        finally:
            watch.cancel()
        if item.error is not None:
            raise item.error


@dataclass(frozen=True, slots=True)
class _End:
    error: Exception | None


class _Watch:
    """
    Tells silence to a queue.

    One timer for all of a stream: a timeout around each wait costs more than the item
    that is waited for.
    """

    def __init__(self, items: asyncio.Queue[Any], seconds: float) -> None:
        self._items = items
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._last = self._loop.time()
        self._timer = self._loop.call_later(seconds, self._look)

    def touch(self) -> None:
        """Note that something came."""
        self._last = self._loop.time()

    def cancel(self) -> None:
        """Stop."""
        self._timer.cancel()

    def _look(self) -> None:
        left = self._last + self._seconds - self._loop.time()
        if left <= 0:
            left = self._seconds
            if self._items.empty():
                self._items.put_nowait(Silence())
        self._timer = self._loop.call_later(left, self._look)


class Source(Protocol[Item_co]):
    """Work in a task of its own, whose results are read as they come."""

    def steps(self, *, silence_seconds: float) -> AsyncGenerator[Item_co | Silence]:
        """Yield the results, and `Silence` when there was none for so long."""
        ...

    async def close(self) -> None:
        """Cancel what still runs and wait for it to end."""
        ...


@dataclass(frozen=True, slots=True)
class Wire(Generic[Item]):
    """
    How a door writes its stream.

    Attributes:
        write: Returns the bytes of one result; some have none.
        fail: Returns the last event of a stream that failed.
    """

    write: Callable[[Item], bytes]
    fail: Callable[[AppError], bytes]


def event_stream(
    here: Edge, make: Callable[[], Source[Item]], wire: Wire[Item]
) -> AsyncStream:
    """
    Return the answer whose events are what the source of *make* yields.

    An error before the first of them is answered with its own status; a later one is
    the last event.
    """
    return AsyncStream(
        _events(here, make, wire),
        on_drain=wire.fail(ServerRestarting()),
        headers=sse.HEADERS,
    )


async def _events(
    here: Edge, make: Callable[[], Source[Item]], wire: Wire[Item]
) -> AsyncIterator[bytes]:
    source = make()
    here.metrics.stream_opened()
    begun = False
    try:
        first = contextlib.aclosing(source.steps(silence_seconds=FIRST_EVENT_SECONDS))
        async with first as steps:
            async for step in steps:
                yield _written(step, wire)
                begun = True
                break
        later = contextlib.aclosing(source.steps(silence_seconds=sse.HEARTBEAT_SECONDS))
        async with later as steps:
            async for step in steps:
                yield _written(step, wire)
    except Exception as exc:
        if not begun:
            # Nothing was sent yet, so it has a status of its own.
            raise
        yield wire.fail(as_app_error(exc))
    finally:
        here.metrics.stream_closed()
        await source.close()


def _written(step: Item | Silence, wire: Wire[Item]) -> bytes:
    return sse.HEARTBEAT if isinstance(step, Silence) else wire.write(step)
