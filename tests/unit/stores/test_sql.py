from __future__ import annotations

import os
import sqlite3
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from domain.errors import AppError, ConfigurationError, StoreBusy, StoreUnavailable
from stores.sql import Database


def url_of(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.fixture
def database(tmp_path: Path) -> Database:
    made = Database(url_of(tmp_path / "a.sqlite3"), busy_seconds=0.1)
    made.migrate()
    return made


def test_a_folder_that_is_missing_is_made(tmp_path: Path) -> None:
    database = Database(url_of(tmp_path / "deep" / "down" / "a.sqlite3"))

    database.migrate()

    database.check()
    database.close()


def test_a_current_schema_starts_without_alembic(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom stores.sql import Database\n"
        "Database(sys.argv[1]).migrate()\nsys.exit('alembic' in sys.modules)\n"
    )
    database = Database(url_of(tmp_path / "a.sqlite3"))
    database.migrate()
    database.close()

    status = os.spawnv(
        os.P_WAIT,
        sys.executable,
        [sys.executable, "-c", script, url_of(tmp_path / "a.sqlite3")],
    )

    assert status == 0


def test_an_older_version_works_on_with_a_newer_schema(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.execute(text("ALTER TABLE documents ADD COLUMN later TEXT"))

    database.migrate()

    assert "database_newer" in caplog.messages
    with database.read() as connection:
        found = connection.execute(text("SELECT version_num FROM alembic_version"))
        assert found.scalar_one() == "9999"
        connection.execute(text("SELECT later FROM documents"))


def test_several_starts_at_once_migrate_once(tmp_path: Path) -> None:
    databases = [Database(url_of(tmp_path / "a.sqlite3")) for _ in range(6)]
    errors: list[AppError] = []

    def migrate(database: Database) -> None:
        try:
            database.migrate()
        except AppError as exc:
            errors.append(exc)

    threads = [threading.Thread(target=migrate, args=(one,)) for one in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert errors == []
    for database in databases:
        database.check()
        database.close()


def test_readers_go_on_while_somebody_writes(database: Database) -> None:
    with database.write() as writer:
        writer.execute(text("CREATE TABLE t (x INTEGER)"))
        with database.read() as reader:
            reader.execute(text("SELECT 1"))
    database.close()


def test_a_second_writer_waits_and_is_then_told_that_the_store_is_busy(
    database: Database, tmp_path: Path
) -> None:
    other = sqlite3.connect(tmp_path / "a.sqlite3", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")

    with pytest.raises(StoreBusy), database.write():
        pass

    other.execute("ROLLBACK")
    other.close()
    with database.write() as connection:
        connection.execute(text("SELECT 1"))
    database.close()


def test_an_error_rolls_everything_back(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("CREATE TABLE t (x INTEGER UNIQUE)"))

    def insert_twice() -> None:
        with database.write() as connection:
            connection.execute(text("INSERT INTO t VALUES (1)"))
            connection.execute(text("INSERT INTO t VALUES (1)"))

    with pytest.raises(IntegrityError):
        insert_twice()

    with database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM t")).scalar() == 0
    database.close()


def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "a.sqlite3").write_bytes(b"words and more words, no database" * 40)

    with pytest.raises(StoreUnavailable) as caught:
        Database(url_of(tmp_path / "a.sqlite3")).migrate()

    assert str(tmp_path) not in caught.value.detail


def test_a_server_that_does_not_answer_is_unavailable_within_seconds() -> None:
    database = Database("postgresql+psycopg://u:secret@127.0.0.1:9/none")

    with pytest.raises(StoreUnavailable) as caught:
        database.check()

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["nonsense://x", "sqlite:///:memory:"])
def test_a_url_that_cannot_work_names_its_setting(url: str) -> None:
    with pytest.raises(ConfigurationError, match="DATABASE_URL"):
        Database(url).migrate()


def test_it_works_again_after_it_was_closed(database: Database) -> None:
    database.close()

    database.check()
    database.close()
