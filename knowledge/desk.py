"""What the command line does with documents, whoever owns the store."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from domain.documents import Document, Passage, SearchQuery, Upload
from domain.errors import AppError, DocumentNotFound
from knowledge.pipeline import Library

_PAGE = 100


@dataclass(frozen=True, slots=True)
class Found:
    """A passage as the command line shows it."""

    score: float
    title: str
    where: str
    text: str


class DeskError(Exception):
    """What was asked cannot be done; the message is one sentence for people."""

    def __init__(self, sentence: str, *, retry_after_seconds: float | None = None):
        self.retry_after_seconds = retry_after_seconds
        super().__init__(sentence)


class Desk(Protocol):
    """Documents of one tenant. Every method may raise `DeskError`."""

    def submit(self, upload: Upload) -> tuple[Document, bool]:
        """Hand a document in; True when it is new."""
        ...

    def help_out(self) -> None:
        """Work on what waits, where nobody else would."""
        ...

    def load(self, document_id: str) -> Document:
        """Return one document."""
        ...

    def iter_documents(self) -> Iterator[Document]:
        """Yield every document, newest first."""
        ...

    def find(self, path: Path) -> list[Document]:
        """Return the documents that came from a path, or bear its name."""
        ...

    def remove(self, document_id: str) -> None:
        """Remove a document and its passages."""
        ...

    def search(self, question: str, *, limit: int) -> list[Found]:
        """Return passages for a question, best first."""
        ...

    def iter_passages(self, document_id: str) -> Iterator[Passage]:
        """Yield the passages of a document in order."""
        ...

    def reindex(self, document_id: str) -> int:
        """Write the passages of a document anew; return how many."""
        ...

    def close(self) -> None:
        """Put everything away."""
        ...


class SearchNow(Protocol):
    """Part of `knowledge.search.PassageSearch` that works without a loop."""

    def __call__(self, query: SearchQuery) -> SearchAnswer:
        """Search in this thread."""
        ...


class SearchAnswer(Protocol):
    """Part of `domain.documents.SearchResult`."""

    @property
    def passages(self) -> tuple[Passage, ...]:
        """Best first."""
        ...


class LocalDesk:
    """
    A `Desk` on the stores themselves.

    Args:
        help_out: Works on the queue in this process where it has no other worker.
        shut: Closes the stores.
    """

    def __init__(
        self,
        library: Library,
        *,
        tenant: str,
        search: SearchNow,
        help_out: Callable[[], None],
        shut: Callable[[], None],
    ) -> None:
        self._library = library
        self._tenant = tenant
        self._search = search
        self._help_out = help_out
        self._shut = shut

    def submit(self, upload: Upload) -> tuple[Document, bool]:
        """Hand a document in; see `Desk`."""
        try:
            return self._library.submit(self._tenant, upload)
        except AppError as exc:
            raise _plain(exc) from exc

    def help_out(self) -> None:
        """Work on what waits; see `Desk`."""
        self._help_out()

    def load(self, document_id: str) -> Document:
        """Return one document; see `Desk`."""
        try:
            return self._library.load_document(self._tenant, document_id)
        except AppError as exc:
            raise _plain(exc) from exc

    def iter_documents(self) -> Iterator[Document]:
        """Yield every document; see `Desk`."""
        cursor = None
        while True:
            try:
                page = self._library.list_documents(
                    self._tenant, limit=_PAGE, cursor=cursor
                )
            except AppError as exc:
                raise _plain(exc) from exc
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return

    def find(self, path: Path) -> list[Document]:
        """Return the document of a path; see `Desk`."""
        try:
            found = self._library.find_by_source(self._tenant, source_of(path))
        except AppError as exc:
            raise _plain(exc) from exc
        if found is not None:
            return [found]
        return [item for item in self.iter_documents() if item.file == path.name]

    def remove(self, document_id: str) -> None:
        """Remove a document; see `Desk`."""
        try:
            self._library.remove_document(self._tenant, document_id)
        except AppError as exc:
            raise _plain(exc) from exc

    def search(self, question: str, *, limit: int) -> list[Found]:
        """Return passages; see `Desk`."""
        query = SearchQuery(tenant=self._tenant, text=question, limit=limit)
        try:
            passages = self._search(query).passages
        except AppError as exc:
            raise _plain(exc) from exc
        return [_found(passage) for passage in passages]

    def iter_passages(self, document_id: str) -> Iterator[Passage]:
        """Yield passages; see `Desk`."""
        try:
            found = list(self._library.iter_passages(self._tenant, document_id))
        except AppError as exc:
            raise _plain(exc) from exc
        yield from sorted(found, key=lambda passage: passage.ordinal)

    def reindex(self, document_id: str) -> int:
        """Write passages anew; see `Desk`."""
        try:
            return self._library.reindex(self._tenant, document_id)
        except AppError as exc:
            raise _plain(exc) from exc

    def close(self) -> None:
        """Close the stores; see `Desk`."""
        self._shut()


def source_of(path: Path) -> str:
    """Return the name a file's place goes by: a changed file replaces the old one."""
    return str(path.resolve())


def wait_for_all(
    desk: Desk,
    waiting: dict[str, str],
    *,
    on_change: Callable[[Document], None],
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """
    Wait until every document of *waiting* (ids with names) is ready or failed.

    Args:
        desk: Where they were handed in.
        waiting: Emptied as they end.
        on_change: Called once for each, when it ended.
        pause: Waits for so many seconds.
    """
    seconds = 0.05
    while waiting:
        ended = 0
        for document_id in list(waiting):
            try:
                document = desk.load(document_id)
            except DeskError as exc:
                if exc.retry_after_seconds is None:
                    raise
                pause(min(exc.retry_after_seconds, 30.0))
                continue
            if document.status in ("ready", "failed"):
                del waiting[document_id]
                ended += 1
                on_change(document)
            else:
                # They are worked on in order: the later ones have not ended either.
                break
        if not ended and waiting:
            pause(seconds)
            seconds = min(seconds * 1.5, 1.0)
        elif ended:
            seconds = 0.05


def _found(passage: Passage) -> Found:
    place = passage.section or ""
    if passage.page:
        place = f"{place}, page {passage.page}" if place else f"page {passage.page}"
    where = f"{passage.file} ({place})" if place else passage.file
    return Found(passage.score, passage.title, where, passage.text)


def _plain(error: AppError) -> DeskError:
    if isinstance(error, DocumentNotFound):
        return DeskError("There is no such document.")
    retry = error.retry_after_seconds if error.retryable else None
    return DeskError(error.detail, retry_after_seconds=retry)
