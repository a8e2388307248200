"""What is shared starts after the fork and ends with the worker."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Sequence

from api.bridge_types import Receive, Send
from domain.errors import AppError

log = logging.getLogger(__name__)

CLOSE_SECONDS = 10.0
"""Longest one closer may take; the arbiter kills what takes longer in all."""

Hook = Callable[[], object]


class Lifespan:
    """
    Speaks ASGI's lifespan protocol.

    Args:
        starters: Coroutine functions, run in order.
        closers: Coroutine functions, run in reverse order, each to its end whatever
            the others do.
    """

    def __init__(self, starters: Sequence[Hook], closers: Sequence[Hook]) -> None:
        self._starters = starters
        self._closers = closers

    async def run(self, receive: Receive, send: Send) -> None:
        """Start on `lifespan.startup`, close on `lifespan.shutdown`."""
        await receive()
        failure = await self._start()
        if failure is not None:
            await self._close()
            await send({"type": "lifespan.startup.failed", "message": failure})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _start(self) -> str | None:
        for starter in self._starters:
            try:
                await _settle(starter())
            except AppError as exc:
                return f"start failed: {_name(starter)}: {exc.code}: {exc.detail}"
            except Exception as exc:  # noqa: BLE001 - The worker loop ends here.
                # Only the kind: a message may hold a URL with its password.
                return f"start failed: {_name(starter)}: {type(exc).__name__}"
        return None

    async def _close(self) -> None:
        for closer in reversed(self._closers):
            try:
                async with asyncio.timeout(CLOSE_SECONDS):
                    await _settle(closer())
            except Exception as exc:  # noqa: BLE001 - The others must be closed too.
                log.warning(
                    "close_failed",
                    extra={"closer": _name(closer), "error": type(exc).__name__},
                )


async def _settle(result: object) -> None:
    if inspect.isawaitable(result):
        await result


def _name(hook: Hook) -> str:
    return getattr(hook, "__qualname__", type(hook).__name__)
