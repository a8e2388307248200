"""Settings to one place for conversations: Redis, an embedded Redis, or a file."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from langgraph.checkpoint.base import BaseCheckpointSaver

from config import Settings
from domain.conversations import StateMode
from domain.errors import ConfigurationError, StateUnavailable
from domain.ports import ConversationStore
from stores.checkpoints import RedisCheckpointer
from stores.conversations import RedisConversationStore
from stores.embedded_redis import EmbeddedRedis
from stores.fallback import FallbackCheckpointer, LocalCheckpoints
from stores.fallback_checkpoints import FileCheckpointer
from stores.fallback_conversations import FileConversationStore
from stores.fallback_file import StateFile
from stores.fallback_lines import FileLines
from stores.fallback_outage import Outage
from stores.fallback_recovery import Recovery
from stores.fallback_store import FallbackConversationStore
from stores.fallback_watch import Seeder, StateWatch
from stores.redis_client import RedisConnection

__all__ = ["RedisCheckpointer", "State", "build_connection", "build_state"]

log = logging.getLogger(__name__)

# Our savers are given a strict serializer. This one is for savers made elsewhere, in
# processes that we start: LangGraph reads it when it is imported.
os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")

# How often the store is looked after: an outage is noticed, and its end, within this.
WATCH_SECONDS = 1.0
PURGE_EVERY = 600


@dataclass(slots=True)
class State:
    """
    Where conversations are.

    Built before or after a fork; nothing connects or opens a file before `start`, which
    is called on the loop of the server.

    Attributes:
        connection: To Redis, for others who need it; None where there is none.
    """

    checkpointer: BaseCheckpointSaver[int]
    conversations: ConversationStore
    connection: RedisConnection | None
    _embedded: EmbeddedRedis | None = None
    _file: StateFile | None = None
    _watch: Callable[[], Awaitable[None]] | None = None
    _closers: Sequence[Callable[[], Awaitable[None]]] = ()
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def mode(self) -> StateMode:
        """Return which store is in use, without I/O."""
        return self.conversations.mode()

    async def start(self) -> None:
        """
        Start the embedded server if there is one, and look after the store.

        Raises:
            ConfigurationError: The embedded server cannot run.
        """
        if self._embedded is not None:
            with contextlib.suppress(StateUnavailable):
                await asyncio.to_thread(self._embedded.start)
        if self._watch is not None:
            with contextlib.suppress(StateUnavailable):
                await self._watch()
        self._tasks.append(asyncio.create_task(self._look_after()))

    async def close(self) -> None:
        """Disconnect; the embedded server stays, other processes may use it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        for closer in self._closers:
            await closer()
        if self.connection is not None:
            await self.connection.aclose()
            self.connection.close()
        if self._file is not None:
            await asyncio.to_thread(self._file.close)

    async def _look_after(self) -> None:
        rounds = 0
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            rounds += 1
            try:
                if self._watch is not None:
                    await self._watch()
                if self._file is not None and rounds % PURGE_EVERY == 1:
                    await self._file.run(self._file.purge)
            except StateUnavailable:
                log.info("state_still_away")
            except Exception:
                log.exception("state_watch_failed")


def build_state(settings: Settings) -> State:
    """
    Return the state that *settings* describe.

    The order: the Redis they name, else an embedded Redis, else a file. Beside Redis
    stands the file, unless `STATE_FALLBACK` is `refuse`.
    """
    folder = settings.data_dir
    ttl = settings.conversation_ttl
    file = StateFile(folder / "state.sqlite3", ttl_seconds=ttl)
    if not settings.embedded_redis:
        return _with_redis(settings, build_connection(settings), file)
    embedded = EmbeddedRedis(folder / "redis", server_bin=settings.redis_server_bin)
    if embedded.find_server_bin() is None:
        if settings.redis_server_bin is not None:
            raise ConfigurationError("REDIS_SERVER_BIN: there is no such program")
        return _with_file(file)
    connection = RedisConnection(url=embedded.url)
    return _with_redis(settings, connection, file, embedded=embedded)


def build_connection(settings: Settings) -> RedisConnection:
    """Return the connection to the Redis that *settings* name; nothing connects yet."""
    password = settings.redis_password
    return RedisConnection(
        url=settings.redis_url,
        host=settings.redis_host,
        port=settings.redis_port,
        password=password.get_secret_value() if password else None,
        cluster=settings.redis_cluster,
        sentinel=settings.redis_sentinel,
    )


def _with_file(file: StateFile) -> State:
    saver = FileCheckpointer(file)
    store = FileConversationStore(FileLines(file, authoritative=True), saver)
    return State(saver, store, None, _file=file)


def _with_redis(
    settings: Settings,
    connection: RedisConnection,
    file: StateFile,
    *,
    embedded: EmbeddedRedis | None = None,
) -> State:
    ttl = settings.conversation_ttl
    primary = RedisCheckpointer(connection, ttl_seconds=ttl)
    outage = Outage(connection)
    redis_mode: StateMode = "embedded" if embedded else "ok"
    restart = embedded.start if embedded else None
    if settings.state_fallback == "refuse":
        plain = RedisConversationStore(
            primary.runner,
            primary,
            ttl_seconds=ttl,
            mode=redis_mode,
            available=outage.usable,
        )
        connection.on_away.append(plain.leases.gaps.suspect)
        watch = StateWatch(connection, outage, restart=restart, leases=plain.leases)
        return State(primary, plain, connection, _embedded=embedded, _watch=watch.look)
    in_file = FileCheckpointer(file)
    lines = FileLines(file, authoritative=False)
    saver = FallbackCheckpointer(primary, in_file, lines=lines, outage=outage)
    in_redis = RedisConversationStore(
        primary.runner, primary, ttl_seconds=ttl, mode=redis_mode
    )
    recovery = Recovery(
        primary, in_file, lines=lines, leases=in_redis.leases, outage=outage
    )
    store = FallbackConversationStore(
        in_redis,
        FileConversationStore(lines, LocalCheckpoints(saver)),
        lines=lines,
        saver=saver,
        recovery=recovery,
        outage=outage,
    )
    gaps = in_redis.leases.gaps
    connection.on_away.append(gaps.suspect)
    # What happened while nobody ran is not known either.
    gaps.suspect()
    seeder = Seeder(primary, in_file)
    outage.on_noticed = seeder.begin
    watch = StateWatch(
        connection,
        outage,
        restart=restart,
        recovery=recovery,
        leases=in_redis.leases,
    )
    return State(
        saver,
        store,
        connection,
        _embedded=embedded,
        _file=file,
        _watch=watch.look,
        _closers=(store.close, seeder.close),
    )
