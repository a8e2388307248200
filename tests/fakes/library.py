"""A `DocumentLibrary` in memory, and a library on real stores without a sandbox."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from domain.conversations import ItemPage
from domain.documents import Document, Upload
from domain.errors import BadRequest, DocumentNotFound, DocumentTypeUnsupported
from knowledge.jobs import ThreadQueue
from knowledge.loaders.blocks import Extract
from knowledge.loaders.formats import Format, find_format
from knowledge.loaders.load import load
from knowledge.pipeline import Library
from stores.documents import DocumentStore
from stores.sql import Database
from tests.fakes.passages import MemoryPassages


class PlainParser:
    """Parses in this process: quick, and without protection."""

    def __init__(self) -> None:
        self.parsed = 0

    def parse(self, content: bytes, kind: Format) -> Extract:
        """Return the text of *content*."""
        self.parsed += 1
        return load(content, kind)

    def close(self) -> None:
        """Do nothing."""


@dataclass(slots=True)
class Desk:
    """A library in a folder, with the parts that tests look into."""

    library: Library
    documents: DocumentStore
    passages: MemoryPassages
    jobs: ThreadQueue
    parser: PlainParser

    def settle(self) -> None:
        """Wait until nothing waits and nothing runs."""
        assert self.jobs.wait_idle(60), "documents still wait"

    def take_in(self, upload: Upload, tenant: str = "t") -> Document:
        """Submit, wait, and return how it ended."""
        document, _ = self.library.submit(tenant, upload)
        self.settle()
        return self.library.load_document(tenant, document.id)


@contextmanager
def open_desk(
    folder: Path,
    *,
    passages: MemoryPassages | None = None,
    start: bool = True,
    retry_seconds: tuple[float, ...] = (0.01, 0.01),
) -> Iterator[Desk]:
    """Open a library in *folder*; opened again, it goes on with what is there."""
    database = Database(f"sqlite:///{folder / 'desk.sqlite3'}")
    database.migrate()
    documents = DocumentStore(database)
    kept = MemoryPassages() if passages is None else passages
    jobs = ThreadQueue(folder / "uploads", retry_seconds=retry_seconds)
    parser = PlainParser()
    library = Library(
        documents=documents,
        passages=kept,
        jobs=jobs,
        parser=parser,
        orphan_seconds=0.0,
    )
    if start:
        library.start()
    try:
        yield Desk(library, documents, kept, jobs, parser)
    finally:
        library.close(grace_seconds=10)
        database.close()


class MemoryLibrary:
    """A `DocumentLibrary` whose documents are ready at once and hold no passages."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Document] = {}
        self._clock = 0.0

    def submit(self, tenant: str, upload: Upload) -> tuple[Document, bool]:
        """Keep it; see `DocumentLibrary`."""
        if find_format(upload.content, upload.file, upload.media_type) is None:
            raise DocumentTypeUnsupported
        sha256 = hashlib.sha256(upload.content).hexdigest()
        key = (
            tenant,
            f"doc_{hashlib.sha256((tenant + sha256).encode()).hexdigest()[:32]}",
        )
        if key in self._kept:
            return self._kept[key], False
        self._clock += 1.0
        document = Document(
            id=key[1],
            tenant=tenant,
            sha256=sha256,
            file=upload.file,
            title=upload.title or upload.file,
            status="queued",
            url=upload.url,
            size_bytes=len(upload.content),
            created_at=self._clock,
            updated_at=self._clock,
        )
        self._kept[key] = replace(document, status="ready", progress=1.0, chunks=1)
        return document, True

    def load_document(self, tenant: str, document_id: str) -> Document:
        """Return one document; see `DocumentLibrary`."""
        found = self._kept.get((tenant, document_id))
        if found is None:
            raise DocumentNotFound
        return found

    def list_documents(
        self, tenant: str, *, limit: int, cursor: str | None = None
    ) -> ItemPage[Document]:
        """Return a page; see `DocumentLibrary`."""
        mine = [item for (owner, _), item in self._kept.items() if owner == tenant]
        mine.sort(key=lambda item: -item.created_at)
        try:
            start = int(cursor or "0")
        except ValueError:
            raise BadRequest from None
        page = tuple(mine[start : start + limit])
        more = len(mine) > start + limit
        return ItemPage(page, str(start + limit) if more else None)

    def remove_document(self, tenant: str, document_id: str) -> None:
        """Remove it; see `DocumentLibrary`."""
        self.load_document(tenant, document_id)
        del self._kept[tenant, document_id]
