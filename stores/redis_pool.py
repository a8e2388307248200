"""Connection pools that wait for a free connection and survive cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from redis.asyncio.connection import (
    AbstractConnection,
    Connection,
    ConnectionPool,
    SSLConnection,
    UnixDomainSocketConnection,
)
from redis.asyncio.sentinel import (
    SentinelConnectionPool,
    SentinelManagedConnection,
    SentinelManagedSSLConnection,
)
from redis.exceptions import MaxConnectionsError
from redis.exceptions import TimeoutError as RedisTimeoutError


class _CancellableWrites(AbstractConnection):
    """
    A connection whose writes can be cancelled at any moment.

    redis-py bounds them with `asyncio.wait_for`, which before Python 3.12 swallows a
    cancellation that comes as the write ends: a turn whose client had left went on.
    """

    async def send_packed_command(
        self,
        command: bytes | str | Iterable[bytes],
        check_health: bool = True,  # noqa: FBT001, FBT002 - redis-py's signature.
    ) -> None:
        """Send *command*. Raises redis-py's `TimeoutError` and `ConnectionError`."""
        seconds = self.socket_timeout
        self.socket_timeout = None
        try:
            async with asyncio.timeout(seconds):
                await super().send_packed_command(command, check_health)
        except TimeoutError:
            raise RedisTimeoutError("Timeout writing to socket") from None
        finally:
            self.socket_timeout = seconds


class TCPConnection(_CancellableWrites, Connection):
    """Over TCP."""


class TLSConnection(_CancellableWrites, SSLConnection):
    """Over TLS."""


class SocketConnection(_CancellableWrites, UnixDomainSocketConnection):
    """Over a unix socket."""


class PrimaryConnection(_CancellableWrites, SentinelManagedConnection):
    """To the primary that Sentinels name."""


class PrimaryTLSConnection(_CancellableWrites, SentinelManagedSSLConnection):
    """The same over TLS."""


CANCELLABLE: dict[type[AbstractConnection], type[AbstractConnection]] = {
    Connection: TCPConnection,
    SSLConnection: TLSConnection,
    UnixDomainSocketConnection: SocketConnection,
}
"""The kind of connection to use in the place of redis-py's own."""


class PatientPool(ConnectionPool):
    """
    A pool of *max_connections* that makes a task wait for *wait_seconds*, not fail.

    Giving a connection back contains no suspension point: a task that is cancelled at
    any moment can neither leak a slot nor leave a connection half returned. redis-py
    closes a connection whose answer was not read; `ensure_connection` refuses one with
    data on it, which holds only with maintenance notifications off.
    """

    def __init__(self, *, wait_seconds: float = 1.0, **options: Any) -> None:
        super().__init__(**options)
        self._wait_seconds = wait_seconds
        self._slots = asyncio.Semaphore(self.max_connections)

    async def get_connection(
        self, command_name: Any = None, *keys: Any, **options: Any
    ) -> AbstractConnection:
        """
        Return a connected connection.

        Raises:
            MaxConnectionsError: None was given back within the waiting time.
            ConnectionError, TimeoutError: The server cannot be reached.
        """
        del (
            command_name,
            keys,
            options,
        )  # Deprecated by redis-py, part of its interface.
        await self._take_slot()
        connection: AbstractConnection = self.get_available_connection()  # type: ignore[no-untyped-call]
        try:
            await self.ensure_connection(connection)
        except BaseException:
            await self.release(connection)
            raise
        return connection

    async def release(self, connection: AbstractConnection) -> None:
        """Take *connection* back; one marked for reconnection is closed first."""
        if connection.should_reconnect():  # type: ignore[no-untyped-call]
            # Without waiting for the close there is nothing to be cancelled in.
            await connection.disconnect(nowait=True)
        self._in_use_connections.discard(connection)
        self._available_connections.append(connection)
        self._slots.release()

    async def _take_slot(self) -> None:
        if not self._slots.locked():
            await self._slots.acquire()
            return
        try:
            async with asyncio.timeout(self._wait_seconds):
                await self._slots.acquire()
        except TimeoutError:
            raise MaxConnectionsError("No connection became free in time") from None


class PatientSentinelPool(PatientPool, SentinelConnectionPool):
    """The same for the primary that Sentinels name."""

    def __init__(
        self, service_name: str, sentinel_manager: Any, **options: Any
    ) -> None:
        super().__init__(
            service_name=service_name, sentinel_manager=sentinel_manager, **options
        )
