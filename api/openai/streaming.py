"""Streams as clients of OpenAI read them, and reading ahead of a slow client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Generic, TypeVar

from api import sse
from api.context import Edge
from api.event_streams import Silence, Source, StepQueue, Wire, event_stream
from api.openai.errors import openai_error
from api.streams import AsyncStream
from domain.errors import AppError
from domain.streams import closing

Item = TypeVar("Item")


class Ahead(Generic[Item]):
    """
    Reads an iterator in a task of its own, as fast as it yields.

    A slow reader of the answer would otherwise use up the deadline of whoever makes it.
    """

    def __init__(self, items: AsyncIterator[Item]) -> None:
        self._items = items
        self._made: StepQueue[Item] = StepQueue()
        self._task = asyncio.create_task(self._run())

    def steps(self, *, silence_seconds: float) -> AsyncGenerator[Item | Silence]:
        """
        Yield the items, and `Silence` when there was none for so long.

        Raises:
            Exception: What the iterator raised, after its items.
        """
        return self._made.read(silence_seconds=silence_seconds)

    async def close(self) -> None:
        """Cancel what still runs and wait for it to end."""
        self._task.cancel()
        await asyncio.wait({self._task})

    async def _run(self) -> None:
        failure = None
        try:
            async with closing(self._items) as items:
                async for item in items:
                    self._made.put(item)
        except Exception as exc:  # noqa: BLE001 - A worker loop: its reader gets it.
            failure = exc
        finally:
            self._made.end(failure)


def openai_stream(
    here: Edge, make: Callable[[], Source[Item]], write: Callable[[Item], bytes]
) -> AsyncStream:
    """Return `event_stream` whose errors are OpenAI's."""
    return event_stream(here, make, Wire(write, _fail))


def _fail(error: AppError) -> bytes:
    return sse.write_data(openai_error(error))
