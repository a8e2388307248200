"""Responses whose body is an async iterator, sent chunk by chunk by the bridge."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import Any

from flask import Response


class AsyncStream(Response):
    """
    A response that is produced on the server's loop while it is sent.

    The bridge reads the first chunk before it sends the status, so an error before
    that chunk is still answered by the error handlers. The iterator runs inside the
    request context. It is cancelled when the client leaves, and its `aclose()` is
    always awaited.

    Args:
        body: Chunks of bytes; empty ones are skipped.
        on_drain: Last bytes of a stream that is cut because the server must stop.
    """

    implicit_sequence_conversion = False
    automatically_set_content_length = False

    def __init__(
        self,
        body: AsyncIterator[bytes],
        *,
        on_drain: bytes | None = None,
        status: int = 200,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
        mimetype: str | None = "text/event-stream",
    ) -> None:
        super().__init__(
            _NotForThreads(),
            status=status,
            headers=headers,
            mimetype=mimetype,
            direct_passthrough=True,
        )
        self.body = body
        self.on_drain = on_drain
        self._first: bytes | None = None
        self._closed = False

    async def prime(self) -> None:
        """Read up to the first chunk, so that early errors can be answered."""
        self._first = await anext(self.body, None)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield what was read by `prime()`, then the rest."""
        first, self._first = self._first, None
        if first:
            yield first
        async for chunk in self.body:
            if chunk:
                yield chunk

    async def aclose(self) -> None:
        """Close the iterator; what it holds open is released. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        close: Any = getattr(self.body, "aclose", None)
        if close is not None:
            await close()


class _NotForThreads:
    """Stands for the body where only WSGI is spoken: reading it is a mistake."""

    def __iter__(self) -> Iterator[bytes]:
        raise RuntimeError("an AsyncStream needs an `async def` view and the bridge")
