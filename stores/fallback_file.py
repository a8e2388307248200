"""
One SQLite file in the data folder for all workers of a host.

It holds what could not reach Redis, and which conversations exist; where there is no
Redis at all, it holds everything. Blocking; `run` carries a call off the event loop.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import ParamSpec, TypeVar

from domain.errors import StateFull, StateUnavailable

log = logging.getLogger(__name__)

P = ParamSpec("P")
Result = TypeVar("Result")

# A writer holds the file for well under a millisecond; beyond this something is wrong.
BUSY_SECONDS = 2.0
_FULL = ("full", "readonly", "disk I/O")
_DAMAGED = ("malformed", "not a database", "unsupported file format")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS conversations (
    thread TEXT PRIMARY KEY, tenant TEXT NOT NULL, id TEXT NOT NULL,
    title TEXT NOT NULL DEFAULT '', named INTEGER NOT NULL DEFAULT 0,
    turns INTEGER NOT NULL DEFAULT 0, updated REAL NOT NULL, expires REAL NOT NULL,
    changed INTEGER NOT NULL DEFAULT 0, deleted INTEGER NOT NULL DEFAULT 0,
    wipe INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_activity ON conversations (tenant, updated, id);
CREATE TABLE IF NOT EXISTS checkpoints (
    thread TEXT NOT NULL, namespace TEXT NOT NULL, id TEXT NOT NULL,
    base TEXT NOT NULL, changed INTEGER NOT NULL, expires REAL NOT NULL,
    record BLOB NOT NULL, PRIMARY KEY (thread, namespace)
);
CREATE TABLE IF NOT EXISTS writes (
    thread TEXT NOT NULL, namespace TEXT NOT NULL, checkpoint TEXT NOT NULL,
    task TEXT NOT NULL, position INTEGER NOT NULL, expires REAL NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (thread, namespace, checkpoint, task, position)
);
CREATE TABLE IF NOT EXISTS leases (
    thread TEXT PRIMARY KEY, token TEXT NOT NULL, until REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS waiting (
    thread TEXT NOT NULL, token TEXT NOT NULL, arrived REAL NOT NULL,
    seen REAL NOT NULL, PRIMARY KEY (thread, token)
) WITHOUT ROWID;
"""

_EXPIRING = ("conversations", "checkpoints", "writes")


class StateFile:
    """
    The file, opened on first use, once per process.

    Args:
        path: Made with mode 0600; its folder is made too.
        ttl_seconds: Life of what is written.
        schema: Statements that make the tables where they are missing.
        expiring: Tables whose rows end by their column `expires`.
        clock: Unix seconds.

    Raises (whatever touches the file):
        StateFull: The disk is full.
        StateUnavailable: Another process holds the file for too long.
    """

    def __init__(
        self,
        path: Path,
        *,
        ttl_seconds: int = 86_400,
        schema: str = _SCHEMA,
        expiring: Sequence[str] = _EXPIRING,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.ttl_seconds = ttl_seconds
        self.clock = clock
        self._path = path
        self._schema = schema
        self._expiring = expiring
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._executor: ThreadPoolExecutor | None = None
        self._pid = os.getpid()
        self._inherited: list[object] = []

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Give the connection for reading."""
        with self._exclusive() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Give the connection within a transaction, the only writer until its end."""
        with self._exclusive() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    async def run(
        self, call: Callable[P, Result], *args: P.args, **kwargs: P.kwargs
    ) -> Result:
        """Run a blocking *call* on this file's own thread."""
        self._leave_parent()
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, thread_name_prefix="state-file")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, lambda: call(*args, **kwargs))

    def expires(self) -> float:
        """Return when what is written now ends, Unix seconds."""
        return self.clock() + self.ttl_seconds

    def purge(self) -> None:
        """Remove what has expired."""
        now = self.clock()
        with self.write() as connection:
            for table in self._expiring:
                connection.execute(
                    f"DELETE FROM {table} WHERE expires < ?",  # noqa: S608 - our names
                    (now,),
                )
            if self._schema is _SCHEMA:
                connection.execute("DELETE FROM leases WHERE until < ?", (now,))

    def close(self) -> None:
        """Close the file."""
        self._leave_parent()
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=True)
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    @contextmanager
    def _exclusive(self) -> Iterator[sqlite3.Connection]:
        self._leave_parent()
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = self._open()
                yield self._connection
            except sqlite3.DatabaseError as exc:
                self._translate(exc)

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            return self._connect()
        except sqlite3.DatabaseError as exc:
            if not any(word in str(exc) for word in _DAMAGED):
                raise
        # Kept for whoever wants to look; a new file is better than none.
        self._path.replace(self._path.with_suffix(".damaged"))
        for suffix in ("-wal", "-shm"):
            Path(f"{self._path}{suffix}").unlink(missing_ok=True)
        log.error("state_file_set_aside")
        return self._connect()

    def _connect(self) -> sqlite3.Connection:
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        connection = sqlite3.connect(
            self._path,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            # A crash of the process loses nothing; of the machine, the last second.
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.executescript(self._schema)
        except BaseException:
            connection.close()
            raise
        return connection

    def _translate(self, error: sqlite3.DatabaseError) -> None:
        """Raise what *error* means to a caller."""
        text = str(error)
        if any(word in text for word in _FULL):
            raise StateFull(retry_after_seconds=5.0) from error
        if any(word in text for word in ("locked", "busy", "unable to open")):
            raise StateUnavailable(retry_after_seconds=2.0) from error
        if any(word in text for word in _DAMAGED):
            # The next use opens, and there finds out and starts anew.
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            raise StateUnavailable(retry_after_seconds=2.0) from error
        raise error

    def _leave_parent(self) -> None:
        if self._pid == os.getpid():
            return
        # A connection must not be used, nor closed, in a child of its process.
        self._inherited += [self._connection, self._executor]
        self._connection = self._executor = None
        self._lock, self._pid = threading.RLock(), os.getpid()
