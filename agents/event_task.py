"""Work that tells its events as they happen, in a task of its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TypeVar

from domain.deadlines import Deadline
from domain.errors import TurnTimeout

Event = TypeVar("Event")


async def events_of(
    work: Callable[[Callable[[Event], None]], Awaitable[None]], *, deadline: Deadline
) -> AsyncGenerator[Event]:
    """
    Yield what *work* emits until it ends. Close it to cancel.

    The task of its own lets whoever closes this iterator, from whatever task, cancel
    the work, and lets the deadline hold while nobody reads.

    Raises:
        TurnTimeout: The deadline passed.
        BaseException: What *work* raised, after its events.
    """
    events: asyncio.Queue[Event | BaseException | None] = asyncio.Queue()
    seconds = deadline.remaining()

    async def run() -> None:
        await work(events.put_nowait)

    task = asyncio.create_task(run())
    task.add_done_callback(lambda done: events.put_nowait(_outcome(done)))

    def expire() -> None:
        events.put_nowait(TurnTimeout())
        task.cancel()

    timer = asyncio.get_running_loop().call_later(seconds, expire)
    try:
        while (event := await events.get()) is not None:
            if isinstance(event, BaseException):
                raise event
            yield event
    finally:
        timer.cancel()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait({task})


def _outcome(task: asyncio.Task[None]) -> BaseException | None:
    """Return what ended the work: nothing, or what has to be raised."""
    return asyncio.CancelledError() if task.cancelled() else task.exception()
