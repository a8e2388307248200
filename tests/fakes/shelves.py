"""A library on real parts in a folder: SQLite, the embedded engine, a sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from knowledge.jobs import ThreadQueue
from knowledge.pipeline import Library
from knowledge.sandbox import Sandbox
from stores.documents import DocumentStore
from stores.sql import Database
from stores.vectors import PassageStore, open_embedded


@dataclass(frozen=True, slots=True)
class TestShelf:
    """The library with the parts that tests look into."""

    __test__ = False

    library: Library
    passages: PassageStore
    jobs: ThreadQueue

    def settle(self) -> None:
        """Wait until every document was worked on."""
        if not self.jobs.wait_idle(120):
            raise AssertionError("documents still wait")


@contextmanager
def open_shelf(folder: Path) -> Iterator[TestShelf]:
    """Open a library in *folder*; opened again, it goes on with what is there."""
    database = Database(f"sqlite:///{folder / 'shelf.sqlite3'}")
    passages = open_embedded(folder / "qdrant", collection="tests")
    jobs = ThreadQueue(folder / "uploads")
    library = Library(
        documents=DocumentStore(database),
        passages=passages,
        jobs=jobs,
        parser=Sandbox(),
        orphan_seconds=0.0,
    )
    database.migrate()
    passages.open()
    library.start()
    try:
        yield TestShelf(library, passages, jobs)
    finally:
        library.close(grace_seconds=10)
        passages.close()
        database.close()
