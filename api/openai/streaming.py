"""Events while they come: first ones with a status of their own, silence filled."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Generic, Protocol, TypeVar

from api import sse
from api.context import Edge
from api.errors import as_app_error
from api.openai.errors import openai_error
from api.streams import AsyncStream
from api.v1.chat import FIRST_EVENT_SECONDS
from api.v1.running import Silence
from domain.errors import ServerRestarting

Item = TypeVar("Item")
Item_co = TypeVar("Item_co", covariant=True)

RESTARTING = sse.write_data(openai_error(ServerRestarting()))
"""Last event of a stream that is cut because the server must stop."""


class Source(Protocol[Item_co]):
    """Work in a task of its own, whose results are read as they come."""

    def steps(self, *, silence_seconds: float) -> AsyncGenerator[Item_co | Silence]:
        """Yield the results, and `Silence` when there was none for so long."""
        ...

    async def close(self) -> None:
        """Cancel what still runs and wait for it to end."""
        ...


class Ahead(Generic[Item]):
    """
    Reads an iterator in a task of its own, as fast as it yields.

    A slow reader of the answer would otherwise use up the deadline of whoever makes it.
    What is made has a bound, so the queue needs none.
    """

    def __init__(self, items: AsyncIterator[Item]) -> None:
        self._items = items
        self._queue: asyncio.Queue[Item | None] = asyncio.Queue()
        self._task = asyncio.create_task(self._run())

    async def steps(self, *, silence_seconds: float) -> AsyncGenerator[Item | Silence]:
        """
        Yield the items, and `Silence` when there was none for so long.

        Raises:
            Exception: What the iterator raised, after its items.
        """
        while True:
            try:
                async with asyncio.timeout(silence_seconds):
                    item = await self._queue.get()
            except TimeoutError:
                yield Silence()
                continue
            if item is None:
                await self._task
                return
            yield item

    async def close(self) -> None:
        """Cancel what still runs and wait for it to end."""
        self._task.cancel()
        # A failure that nobody waited for is nobody's: the reader is gone.
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        try:
            async for item in self._items:
                self._queue.put_nowait(item)
        finally:
            self._queue.put_nowait(None)
            if isinstance(self._items, AsyncGenerator):
                await self._items.aclose()


def event_stream(
    here: Edge, source: Callable[[], Source[Item]], write: Callable[[Item], bytes]
) -> AsyncStream:
    """
    Return the answer whose events are what *source* yields, written by *write*.

    An error before the first of them is answered with its own status; a later one is
    the last event.
    """
    return AsyncStream(
        _events(here, source, write), on_drain=RESTARTING, headers=sse.HEADERS
    )


async def _events(
    here: Edge, make: Callable[[], Source[Item]], write: Callable[[Item], bytes]
) -> AsyncIterator[bytes]:
    source = make()
    here.metrics.stream_opened()
    begun = False
    try:
        first = contextlib.aclosing(source.steps(silence_seconds=FIRST_EVENT_SECONDS))
        async with first as steps:
            async for step in steps:
                yield _written(step, write)
                begun = True
                break
        later = contextlib.aclosing(source.steps(silence_seconds=sse.HEARTBEAT_SECONDS))
        async with later as steps:
            async for step in steps:
                yield _written(step, write)
    except Exception as exc:
        if not begun:
            # Nothing was sent yet, so it has a status of its own.
            raise
        yield sse.write_data(openai_error(as_app_error(exc)))
    finally:
        here.metrics.stream_closed()
        await source.close()


def _written(step: Item | Silence, write: Callable[[Item], bytes]) -> bytes:
    return sse.HEARTBEAT if isinstance(step, Silence) else write(step)
