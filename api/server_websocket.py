"""WebSockets that are told before they are closed, and never wait for a reader."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import (
    WebSocketsSansIOProtocol,
)

STALL_SECONDS = 30.0
"""A client that takes nothing for this long is not reading any more."""

MAX_MESSAGE_BYTES = 2 * 1024 * 1024
"""A megabyte of sound in base64, and its frame; more closes with 1009."""


class PatientWebSocket(WebSocketsSansIOProtocol):
    """
    uvicorn's protocol with three differences.

    The application is left the time to say its last words when the server stops: the
    first `shutdown` passes by, the second one closes. A close is sent even to a client
    that reads nothing, behind what it has not read. A client that reads nothing for
    long is cut off, instead of being waited for.
    """

    stall_seconds = STALL_SECONDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._was_asked = False
        self._stall_timer: asyncio.TimerHandle | None = None

    def shutdown(self) -> None:
        """Close, but not before the application had its chance."""
        if self._was_asked or not self.handshake_complete:
            super().shutdown()
        self._was_asked = True

    def pause_writing(self) -> None:
        """Start to count how long the client takes nothing."""
        super().pause_writing()
        if self._stall_timer is None:
            self._stall_timer = self.loop.call_later(self.stall_seconds, self._abort)

    def resume_writing(self) -> None:
        """The client reads again."""
        self._stop_stall()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Drop the timer."""
        self._stop_stall()
        super().connection_lost(exc)

    async def send(self, message: Any) -> None:
        """Send; a close does not wait for the reader."""
        if message["type"] == "websocket.close":
            self.writable.set()
        await super().send(message)

    def _stop_stall(self) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None

    def _abort(self) -> None:
        self._stall_timer = None
        self.transport.abort()
