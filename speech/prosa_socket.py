"""Prosa's WebSockets: connections that go where they were told and nowhere else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    ConnectionClosedOK,
    InvalidStatus,
    WebSocketException,
)

from domain.deadlines import Deadline
from domain.errors import TurnTimeout
from speech.remote import RETRIED, RemoteFault, shorten

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
CONNECT_SECONDS = 5.0


class _Straight(connect):
    """A redirect would carry the key to another host."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class Socket:
    """One connection; everything that goes wrong on it is a `RemoteFault`."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    @classmethod
    async def open(
        cls, url: str, *, headers: Mapping[str, str], deadline: Deadline
    ) -> Socket:
        """Return a connection to *url*. Raises `RemoteFault`."""
        try:
            async with asyncio.timeout(shorten(deadline, CONNECT_SECONDS).remaining()):
                connection = await _Straight(
                    url,
                    additional_headers=headers,
                    max_size=MAX_MESSAGE_BYTES,
                    open_timeout=None,
                    close_timeout=1.0,
                    user_agent_header=None,
                )
        except InvalidStatus as exc:
            status = exc.response.status_code
            again = status in RETRIED
            raise RemoteFault("refused", again=again, status=status) from exc
        except (TimeoutError, TurnTimeout) as exc:
            raise RemoteFault("timed out", again=False) from exc
        except (OSError, WebSocketException, ValueError) as exc:
            raise RemoteFault("unreachable", again=True) from exc
        return cls(connection)

    @property
    def usable(self) -> bool:
        """Neither side has closed it."""
        return self._connection.close_code is None

    async def send(self, message: Mapping[str, object] | bytes) -> None:
        """Send an object as JSON, or bytes as they are. Raises `RemoteFault`."""
        text = message if isinstance(message, bytes) else json.dumps(message)
        try:
            await self._connection.send(text)
        except ConnectionClosed as exc:
            raise RemoteFault("closed", again=True) from exc

    async def receive(self, *, deadline: Deadline) -> dict[str, object] | bytes | None:
        """
        Return the next message; None when the server has closed in good order.

        Raises:
            RemoteFault: It broke off, sent no JSON, or nothing in time.
        """
        try:
            async with asyncio.timeout(deadline.remaining()):
                message = await self._connection.recv()
        except (TimeoutError, TurnTimeout) as exc:
            raise RemoteFault("timed out", again=False) from exc
        except ConnectionClosedOK:
            return None
        except ConnectionClosed as exc:
            code = exc.rcvd.code if exc.rcvd else None
            # Codes from 4000 are the server's own: it refuses key, quota or model.
            again = code is None or code < 4_000
            raise RemoteFault("closed", again=again, status=code) from exc
        if isinstance(message, bytes):
            return message
        try:
            told = json.loads(message)
        except ValueError as exc:
            raise RemoteFault("unreadable", again=False) from exc
        if not isinstance(told, dict):
            raise RemoteFault("unreadable", again=False)
        return told

    async def close(self) -> None:
        """Close it; waits a second at most."""
        await self._connection.close()
