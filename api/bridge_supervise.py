"""Work and its client, side by side: when one ends, the other is told."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Coroutine

from api.bridge_exchange import Exchange
from api.bridge_types import Receive


class Supervisor:
    """
    Runs the work on one request while the server's task listens for the client.

    The work has a task and an empty context of its own: a task that the server makes
    for the next request of a connection would otherwise inherit the variables of
    the one before.
    """

    def __init__(self, exchange: Exchange, receive: Receive) -> None:
        self._exchange = exchange
        self._receive = receive
        self._listener: asyncio.Task[None] | None = None

    def start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Start *work* in its own task."""
        loop = asyncio.get_running_loop()
        task = loop.create_task(work, context=contextvars.Context())
        task.add_done_callback(self._on_done)
        return task

    async def watch(self, task: asyncio.Task[None]) -> None:
        """
        Return when *task* has ended; cancel it when the client leaves first.

        The server says `http.disconnect` in both cases: the client left, or the
        answer is complete. So ordinary requests need no further task.
        """
        await self._listen(task)
        if not self._exchange.complete:
            self._exchange.disconnected.set()
            if self._exchange.cancellable:
                task.cancel()
        if task.done():
            return
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            task.cancel()
            raise

    async def _listen(self, task: asyncio.Task[None]) -> None:
        if task.done():
            return
        listener = self._listener = asyncio.current_task()
        try:
            while (await self._receive())["type"] != "http.disconnect":
                pass
        except asyncio.CancelledError:
            if not task.done():
                task.cancel()
                raise
            if listener is not None:
                listener.uncancel()
        finally:
            self._listener = None

    def _on_done(self, _task: asyncio.Task[None]) -> None:
        # Work that ended without a complete answer (cut in the middle) leaves the
        # listener waiting for a message that never comes.
        if self._listener is not None and not self._exchange.complete:
            self._listener.cancel()
