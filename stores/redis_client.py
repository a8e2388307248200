"""One way to reach Redis: single server, Cluster, Sentinel, TLS or unix socket."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeAlias

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ConstantBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ClusterError,
    InvalidResponse,
    MasterDownError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import (
    ConnectionError as RedisConnectionError,
)
from redis.exceptions import (
    TimeoutError as RedisTimeoutError,
)
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

from domain.errors import StateFull, StateUnavailable
from stores.breaker import Breaker
from stores.redis_address import (
    cluster_address,
    credentials_of,
    parse_address,
    parse_sentinels,
    sentinel_credentials_of,
)
from stores.redis_pool import (
    CANCELLABLE,
    PatientPool,
    PatientSentinelPool,
    PrimaryConnection,
    PrimaryTLSConnection,
)

log = logging.getLogger(__name__)

AsyncClient: TypeAlias = "redis.asyncio.Redis | redis.asyncio.RedisCluster"
SyncClient: TypeAlias = "redis.Redis | redis.RedisCluster"

# What a client is told when Redis is away; a restart of the server takes less.
RETRY_AFTER_SECONDS = 5.0

# Between the two attempts at one command; from the measurements of a refused port.
RETRY_PAUSE_SECONDS = 0.02

# First words of error answers that pass by themselves, beyond redis-py's own classes.
_PASSING = ("NOREPLICAS", "BUSY", "UNKILLABLE")

_IN_PIPELINE = "caused error: "

_AWAY = (
    RedisConnectionError,
    RedisTimeoutError,
    AuthenticationError,
    BusyLoadingError,
    # The cluster is down, as the nodes that are left say.
    ClusterError,
    InvalidResponse,
    MasterDownError,
    NoPermissionError,
    ReadOnlyError,
    RedisClusterException,
    TryAgainError,
    OSError,
    TimeoutError,
)


def as_state_error(error: BaseException) -> StateUnavailable | None:
    """
    Return what *error* of redis-py means to a caller, None for a mistake of ours.

    `StateFull` is out of memory or out of disk; everything that heals by itself is
    `StateUnavailable`; a wrong type, an unknown script or command is neither.
    """
    if isinstance(error, OutOfMemoryError):
        return StateFull(retry_after_seconds=RETRY_AFTER_SECONDS)
    # In a pipeline redis-py puts a position before the words of the server.
    words = str(error).rpartition(_IN_PIPELINE)[2].lstrip("('\"")
    if isinstance(error, ResponseError) and words.startswith(("MISCONF", "OOM")):
        return StateFull(retry_after_seconds=RETRY_AFTER_SECONDS)
    passing = isinstance(error, RedisError) and words.startswith(_PASSING)
    if passing or isinstance(error, _AWAY):
        return StateUnavailable(retry_after_seconds=RETRY_AFTER_SECONDS)
    return None


@contextmanager
def state_errors() -> Iterator[None]:
    """Turn errors of redis-py into `StateUnavailable` and `StateFull`."""
    try:
        yield
    except (RedisError, RedisClusterException, OSError, TimeoutError) as exc:
        translated = as_state_error(exc)
        if translated is None:
            raise
        raise translated from exc


class RedisConnection:
    """
    Clients of one Redis, made on first use: one per event loop, one per process.

    Safe to build before a fork; a child never touches its parent's sockets. Answers are
    bytes. Failures cost at most 1.5 s, once: then `available` says no until a probe in
    the background has found the server again.

    Args:
        url: `redis://`, `rediss://` (TLS) or `unix://`; `valkey` schemes are the same.
        host, port, password: Instead of a URL.
        cluster: The server is a node of a Redis Cluster.
        sentinel: `host:port,host:port/name`; takes the place of host and port.
        connect_timeout_seconds: One attempt to connect.
        timeout_seconds: One answer.
        max_connections: Per client; further tasks wait for *timeout_seconds*.

    Raises:
        ConfigurationError: The address cannot be understood.
    """

    def __init__(
        self,
        *,
        url: str | None = None,
        host: str | None = None,
        port: int = 6379,
        password: str | None = None,
        cluster: bool = False,
        sentinel: str | None = None,
        connect_timeout_seconds: float = 0.5,
        timeout_seconds: float = 1.0,
        max_connections: int = 32,
        breaker: Breaker | None = None,
    ) -> None:
        self._address = parse_address(url, host=host, port=port, password=password)
        self._cluster = cluster
        if cluster:
            cluster_address(self._address)
        self._sentinel = parse_sentinels(sentinel) if sentinel else None
        self._connect_timeout = connect_timeout_seconds
        self._timeout = timeout_seconds
        self._max_connections = max_connections
        self._breaker = breaker or Breaker()
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._answered_at = -math.inf
        self.on_away: list[Callable[[], None]] = []
        """Called when the server went away, on the loop that saw it."""
        self._clients: dict[asyncio.AbstractEventLoop, AsyncClient] = {}
        self._watchers: dict[int, Any] = {}
        self._probes: set[asyncio.Task[None]] = set()
        self._sync: SyncClient | None = None
        self._inherited: list[object] = []

    def async_client(self) -> AsyncClient:
        """Return the client of the running loop."""
        loop = asyncio.get_running_loop()
        self._leave_parent()
        client = self._clients.get(loop)
        if client is None:
            with self._lock:
                for other in [known for known in self._clients if known.is_closed()]:
                    del self._clients[other]
                client = self._clients.setdefault(loop, self._build_async())
        return client

    def sync_client(self) -> SyncClient:
        """Return the client of this process, for threads."""
        self._leave_parent()
        with self._lock:
            if self._sync is None:
                self._sync = self._build_sync()
            return self._sync

    @property
    def is_cluster(self) -> bool:
        """Keys of one command must share a hash tag."""
        return self._cluster

    def available(self) -> bool:
        """
        Return whether a request should try Redis, without I/O.

        After a failure the answer is False while a task of the running loop asks the
        server again, once a second.
        """
        if self._breaker.closed:
            return True
        if self._breaker.due():
            task = asyncio.get_running_loop().create_task(self._probe())
            self._probes.add(task)
            task.add_done_callback(self._probes.discard)
        return False

    def report_failure(self, error: BaseException | None = None) -> None:
        """Tell that the server did not answer, and by what *error* that was seen."""
        if self._breaker.trip():
            kind = type(error).__name__ if error is not None else None
            log.warning("redis_went_away", extra={"error": kind})
            for callback in self.on_away:
                callback()

    @asynccontextmanager
    async def use(self, *, seconds: float | None = None) -> AsyncIterator[AsyncClient]:
        """
        Give the running loop's client for one exchange, bounded as a whole.

        Args:
            seconds: Wall-clock bound; default: one answer and one connect.

        Raises:
            StateFull: The server has no room for writes.
            StateUnavailable: It is away, or was a moment ago.
        """
        if not self.available():
            raise StateUnavailable(retry_after_seconds=RETRY_AFTER_SECONDS)
        limit = seconds or self._timeout + self._connect_timeout
        began = time.monotonic()
        try:
            with state_errors():
                async with asyncio.timeout(limit):
                    yield self.async_client()
        except StateFull:
            raise
        except StateUnavailable as exc:
            # Others were answered in the meantime: the server is there, and this one
            # request met a busy machine or a connection that broke.
            if self._answered_at < began:
                self.report_failure(exc.__cause__)
            raise
        self._answered_at = time.monotonic()

    async def aclose(self) -> None:
        """Close the client of the running loop and end its probes."""
        self._leave_parent()
        loop = asyncio.get_running_loop()
        probes = [task for task in self._probes if task.get_loop() is loop]
        for task in probes:
            task.cancel()
        await asyncio.gather(*probes, return_exceptions=True)
        with self._lock:
            client = self._clients.pop(loop, None)
            watcher = self._watchers.pop(id(client), None)
        for part in (client, watcher):
            if part is not None:
                await part.aclose()

    def close(self) -> None:
        """Close the client of this process."""
        self._leave_parent()
        with self._lock:
            client, self._sync = self._sync, None
            watcher = self._watchers.pop(id(client), None)
        for part in (client, *(watcher.sentinels if watcher else ())):
            if part is not None:
                part.close()

    async def _probe(self) -> None:
        try:
            async with asyncio.timeout(self._timeout + self._connect_timeout):
                await self.async_client().exists(b"tanya:probe")
        except (RedisError, RedisClusterException, OSError, TimeoutError):
            self._breaker.trip()
        else:
            if self._breaker.reset():
                log.info("redis_came_back")

    def _leave_parent(self) -> None:
        if self._pid == os.getpid():
            return
        # Kept, not closed: closing would end TLS sessions and take the parent's
        # sockets out of an epoll set that both processes share.
        self._inherited += [self._clients, self._sync, self._watchers, self._probes]
        self._clients, self._sync, self._watchers = {}, None, {}
        self._probes, self._lock, self._pid = set(), threading.Lock(), os.getpid()

    def _options(self, retry: AsyncRetry | Retry) -> dict[str, Any]:
        return {
            "socket_connect_timeout": self._connect_timeout,
            "socket_timeout": self._timeout,
            "retry": retry,
            "protocol": 3,
            "decode_responses": False,
            # Two commands less per connection; the server learns nothing it needs.
            "driver_info": None,
            # They would switch off the check that a pooled connection has no data.
            "maint_notifications_config": MaintNotificationsConfig(enabled=False),
        }

    def _build_async(self) -> AsyncClient:
        # A command that timed out may have been executed: only a lost connection is
        # tried again.
        retry = AsyncRetry(
            ConstantBackoff(RETRY_PAUSE_SECONDS), 1, (RedisConnectionError,)
        )
        options = self._options(retry)
        if self._cluster:
            # Its pools refuse instead of waiting, so each node gets more room.
            options["max_connections"] = self._max_connections * 8
            return redis.asyncio.RedisCluster(
                **cluster_address(self._address), **options
            )
        pooled = options | {
            "max_connections": self._max_connections,
            "wait_seconds": self._timeout,
        }
        if self._sentinel is None:
            address = dict(self._address)
            kind = address.pop("connection_class", redis.asyncio.Connection)
            pool = PatientPool(**address, connection_class=CANCELLABLE[kind], **pooled)
            return redis.asyncio.Redis.from_pool(pool)
        addresses, name = self._sentinel
        watcher = redis.asyncio.Sentinel(  # type: ignore[no-untyped-call]
            addresses,
            sentinel_kwargs=options | sentinel_credentials_of(self._address),
        )
        credentials = credentials_of(self._address)
        client: redis.asyncio.Redis = watcher.master_for(
            name,
            connection_pool_class=PatientSentinelPool,
            connection_class=PrimaryTLSConnection
            if credentials.pop("ssl", False)
            else PrimaryConnection,
            **credentials,
            **pooled,
        )
        self._watchers[id(client)] = watcher
        return client

    def _build_sync(self) -> SyncClient:
        retry = Retry(ConstantBackoff(RETRY_PAUSE_SECONDS), 1, (RedisConnectionError,))
        options = self._options(retry)
        if self._cluster:
            return redis.RedisCluster(**cluster_address(self._address), **options)
        if self._sentinel is None:
            address = dict(self._address)
            kind = address.pop("connection_class", redis.asyncio.Connection)
            pool = redis.BlockingConnectionPool(  # type: ignore[no-untyped-call]
                connection_class=_SYNC_KINDS[kind],
                max_connections=self._max_connections,
                timeout=self._timeout,
                **address,
                **options,
            )
            return redis.Redis.from_pool(pool)
        addresses, name = self._sentinel
        watcher = redis.Sentinel(  # type: ignore[no-untyped-call]
            addresses,
            sentinel_kwargs=options | sentinel_credentials_of(self._address),
        )
        client: redis.Redis = watcher.master_for(  # type: ignore[no-untyped-call]
            name, **credentials_of(self._address), **options
        )
        self._watchers[id(client)] = watcher
        return client


_SYNC_KINDS: dict[Any, Any] = {
    redis.asyncio.Connection: redis.Connection,
    redis.asyncio.SSLConnection: redis.SSLConnection,
    redis.asyncio.UnixDomainSocketConnection: redis.UnixDomainSocketConnection,
}
