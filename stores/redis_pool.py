"""Connection pools that wait for a free connection and survive cancellation."""

from __future__ import annotations

import asyncio
from typing import Any

from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.asyncio.sentinel import SentinelConnectionPool
from redis.exceptions import MaxConnectionsError


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
