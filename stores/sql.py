"""The database: SQLite in a file, or PostgreSQL. Engine, sessions, migrations."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import (
    Connection,
    Engine,
    Insert,
    MetaData,
    Update,
    create_engine,
    event,
    inspect,
    make_url,
    text,
)
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
    SQLAlchemyError,
)
from sqlalchemy.pool import ConnectionPoolEntry

from domain.errors import ConfigurationError, StoreBusy, StoreUnavailable

log = logging.getLogger(__name__)

metadata = MetaData()

# How long a call waits for a connection, or for a lock of another writer, seconds.
BUSY_SECONDS = 2.0
# A worker waits this long for another one that migrates.
_MIGRATION_SECONDS = 60.0
_MIGRATIONS = Path(__file__).resolve().parent / "migrations"
# Any number will do, as long as every worker takes the same.
_ADVISORY_LOCK = 7_261_964_310
_WRITES = "tanya_writes"


class Database:
    """
    One database, reached lazily. Thread-safe; made before a fork, used after it.

    Args:
        url: SQLAlchemy URL, `sqlite:///path` or `postgresql+psycopg://...`.
        pool_size: Connections kept open to a server.
    """

    def __init__(
        self, url: str, *, busy_seconds: float = BUSY_SECONDS, pool_size: int = 5
    ) -> None:
        self._url = url
        self._busy_seconds = busy_seconds
        self._pool_size = pool_size
        self._making = threading.Lock()
        self._engine: Engine | None = None

    @property
    def is_sqlite(self) -> bool:
        """The database is a file of this machine."""
        return self._url.startswith("sqlite")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """
        Give a connection for reading.

        Raises:
            StoreUnavailable: The database cannot be reached.
        """
        with _translated(), self._connect().connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """
        Give a connection in a transaction, committed at the end of the block.

        Raises:
            StoreUnavailable: The database cannot be reached, or stayed locked.
            IntegrityError: A constraint was broken; the caller knows what it means.
        """
        engine = self._connect().execution_options(**{_WRITES: True})
        with _translated(), engine.begin() as connection:
            yield connection

    def put(self, change: Update, row: Insert) -> None:
        """
        Run *change*, or *row* when it met nothing; whoever is later stands.

        Raises:
            StoreUnavailable: The database cannot be reached, or stayed locked.
        """
        with self.write() as connection:
            if connection.execute(change).rowcount:
                return
        try:
            with self.write() as connection:
                connection.execute(row)
        except IntegrityError:
            # Somebody else was faster.
            with self.write() as connection:
                connection.execute(change)

    def check(self) -> None:
        """Ask something small. Raises `StoreUnavailable`."""
        with self.read() as connection:
            connection.execute(text("SELECT 1"))

    def migrate(self) -> None:
        """
        Bring the schema up to date; several processes may call it at once.

        A newer schema is left as it is: migrations only add, so that an older version
        of the service works on, after a rollback or while pods are replaced.

        Raises:
            StoreUnavailable: The database cannot be reached.
            ConfigurationError: The URL cannot be used.
        """
        wanted = _newest_revision()
        found = self._revision()
        # Revisions are numbers of four digits.
        if found is not None and found > wanted:
            log.warning("database_newer", extra={"revision": found})
            return
        if found == wanted:
            return
        with _translated(), self._migration_lock() as connection:
            if (self._revision() or "") < wanted:
                _upgrade(connection, wanted)
                log.info("database_migrated", extra={"revision": wanted})

    def close(self) -> None:
        """Close every connection; the next use opens new ones."""
        with self._making:
            engine, self._engine = self._engine, None
        if engine is not None:
            engine.dispose()

    def _connect(self) -> Engine:
        with self._making:
            if self._engine is None:
                self._engine = self._build_engine()
            return self._engine

    def _build_engine(self) -> Engine:
        try:
            url = make_url(self._url)
            if not self.is_sqlite:
                return create_engine(
                    url,
                    pool_size=self._pool_size,
                    max_overflow=self._pool_size,
                    pool_timeout=self._busy_seconds,
                    pool_pre_ping=True,
                    pool_recycle=1800,
                    connect_args={"connect_timeout": max(2, int(self._busy_seconds))},
                )
            if url.database and url.database != ":memory:":
                Path(url.database).parent.mkdir(parents=True, exist_ok=True)
            engine = create_engine(url, connect_args={"timeout": self._busy_seconds})
        except (ArgumentError, NoSuchModuleError, ImportError) as exc:
            raise ConfigurationError("DATABASE_URL: no such kind of database") from exc
        except OSError as exc:
            raise StoreUnavailable("The database's folder cannot be made.") from exc
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine

    def _revision(self) -> str | None:
        with self.read() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            found = connection.execute(text("SELECT version_num FROM alembic_version"))
            row = found.first()
            return str(row[0]) if row else None

    @contextmanager
    def _migration_lock(self) -> Iterator[Connection]:
        if not self.is_sqlite:
            with self._connect().begin() as connection:
                # Held to the end of the transaction, so that it dies with its holder.
                connection.execute(
                    text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK}
                )
                yield connection
            return
        database = make_url(self._url).database or ":memory:"
        lock = FileLock(f"{database}.lock" if database != ":memory:" else _no_file())
        try:
            with lock.acquire(timeout=_MIGRATION_SECONDS), self.write() as connection:
                yield connection
        except Timeout as exc:
            raise StoreUnavailable("The database is being migrated.") from exc


def _no_file() -> str:
    raise ConfigurationError("DATABASE_URL: SQLite needs a file")


@contextmanager
def _translated() -> Iterator[None]:
    """Turn foreign errors into ours; a broken constraint is left to the caller."""
    try:
        yield
    except IntegrityError:
        raise
    except DBAPIError as exc:
        # The statement and its values stay out of logs and answers.
        log.warning("database_failed", extra={"error": type(exc.orig).__name__})
        if "locked" in str(exc.orig).lower():
            raise StoreBusy(retry_after_seconds=1) from exc
        raise StoreUnavailable(retry_after_seconds=5) from exc
    except SQLAlchemyError as exc:
        log.warning("database_failed", extra={"error": type(exc).__name__})
        raise StoreUnavailable(retry_after_seconds=5) from exc


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # The driver's own transactions begin too late; `_begin_sqlite` begins them.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes its lock at once: one that only reads first may not wait later.
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _newest_revision() -> str:
    """Return the last of `NNNN_name.py` in migrations/versions, without Alembic."""
    names = (path.name for path in (_MIGRATIONS / "versions").glob("[0-9]*_*.py"))
    found = sorted(
        match.group(1) for name in names if (match := re.match(r"(\d{4})_", name))
    )
    if not found:
        raise StoreUnavailable("The migrations are missing.")
    return found[-1]


def _upgrade(connection: Connection, revision: str) -> None:
    # Imported here: a start with a current schema does without it.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
