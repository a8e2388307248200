"""Calls to speech servers: bounded in time and bytes, tried twice, never redirected."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import TypeVar

import httpx

from domain.deadlines import Deadline
from domain.errors import TurnTimeout

log = logging.getLogger(__name__)

T = TypeVar("T")
File = tuple[str, bytes, str]
"""Name, content, type."""

ATTEMPTS = 2
RETRY_SECONDS = 0.3
# A server that asks for more is not waited for: somebody is listening.
MAX_RETRY_SECONDS = 3.0
RETRIED = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
REFUSED = frozenset({400, 413, 415, 422})
"""Statuses that are about what was sent, not about the server."""


class RemoteFault(Exception):
    """
    A call that failed.

    Attributes:
        status: Of the answer; None when there was none.
        ours: The server works; it refused what it was given.
        again: The same call may succeed in a moment.
        after_seconds: What the server asked for.
    """

    def __init__(
        self,
        reason: str,
        *,
        again: bool,
        status: int | None = None,
        after_seconds: float | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.again = again
        self.status = status
        self.after_seconds = after_seconds
        self.ours = status in REFUSED


def shorten(deadline: Deadline, seconds: float) -> Deadline:
    """Return *deadline*, or the one in *seconds* if that is sooner."""
    return Deadline(min(deadline.expires_at, time.monotonic() + seconds))


async def retrying(
    call: Callable[[], Awaitable[T]], *, engine: str, deadline: Deadline
) -> T:
    """
    Return what *call* returns, at the second attempt if the first failed in passing.

    Raises:
        RemoteFault: Of the last attempt.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return await call()
        except RemoteFault as exc:
            extra = {"engine": engine, "reason": exc.reason, "status": exc.status}
            log.warning("speech_call_failed", extra={**extra, "attempt": attempt})
            pause = RETRY_SECONDS if exc.after_seconds is None else exc.after_seconds
            if attempt == ATTEMPTS or not exc.again or pause > MAX_RETRY_SECONDS:
                raise
            try:
                await asyncio.sleep(min(pause, deadline.remaining()))
            except TurnTimeout:
                raise exc from None
    raise RemoteFault("no attempt left", again=False)


class RemoteClient:
    """
    One server; its connections are made on first use, on the loop that uses them.

    Args:
        headers: Of every call: the key.
        timeout_seconds: Until an answer begins, and between two parts of it.
    """

    def __init__(self, *, headers: Mapping[str, str], timeout_seconds: float) -> None:
        self._headers = dict(headers)
        self._timeout_seconds = timeout_seconds
        self._client: httpx.AsyncClient | None = None

    async def open(
        self,
        method: str,
        url: str,
        *,
        payload: Mapping[str, object] | None = None,
        params: Mapping[str, str] | None = None,
        fields: Mapping[str, str] | None = None,
        files: Mapping[str, File] | None = None,
        deadline: Deadline,
    ) -> httpx.Response:
        """
        Return an answer of status 2xx whose body is still to be read; close it.

        What is sent is *payload* as JSON, or a form of *fields* and *files*; *params*
        are in the query.

        Raises:
            RemoteFault: There is none.
        """
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=self._timeout_seconds)
        try:
            request = self._client.build_request(
                method,
                url,
                json=payload,
                params=params,
                data=dict(fields) if fields else None,
                files=files,
                headers=self._headers,
            )
            async with asyncio.timeout(self._limit(deadline)):
                reply = await self._client.send(request, stream=True)
        except (TimeoutError, TurnTimeout, httpx.TimeoutException) as exc:
            raise RemoteFault("timed out", again=False) from exc
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            raise RemoteFault("unreachable", again=True) from exc
        if reply.is_success:
            return reply
        await reply.aclose()
        raise RemoteFault(
            "refused",
            again=reply.status_code in RETRIED,
            status=reply.status_code,
            after_seconds=_seconds(reply.headers.get("retry-after")),
        )

    async def parts(
        self, reply: httpx.Response, *, deadline: Deadline
    ) -> AsyncGenerator[bytes, None]:
        """Yield the body as it comes. Raises `RemoteFault`."""
        iterator = reply.aiter_bytes()
        while True:
            try:
                async with asyncio.timeout(self._limit(deadline)):
                    part = await anext(iterator, None)
            except (TimeoutError, TurnTimeout, httpx.TimeoutException) as exc:
                raise RemoteFault("timed out", again=False) from exc
            except httpx.HTTPError as exc:
                raise RemoteFault("broke off", again=True) from exc
            if part is None:
                return
            if part:
                yield part

    async def fetch(
        self,
        method: str,
        url: str,
        *,
        payload: Mapping[str, object] | None = None,
        params: Mapping[str, str] | None = None,
        fields: Mapping[str, str] | None = None,
        files: Mapping[str, File] | None = None,
        max_bytes: int,
        deadline: Deadline,
    ) -> bytes:
        """Return a whole body of at most *max_bytes*. Raises `RemoteFault`."""
        reply = await self.open(
            method,
            url,
            payload=payload,
            params=params,
            fields=fields,
            files=files,
            deadline=deadline,
        )
        body = bytearray()
        try:
            async for part in self.parts(reply, deadline=deadline):
                body += part
                if len(body) > max_bytes:
                    raise RemoteFault("too large", again=False)
        finally:
            await reply.aclose()
        return bytes(body)

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def _limit(self, deadline: Deadline) -> float:
        return min(self._timeout_seconds, deadline.remaining())


def _seconds(header: str | None) -> float | None:
    try:
        seconds = float(header or "")
    except ValueError:
        return None
    return seconds if seconds >= 0 else None
