"""The manifest and feedback on a real PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from domain.conversations import Feedback
from domain.documents import Document, Upload
from domain.errors import AppError, StoreUnavailable
from knowledge.jobs import ThreadQueue
from knowledge.pipeline import Library
from stores.documents import DocumentStore
from stores.documents_rows import Declared
from stores.feedback import SQLFeedbackStore
from stores.sql import Database
from tests.fakes.library import PlainParser
from tests.fakes.passages import MemoryPassages
from tests.fakes.postgres_server import PostgresServer, find_programs, serve_postgres


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    programs = find_programs()
    if programs is None:
        pytest.skip("not run: no PostgreSQL (initdb, pg_ctl) on this machine")
    with serve_postgres(programs) as running:
        yield running


@pytest.fixture
def database(server: PostgresServer) -> Iterator[Database]:
    made = Database(server.url)
    with made.write() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    made.migrate()
    yield made
    made.close()


def make(number: int, *, status: str = "queued") -> Document:
    document = Document(
        id=f"doc_{number}",
        tenant="t",
        sha256=f"{number}",
        file=f"{number}.md",
        title="Caf\u00e9 \U0001f44d",
        status="queued",
        size_bytes=5_000_000_000,
        created_at=1_790_000_000.123456 + number,
        metadata={"tags": ["a", {"b": None}]},
    )
    return replace(document, status="ready") if status == "ready" else document


def test_several_starts_at_once_migrate_once(server: PostgresServer) -> None:
    first = Database(server.url)
    with first.write() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    databases = [first, *(Database(server.url) for _ in range(5))]
    errors: list[AppError] = []

    def migrate(one: Database) -> None:
        try:
            one.migrate()
        except AppError as exc:
            errors.append(exc)

    threads = [threading.Thread(target=migrate, args=(one,)) for one in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert errors == []
    for one in databases:
        with one.read() as connection:
            assert (
                connection.execute(text("SELECT count(*) FROM documents")).scalar() == 0
            )
        one.close()


def test_documents_come_back_as_they_were(database: Database) -> None:
    store = DocumentStore(database)

    assert store.add(make(1), declared=Declared(sources=("/a",)))
    assert not store.add(make(1), declared=Declared())

    entry = store.find_entry("t", "doc_1")
    assert entry is not None
    assert entry.document == make(1)
    assert entry.declared.sources == ("/a",)


def test_a_newer_document_replaces_the_one_of_its_source(database: Database) -> None:
    store = DocumentStore(database)
    for number in (1, 2):
        store.add(make(number), declared=Declared(sources=("/a",)))
        entry = store.find_entry("t", f"doc_{number}")
        assert entry is not None
        store.finish(make(number, status="ready"), replaced=store.find_replaced(entry))

    page = store.list_page("t", limit=9)
    found = store.find_by_source("t", "/a")
    assert [item.id for item in page.items] == ["doc_2"]
    assert found is not None
    assert found.id == "doc_2"


def test_pages_go_from_new_to_old(database: Database) -> None:
    store = DocumentStore(database)
    for number in range(5):
        store.add(make(number), declared=Declared())

    first = store.list_page("t", limit=3)
    second = store.list_page("t", limit=3, cursor=first.next_cursor)

    ids = [item.id for item in (*first.items, *second.items)]
    assert ids == [f"doc_{number}" for number in (4, 3, 2, 1, 0)]
    assert second.next_cursor is None


def test_eight_at_once_insert_one_document(database: Database) -> None:
    store = DocumentStore(database)
    results: list[bool] = []

    def add() -> None:
        results.append(store.add(make(1), declared=Declared()))

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(results) == [False] * 7 + [True]


def test_feedback_and_unanswered_questions_are_kept(database: Database) -> None:
    store = SQLFeedbackStore(database)
    opinion = Feedback("t", "c", "m", "positive", "Bagus", 1.5)
    store.add_feedback(opinion)
    store.add_feedback(replace(opinion, kind="negative", comment=None))
    for _ in range(2):
        store.add_unanswered("t", "Berapa?", language="id", asked_at=2.0)

    assert store.list_feedback("t") == [replace(opinion, kind="negative", comment=None)]
    assert [(q.question, q.times) for q in store.list_unanswered("t")] == [
        ("Berapa?", 2)
    ]


def test_a_library_works_on_it(database: Database, tmp_path: Path) -> None:
    jobs = ThreadQueue(tmp_path)
    passages = MemoryPassages()
    library = Library(
        documents=DocumentStore(database),
        passages=passages,
        jobs=jobs,
        parser=PlainParser(),
    )
    library.start()
    document, _ = library.submit("t", Upload(b"Open at nine.", "a.txt", source="/a"))
    assert jobs.wait_idle(30)

    assert library.load_document("t", document.id).status == "ready"
    library.remove_document("t", document.id)
    assert passages.count("t") == 0
    library.close()


def test_a_server_that_went_away_comes_back_by_itself(
    server: PostgresServer, database: Database
) -> None:
    store = DocumentStore(database)
    store.add(make(1), declared=Declared())

    server.stop()
    try:
        with pytest.raises(StoreUnavailable):
            store.load("t", "doc_1")
        with pytest.raises(StoreUnavailable):
            store.add(make(2), declared=Declared())
    finally:
        server.start()

    assert store.load("t", "doc_1").id == "doc_1"
    assert store.add(make(2), declared=Declared())
