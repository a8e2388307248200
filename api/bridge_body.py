"""Request bodies: counted as they arrive, capped for the whole worker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from api.bridge_types import ClientGone, Receive
from domain.errors import Overloaded, PayloadTooLarge, RequestTimeout

BODY_GRACE_SECONDS = 10.0
BODY_BYTES_PER_SECOND = 50_000
"""A sender slower than this, averaged after the grace, is cut."""

Limit = Callable[[str], int]


def limits_by_path(special: Mapping[str, int], *, default: int) -> Limit:
    """Return a function from path to largest body in bytes; exact paths only."""
    return lambda path: special.get(path, default)


class BodyLedger:
    """
    Bytes of bodies that this worker holds at the moment.

    Args:
        limit_bytes: Most that may be held; the next byte is answered 503.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self.held = 0

    def take(self, count: int) -> None:
        """Account for *count* bytes more. Raises `Overloaded` over the limit."""
        if self.held + count > self._limit:
            raise Overloaded(retry_after_seconds=2)
        self.held += count

    def give_back(self, count: int) -> None:
        """Account for *count* bytes less."""
        self.held -= count


class RequestBody:
    """
    One body on its way in; `release()` hands its bytes back to the ledger.

    Args:
        limit: Largest body accepted, bytes.
        ledger: Where held bytes are counted.
        grace_seconds: Time a body of any size has.
        bytes_per_second: Slowest rate accepted after the grace.
    """

    def __init__(
        self,
        receive: Receive,
        *,
        limit: int,
        ledger: BodyLedger,
        grace_seconds: float,
        bytes_per_second: float,
    ) -> None:
        self._receive = receive
        self._limit = limit
        self._ledger = ledger
        self._grace = grace_seconds
        self._rate = bytes_per_second
        self._held = 0
        self.ended = False

    async def read(self) -> bytes:
        """
        Return the whole body.

        Raises:
            PayloadTooLarge: It is longer than the limit; the rest was not read.
            RequestTimeout: It came slower than the deadline allows.
            Overloaded: The worker holds too many bytes already.
            ClientGone: The client left before its end.
        """
        parts: list[bytes] = []
        start = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(start + self._grace) as deadline:
                while not self.ended:
                    parts.append(await self._next_part())
                    if not self.ended:
                        allowed = self._grace + self._held / self._rate
                        deadline.reschedule(start + allowed)
        except TimeoutError:
            raise RequestTimeout from None
        return b"".join(parts)

    def release(self) -> None:
        """Hand the bytes back to the ledger."""
        self._ledger.give_back(self._held)
        self._held = 0

    async def discard(self, *, seconds: float, most_bytes: int) -> None:
        """
        Read and forget what still comes, within both bounds.

        A socket closed with unread bytes is reset, and a reset takes the answer
        with it before the sender has read it (RFC 9112, 9.6).
        """
        try:
            async with asyncio.timeout(seconds):
                while not self.ended and most_bytes > 0:
                    message = await self._receive()
                    if message["type"] == "http.disconnect":
                        return
                    most_bytes -= len(message.get("body", b""))
                    self.ended = not message.get("more_body", False)
        except TimeoutError:
            return

    async def _next_part(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        part: bytes = message.get("body", b"")
        if self._held + len(part) > self._limit:
            raise PayloadTooLarge
        self._ledger.take(len(part))
        self._held += len(part)
        self.ended = not message.get("more_body", False)
        return part
