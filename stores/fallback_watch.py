"""Looking after Redis in the background: outages are noticed, and ended, soon."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from domain.errors import ConfigurationError, StateUnavailable
from stores.checkpoints import RedisCheckpointer
from stores.fallback_checkpoints import FileCheckpointer
from stores.fallback_outage import Outage
from stores.fallback_recovery import Recovery
from stores.leases_redis import RedisLeases
from stores.redis_client import RedisConnection

log = logging.getLogger(__name__)


class StateWatch:
    """
    Asks Redis whether it is there, restarts our own, and has outages settled.

    Args:
        restart: Starts the embedded server if it is dead; blocking.
        recovery: None where no file stands beside Redis.
        leases: Those of Redis: what an outage kept from being handed back is, then.
    """

    def __init__(
        self,
        connection: RedisConnection,
        outage: Outage,
        *,
        restart: Callable[[], object] | None = None,
        recovery: Recovery | None = None,
        leases: RedisLeases | None = None,
    ) -> None:
        self._connection = connection
        self._outage = outage
        self._restart = restart
        self._recovery = recovery
        self._leases = leases

    async def look(self) -> None:
        """
        Look once; called every second.

        Raises:
            StateUnavailable: Redis went away in the middle.
        """
        if self._outage.usable() and await self._answers():
            if self._leases is not None:
                await self._leases.release_left()
            if self._recovery is not None:
                await self._recovery.settle_all()
        elif self._restart is not None:
            try:
                await asyncio.to_thread(self._restart)
            except (ConfigurationError, StateUnavailable):
                log.warning("embedded_redis_not_restarted")

    async def _answers(self) -> bool:
        try:
            async with self._connection.use() as client:
                await client.exists(b"tanya:probe")
        except StateUnavailable:
            self._outage.noticed()
            return False
        return True


class Seeder:
    """Puts what this worker remembers into the file when an outage begins."""

    def __init__(self, primary: RedisCheckpointer, file: FileCheckpointer) -> None:
        self._primary = primary
        self._file = file
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self) -> None:
        """Start in the background, where there is an event loop."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        task = loop.create_task(self._seed())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """End what is still running."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _seed(self) -> None:
        for thread_id, namespace in self._primary.layout.cache.iter_keys():
            try:
                # One by one: turns that need the file do not wait behind all of them.
                await self._file.file.run(self._seed_one, thread_id, namespace)
            except StateUnavailable:
                log.warning("memory_not_seeded")
                return

    def _seed_one(self, thread_id: str, namespace: str) -> None:
        found = self._primary.recall(thread_id, namespace)
        if found is not None:
            self._file.seed(found)
