"""Plain views: each request on a thread of its own pool, through asgiref."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from asgiref.sync import ThreadSensitiveContext
from asgiref.wsgi import WsgiToAsgi
from flask import Flask

from api.bridge_exchange import Exchange
from api.bridge_types import ASGIApp, Message, Scope
from domain.errors import Overloaded

# A slot is free a moment after its answer is out; longer is a queue, and a queue of
# slow views only makes everybody late.
WAIT_SECONDS = 0.1


class ThreadDispatch:
    """
    Runs `def` views, at most *slots* at once; the next one is answered 503.

    Each slot is one thread that is used by one request at a time. asgiref's own
    choice, one thread for a whole worker, lets a slow view stop all others.
    """

    def __init__(self, app: Flask, *, slots: int) -> None:
        self._app = app
        self._free = asyncio.Semaphore(slots)
        self._idle: list[ThreadPoolExecutor] = []

    async def run(
        self, scope: Scope, body: bytes, exchange: Exchange, *, extra: dict[str, Any]
    ) -> None:
        """
        Answer the request.

        The headers of *scope* tell the length of *body*; *extra* is added to the
        environ.

        Raises:
            Overloaded: Every slot is taken.
        """
        executor = await self._take()
        message: Message = {"type": "http.request", "body": body, "more_body": False}

        async def receive() -> Message:
            return message

        app: ASGIApp = WsgiToAsgi(_Closing(self._app, extra))  # type: ignore[no-untyped-call]
        try:
            async with ThreadSensitiveContext(executor=executor):
                await app(scope, receive, exchange.send)
        finally:
            self._idle.append(executor)
            self._free.release()

    def close(self) -> None:
        """Let idle threads end."""
        for executor in self._idle:
            executor.shutdown(wait=False)
        self._idle.clear()

    async def _take(self) -> ThreadPoolExecutor:
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._free.acquire()
        except TimeoutError:
            raise Overloaded(retry_after_seconds=1) from None
        if self._idle:
            return self._idle.pop()
        return ThreadPoolExecutor(max_workers=1, thread_name_prefix="view")


class _Closing:
    """A WSGI application that closes its bodies, which `WsgiToAsgi` never does."""

    def __init__(self, app: Flask, extra: dict[str, Any]) -> None:
        self._app = app
        self._extra = extra

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        environ.update(self._extra)
        if not environ.get("CONTENT_LENGTH"):
            environ["CONTENT_LENGTH"] = "0"
        body: Iterable[bytes] = self._app(environ, _ascii_only(start_response))
        try:
            yield from body
        finally:
            close = getattr(body, "close", None)
            if close is not None:
                close()


def _ascii_only(start_response: Any) -> Any:
    """Pass on what `WsgiToAsgi` can encode; one bad value must not cost the answer."""

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        kept = [(name, value) for name, value in headers if value.isascii()]
        return start_response(status, kept, exc_info)

    return start
