from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from domain.documents import Document
from domain.errors import BadRequest, DocumentNotFound
from stores.documents import DocumentStore
from stores.documents_rows import Declared
from stores.sql import Database


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DocumentStore]:
    database = Database(f"sqlite:///{tmp_path / 'a.sqlite3'}")
    database.migrate()
    yield DocumentStore(database, clock=lambda: 99.0)
    database.close()


def make(number: int, *, tenant: str = "t", created_at: float = 0.0) -> Document:
    return Document(
        id=f"doc_{number}",
        tenant=tenant,
        sha256=f"{number}",
        file=f"{number}.md",
        title=f"Title {number}",
        status="queued",
        created_at=created_at or float(number),
        metadata={"week": number},
    )


def add(
    store: DocumentStore, number: int, *sources: str, ready: bool = True
) -> Document:
    document = make(number)
    assert store.add(document, declared=Declared(sources=sources))
    if ready:
        assert store.finish(replace(document, status="ready"))
    return document


def test_everything_comes_back_as_it_was(store: DocumentStore) -> None:
    document = replace(
        make(1),
        size_bytes=5_000_000_000,
        url="https://a.example",
        language="id",
        validity="superseded",
        valid_from="2026",
        valid_until="2027-01-01",
        metadata={"tags": ["a", {"b": None}], "x": 1.5},
    )
    declared = Declared("text/html", "T", "https://b.example", "en", {"m": 1}, ("/a",))

    store.add(document, declared=declared)

    entry = store.find_entry("t", "doc_1")
    assert entry is not None
    assert (entry.document, entry.declared, entry.removed) == (
        document,
        declared,
        False,
    )


def test_an_id_is_taken_once_a_tenant(store: DocumentStore) -> None:
    assert store.add(make(1), declared=Declared())
    assert not store.add(make(1), declared=Declared())
    assert store.add(make(1, tenant="u"), declared=Declared())


def test_pages_are_stable_where_documents_are_of_the_same_age(
    store: DocumentStore,
) -> None:
    for number in range(7):
        store.add(make(number, created_at=5.0), declared=Declared())

    seen: list[str] = []
    cursor = None
    while True:
        page = store.list_page("t", limit=3, cursor=cursor)
        seen += [item.id for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break

    assert seen == [f"doc_{number}" for number in range(6, -1, -1)]


@pytest.mark.parametrize("cursor", ["", "x", "\u00fc", "bm90Om91cnM", "MS4w"])
def test_a_cursor_of_somebody_else_is_refused(
    store: DocumentStore, cursor: str
) -> None:
    with pytest.raises(BadRequest):
        store.list_page("t", limit=3, cursor=cursor)


def test_a_removed_document_is_seen_by_nobody_but_the_cleaners(
    store: DocumentStore,
) -> None:
    add(store, 1)

    assert store.mark_removed("t", "doc_1")

    assert store.find("t", "doc_1") is None
    assert store.list_page("t", limit=3).items == ()
    assert not store.advance("t", "doc_1", status="parsing", progress=0.1)
    assert not store.mark_removed("t", "doc_1")
    assert [entry.removed for entry in store.list_unfinished()] == [True]
    with pytest.raises(DocumentNotFound):
        store.load("t", "doc_1")


def test_only_a_removed_document_is_dropped(store: DocumentStore) -> None:
    add(store, 1, "/a")
    store.drop("t", "doc_1")
    assert store.find("t", "doc_1")

    store.mark_removed("t", "doc_1")
    store.drop("t", "doc_1")

    assert store.find_entry("t", "doc_1") is None
    assert store.find_by_source("t", "/a") is None


def test_unfinished_work_is_listed_oldest_first(store: DocumentStore) -> None:
    add(store, 3, ready=False)
    add(store, 1, ready=False)
    add(store, 2)
    store.fail("t", "doc_3", error="No.")
    add(store, 4, ready=False)

    assert [entry.document.id for entry in store.list_unfinished()] == [
        "doc_1",
        "doc_4",
    ]


def test_progress_is_written_with_its_time_and_clears_an_error(
    store: DocumentStore,
) -> None:
    add(store, 1, ready=False)
    store.fail("t", "doc_1", error="x" * 900)
    store.advance("t", "doc_1", status="embedding", progress=0.5)

    found = store.load("t", "doc_1")
    assert (found.status, found.progress, found.error) == ("embedding", 0.5, None)
    assert found.updated_at == 99.0


def test_a_source_leads_to_the_document_that_is_ready(store: DocumentStore) -> None:
    add(store, 1, "/a")
    add(store, 2, "/a", ready=False)
    found = store.find_by_source("t", "/a")

    assert found is not None
    assert found.id == "doc_1"


def test_finishing_replaces_what_came_from_there_and_nowhere_else(
    store: DocumentStore,
) -> None:
    add(store, 1, "/a", "/b")
    add(store, 2, "/c")
    newer = add(store, 3, "/a", "/c", ready=False)
    entry = store.find_entry("t", "doc_3")
    assert entry is not None

    replaced = store.find_replaced(entry)
    store.finish(replace(newer, status="ready"), replaced=replaced)

    assert replaced == ["doc_2"]
    assert {item.id for item in store.list_page("t", limit=9).items} == {
        "doc_1",
        "doc_3",
    }
    one, two = store.find_by_source("t", "/a"), store.find_by_source("t", "/b")
    assert one is not None
    assert two is not None
    assert (one.id, two.id) == ("doc_3", "doc_1")


def test_a_removed_document_cannot_become_ready(store: DocumentStore) -> None:
    document = add(store, 1, ready=False)
    store.mark_removed("t", "doc_1")

    assert not store.finish(replace(document, status="ready"))


def test_one_of_two_retries_wins(store: DocumentStore) -> None:
    document = add(store, 1, ready=False)
    store.fail("t", "doc_1", error="No.")

    assert store.retry(document, declared=Declared(title="again"))
    assert not store.retry(document, declared=Declared())
    entry = store.find_entry("t", "doc_1")
    assert entry is not None
    assert entry.declared.title == "again"


def test_a_document_in_work_learns_of_one_more_source(store: DocumentStore) -> None:
    add(store, 1, "/a", ready=False)

    assert store.add_source("t", "doc_1", "/b") == []

    entry = store.find_entry("t", "doc_1")
    assert entry is not None
    assert entry.declared.sources == ("/a", "/b")


def test_sources_of_tenants_do_not_mix(store: DocumentStore) -> None:
    add(store, 1, "/a")

    assert store.find_by_source("u", "/a") is None
