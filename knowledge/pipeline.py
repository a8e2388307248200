"""The library: takes documents in, keeps the manifest and the passages in step."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath, PureWindowsPath
from typing import Protocol

from domain.conversations import ItemPage
from domain.documents import Document, DocumentStatus, Passage, Upload
from domain.errors import (
    AppError,
    DocumentNotFound,
    DocumentTypeUnsupported,
    PayloadTooLarge,
    Unavailable,
)
from knowledge.assembly import Assembled, assemble, file_title, make_document_id
from knowledge.hygiene import clean_line
from knowledge.jobs import LOST, Job, JobQueue
from knowledge.loaders.blocks import DocumentUnreadable, Extract
from knowledge.loaders.formats import Format, find_format
from stores.documents import DocumentStore
from stores.documents_rows import Declared, Entry

log = logging.getLogger(__name__)

# Passages written at once; progress is noted between two batches.
_BATCH = 128
_LONGEST_NAME = 255
# Documents are spread over these, so that a large upload holds up few others.
_LOCKS = 64
# A removal older than this was left behind by a process that died.
_REMOVAL_SECONDS = 10.0
_NO_TEXT = "No text was found in the file; a scanned page needs text recognition first."


class Passages(Protocol):
    """What the library asks of the store of passages (`stores.vectors`)."""

    def add(self, passages: Sequence[Passage]) -> None:
        """Write passages; the same id is written over."""
        ...

    def remove(
        self, tenant: str, document_id: str, *, keep: Collection[str] = ()
    ) -> None:
        """Remove the passages of a document, but those with an id in *keep*."""
        ...

    def iter_passages(
        self, tenant: str, document_id: str | None = None
    ) -> Iterator[Passage]:
        """Yield passages of a tenant, or of one document."""
        ...


class Parser(Protocol):
    """Who reads a stranger's file (`knowledge.sandbox`)."""

    def parse(self, content: bytes, kind: Format) -> Extract:
        """Return its text. Raises `DocumentUnreadable`."""
        ...

    def close(self) -> None:
        """Free what it holds."""
        ...


class Library:
    """
    A `DocumentLibrary`. Blocking, thread-safe.

    Args:
        max_bytes: Largest document taken in.
        orphan_seconds: Age at which unfinished work whose bytes nobody holds is given
            up by `recover`. 0 where one process owns everything; more where another
            process may be about to hand in the bytes.
    """

    def __init__(
        self,
        *,
        documents: DocumentStore,
        passages: Passages,
        jobs: JobQueue,
        parser: Parser,
        max_bytes: int = 50_000_000,
        orphan_seconds: float = 60.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._documents = documents
        self._passages = passages
        self._jobs = jobs
        self._parser = parser
        self._max_bytes = max_bytes
        self._orphan_seconds = orphan_seconds
        self._clock = clock
        # A removal and a second submission of one document take turns.
        self._changing = [threading.Lock() for _ in range(_LOCKS)]

    def start(self) -> None:
        """Begin to work, and pick up what an earlier process left."""
        self._jobs.start(self.work, self.give_up)
        self.recover()

    def close(self, *, grace_seconds: float = 30.0) -> None:
        """Finish the document at hand; what waits goes on at the next start."""
        self._jobs.close(grace_seconds=grace_seconds)
        self._parser.close()

    def submit(self, tenant: str, upload: Upload) -> tuple[Document, bool]:
        """
        Take a document in; True when it is new, False when these bytes were there.

        Raises:
            DocumentTypeUnsupported: Neither name nor content is a known format.
            PayloadTooLarge: It is larger than `max_bytes`.
            UploadStorageFull: It could not be kept until it is parsed.
            Overloaded: Too many documents wait.
        """
        if len(upload.content) > self._max_bytes:
            raise PayloadTooLarge
        if find_format(upload.content, upload.file, upload.media_type) is None:
            raise DocumentTypeUnsupported
        document, declared = self._describe(tenant, upload)
        with self._turn(document.id):
            found = self._claim(document, declared)
            if found is not None:
                self._note_source(found, upload.source)
                return found, False
            try:
                self._jobs.put(Job(tenant, document.id), upload.content)
            except AppError:
                self._documents.mark_removed(tenant, document.id)
                self._documents.drop(tenant, document.id)
                raise
        log.info(
            "document_queued",
            extra={"document_id": document.id, "bytes": document.size_bytes},
        )
        return document, True

    def load_document(self, tenant: str, document_id: str) -> Document:
        """Return one document. Raises `DocumentNotFound`."""
        return self._documents.load(tenant, document_id)

    def list_documents(
        self, tenant: str, *, limit: int, cursor: str | None = None
    ) -> ItemPage[Document]:
        """Return a page, newest first. Raises `BadRequest` on a foreign cursor."""
        return self._documents.list_page(tenant, limit=limit, cursor=cursor)

    def find_by_source(self, tenant: str, source: str) -> Document | None:
        """Return the document that last came from *source*, or None."""
        return self._documents.find_by_source(tenant, source)

    def remove_document(self, tenant: str, document_id: str) -> None:
        """Remove it and its passages. Raises `DocumentNotFound`."""
        with self._turn(document_id):
            entry = self._documents.find_entry(tenant, document_id)
            if entry is None:
                raise DocumentNotFound
            self._documents.mark_removed(tenant, document_id)
            self._finish_removal(tenant, document_id)
        log.info("document_removed", extra={"document_id": document_id})

    def iter_passages(
        self, tenant: str, document_id: str | None = None
    ) -> Iterator[Passage]:
        """Yield the passages of a tenant, or of one document."""
        return self._passages.iter_passages(tenant, document_id)

    def reindex(self, tenant: str, document_id: str) -> int:
        """Write a document's passages anew, for another embedding model; count them."""
        passages = list(self._passages.iter_passages(tenant, document_id))
        for begin in range(0, len(passages), _BATCH):
            self._passages.add(passages[begin : begin + _BATCH])
        return len(passages)

    def recover(self) -> None:
        """Complete what a process that died left behind, or roll it back."""
        for entry in self._documents.list_unfinished():
            document = entry.document
            job = Job(document.tenant, document.id)
            age = self._clock() - document.updated_at
            if entry.removed:
                if age >= min(self._orphan_seconds, _REMOVAL_SECONDS):
                    self._finish_removal(document.tenant, document.id)
            elif not self._jobs.resume(job) and age >= self._orphan_seconds:
                self.give_up(job, LOST)
        self._jobs.sweep()

    def work(self, job: Job, content: bytes) -> None:
        """
        Parse a document and write its passages; called by the queue.

        Raises:
            AppError: A store is away; the same call may succeed later.
        """
        entry = self._documents.find_entry(job.tenant, job.document_id)
        if entry is None or entry.removed or entry.document.status == "ready":
            return
        if self._documents.is_outdated(entry):
            # A later version of the file was faster.
            self._documents.mark_removed(job.tenant, job.document_id)
            self._finish_removal(job.tenant, job.document_id)
            return
        if not self._advance(entry.document, "parsing", 0.05):
            return
        begun = time.monotonic()
        try:
            assembled = self._read(entry, content)
        except DocumentUnreadable as exc:
            log.info("document_refused", extra={"document_id": job.document_id})
            self.give_up(job, str(exc))
            return
        if self._write(entry, assembled):
            seconds = time.monotonic() - begun
            log.info(
                "document_ready",
                extra={
                    "document_id": job.document_id,
                    "passages": len(assembled.passages),
                    "duration_ms": round(seconds * 1000),
                },
            )

    def give_up(self, job: Job, reason: str) -> None:
        """Roll a document back: no passages, status `failed` with a reason."""
        entry = self._documents.find_entry(job.tenant, job.document_id)
        if entry is not None and entry.document.status == "ready":
            # The job was given out twice, and the other one was faster.
            return
        self._passages.remove(job.tenant, job.document_id)
        self._documents.fail(job.tenant, job.document_id, error=reason)

    def _turn(self, document_id: str) -> threading.Lock:
        return self._changing[hash(document_id) % _LOCKS]

    def _describe(self, tenant: str, upload: Upload) -> tuple[Document, Declared]:
        sha256 = hashlib.sha256(upload.content).hexdigest()
        now = self._clock()
        file = clean_file_name(upload.file)
        declared = Declared(
            media_type=upload.media_type,
            title=clean_line(upload.title or "") or None,
            url=upload.url,
            language=upload.language,
            metadata=dict(upload.metadata),
            sources=(upload.source,) if upload.source else (),
        )
        document = Document(
            id=make_document_id(tenant, sha256),
            tenant=tenant,
            sha256=sha256,
            file=file,
            title=declared.title or file_title(file),
            status="queued",
            size_bytes=len(upload.content),
            url=upload.url,
            language=upload.language,
            created_at=now,
            updated_at=now,
            metadata=declared.metadata,
        )
        return document, declared

    def _claim(self, document: Document, declared: Declared) -> Document | None:
        """Insert the row and return None, or return the document that is there."""
        for _ in range(3):
            if self._documents.add(document, declared=declared):
                return None
            entry = self._documents.find_entry(document.tenant, document.id)
            if entry is None:
                continue
            if entry.removed:
                self._take_over_removal(entry)
            elif entry.document.status != "failed":
                return entry.document
            elif self._documents.retry(document, declared=declared):
                return None
        raise Unavailable("This document is being changed; try again shortly.")

    def _take_over_removal(self, entry: Entry) -> None:
        """Finish a removal whose process died; wait for one that is at work."""
        if self._clock() - entry.document.updated_at < min(
            self._orphan_seconds, _REMOVAL_SECONDS
        ):
            raise Unavailable(
                "This document is being removed; try again shortly.",
                retry_after_seconds=2,
            )
        self._finish_removal(entry.document.tenant, entry.document.id)

    def _note_source(self, document: Document, source: str | None) -> None:
        """Remember one more source; drop what came from there before."""
        if source is None:
            return
        for other in self._documents.add_source(document.tenant, document.id, source):
            self._documents.mark_removed(document.tenant, other)
            self._finish_removal(document.tenant, other)

    def _finish_removal(self, tenant: str, document_id: str) -> None:
        self._jobs.cancel(Job(tenant, document_id))
        self._passages.remove(tenant, document_id)
        self._documents.drop(tenant, document_id)

    def _advance(
        self, document: Document, status: DocumentStatus, progress: float
    ) -> bool:
        return self._documents.advance(
            document.tenant, document.id, status=status, progress=round(progress, 3)
        )

    def _read(self, entry: Entry, content: bytes) -> Assembled:
        document, declared = entry.document, entry.declared
        kind = find_format(content, document.file, declared.media_type)
        if kind is None:
            raise DocumentUnreadable("The file is of no known kind.")
        extract = self._parser.parse(content, kind)
        stated = replace(
            document,
            title=declared.title or "",
            url=declared.url,
            language=declared.language,
            metadata=declared.metadata,
        )
        assembled = assemble(stated, extract)
        if not assembled.passages:
            raise DocumentUnreadable(_NO_TEXT)
        return assembled

    def _write(self, entry: Entry, assembled: Assembled) -> bool:
        """New passages in, old ones out, then the row; False when it was removed."""
        document, passages = entry.document, assembled.passages
        for begin in range(0, len(passages), _BATCH):
            done = begin / len(passages)
            if not self._advance(document, "embedding", 0.2 + 0.75 * done):
                return self._undo(document)
            self._passages.add(passages[begin : begin + _BATCH])
        kept = [passage.id for passage in passages]
        self._passages.remove(document.tenant, document.id, keep=kept)
        replaced = self._documents.find_replaced(entry)
        for other in replaced:
            self._passages.remove(document.tenant, other)
        ready = replace(
            assembled.document, status="ready", progress=1.0, updated_at=self._clock()
        )
        if not self._documents.finish(ready, replaced=replaced):
            return self._undo(document)
        return True

    def _undo(self, document: Document) -> bool:
        self._passages.remove(document.tenant, document.id)
        return False


def clean_file_name(file: str) -> str:
    """Return a name for display: no folders, no controls, at most 255 characters."""
    name = (
        clean_line(PurePosixPath(PureWindowsPath(file).as_posix()).name) or "document"
    )
    if len(name) <= _LONGEST_NAME:
        return name
    suffix = PurePosixPath(name).suffix[:10]
    return name[: _LONGEST_NAME - len(suffix)] + suffix
