"""Streams as clients of OpenAI read them, and reading ahead of a slow client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Generic, TypeVar

from api import sse
from api.context import Edge
from api.event_streams import Silence, Source, Wire, event_stream
from api.openai.errors import openai_error
from api.streams import AsyncStream
from domain.errors import AppError

Item = TypeVar("Item")


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


def openai_stream(
    here: Edge, make: Callable[[], Source[Item]], write: Callable[[Item], bytes]
) -> AsyncStream:
    """Return `event_stream` whose errors are OpenAI's."""
    return event_stream(here, make, Wire(write, _fail))


def _fail(error: AppError) -> bytes:
    return sse.write_data(openai_error(error))
