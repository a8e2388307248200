"""The manifest: one row a document, with its state and the sources it came from."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

from sqlalchemy import Connection, and_, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from domain.conversations import ItemPage
from domain.documents import Document, DocumentStatus
from domain.errors import DocumentNotFound
from stores.documents_rows import (
    Declared,
    Entry,
    declared_values,
    documents,
    entry_of,
    make_cursor,
    read_cursor,
    sources,
    values_of,
)
from stores.sql import Database

_UNFINISHED = ("queued", "parsing", "embedding")


class DocumentStore:
    """
    The manifest in SQL. Blocking, thread-safe.

    Every method raises `StoreUnavailable` when the database cannot be reached.
    """

    def __init__(
        self, database: Database, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._clock = clock

    def add(self, document: Document, *, declared: Declared) -> bool:
        """Insert a row; False when there is one with this id, seen or removed."""
        row = {**values_of(document), "declared": declared_values(declared)}
        try:
            with self._database.write() as connection:
                connection.execute(insert(documents).values(**row, removed=False))
        except IntegrityError:
            return False
        return True

    def find_entry(self, tenant: str, document_id: str) -> Entry | None:
        """Return the row whether it is removed or not, or None."""
        with self._database.read() as connection:
            row = connection.execute(
                select(documents).where(_is(tenant, document_id))
            ).first()
        return entry_of(row) if row else None

    def find(self, tenant: str, document_id: str) -> Document | None:
        """Return a document, or None when there is none."""
        entry = self.find_entry(tenant, document_id)
        return entry.document if entry and not entry.removed else None

    def load(self, tenant: str, document_id: str) -> Document:
        """Return a document. Raises `DocumentNotFound`."""
        found = self.find(tenant, document_id)
        if found is None:
            raise DocumentNotFound
        return found

    def list_page(
        self, tenant: str, *, limit: int, cursor: str | None = None
    ) -> ItemPage[Document]:
        """Return a page, newest first. Raises `BadRequest` on a foreign cursor."""
        query = select(documents).where(
            documents.c.tenant == tenant, documents.c.removed.is_(False)
        )
        if cursor is not None:
            created_at, last_id = read_cursor(cursor)
            query = query.where(
                or_(
                    documents.c.created_at < created_at,
                    and_(
                        documents.c.created_at == created_at, documents.c.id < last_id
                    ),
                )
            )
        query = query.order_by(documents.c.created_at.desc(), documents.c.id.desc())
        with self._database.read() as connection:
            rows = connection.execute(query.limit(limit + 1)).all()
        found = tuple(entry_of(row).document for row in rows[:limit])
        more = len(rows) > limit
        return ItemPage(found, make_cursor(found[-1]) if more and found else None)

    def find_by_source(self, tenant: str, source: str) -> Document | None:
        """Return the document that last came from *source*, or None."""
        with self._database.read() as connection:
            row = connection.execute(
                select(documents)
                .join(
                    sources,
                    and_(
                        sources.c.tenant == documents.c.tenant,
                        sources.c.document_id == documents.c.id,
                    ),
                )
                .where(
                    sources.c.tenant == tenant,
                    sources.c.source == _digest(source),
                    documents.c.removed.is_(False),
                )
            ).first()
        return entry_of(row).document if row else None

    def advance(
        self, tenant: str, document_id: str, *, status: DocumentStatus, progress: float
    ) -> bool:
        """Write how far work has come; False when the document is gone."""
        return self._change(
            tenant, document_id, status=status, progress=progress, error=None
        )

    def fail(self, tenant: str, document_id: str, *, error: str) -> bool:
        """End work without success; False when the document is gone."""
        return self._change(
            tenant, document_id, status="failed", progress=0.0, error=error[:500]
        )

    def retry(self, document: Document, *, declared: Declared) -> bool:
        """Queue a failed document anew; False when somebody else did, or it is gone."""
        row = {**values_of(document), "declared": declared_values(declared)}
        with self._database.write() as connection:
            done = connection.execute(
                update(documents)
                .where(
                    _is(document.tenant, document.id),
                    documents.c.removed.is_(False),
                    documents.c.status == "failed",
                )
                .values(**row)
            )
        return done.rowcount > 0

    def add_source(self, tenant: str, document_id: str, source: str) -> list[str]:
        """
        Note one more place the document's bytes came from.

        Returns the ids of documents that came from there before and from nowhere else.
        """
        with self._database.write() as connection:
            row = connection.execute(
                select(documents).where(_is(tenant, document_id)).with_for_update()
            ).first()
            if row is None or row.removed:
                return []
            entry = entry_of(row)
            if entry.document.status == "ready":
                orphans = _find_orphans(connection, tenant, document_id, [source])
                _point(connection, tenant, document_id, [source])
                return orphans
            names = dict.fromkeys([*entry.declared.sources, source])
            values = {**cast("dict[str, object]", row.declared), "sources": [*names]}
            connection.execute(
                update(documents)
                .where(_is(tenant, document_id))
                .values(declared=values)
            )
        return []

    def is_outdated(self, entry: Entry) -> bool:
        """Tell whether every source of a document has a newer document by now."""
        document = entry.document
        names = [_digest(name) for name in entry.declared.sources]
        if not names:
            return False
        with self._database.read() as connection:
            newer = connection.execute(
                select(sources.c.source)
                .join(
                    documents,
                    and_(
                        documents.c.tenant == sources.c.tenant,
                        documents.c.id == sources.c.document_id,
                    ),
                )
                .where(
                    sources.c.tenant == document.tenant,
                    sources.c.source.in_(names),
                    documents.c.id != document.id,
                    documents.c.created_at > document.created_at,
                )
            ).all()
        return len(newer) == len(set(names))

    def find_replaced(self, entry: Entry) -> list[str]:
        """Return the ids of documents that this one, once ready, takes the place of."""
        with self._database.read() as connection:
            return _find_orphans(
                connection,
                entry.document.tenant,
                entry.document.id,
                entry.declared.sources,
            )

    def finish(self, document: Document, *, replaced: Iterable[str] = ()) -> bool:
        """
        Commit a ready document and drop those it replaces, in one transaction.

        False when it was removed meanwhile: then nothing is written.
        """
        with self._database.write() as connection:
            row = connection.execute(
                select(documents)
                .where(_is(document.tenant, document.id))
                .with_for_update()
            ).first()
            if row is None or row.removed:
                return False
            _point(
                connection, document.tenant, document.id, entry_of(row).declared.sources
            )
            connection.execute(
                update(documents)
                .where(_is(document.tenant, document.id))
                .values(**values_of(document))
            )
            for other in replaced:
                connection.execute(delete(documents).where(_is(document.tenant, other)))
        return True

    def mark_removed(self, tenant: str, document_id: str) -> bool:
        """Hide a document until `drop`; False when there is none."""
        return self._change(tenant, document_id, removed=True)

    def drop(self, tenant: str, document_id: str) -> None:
        """Delete the row of a removed document, and where it came from."""
        with self._database.write() as connection:
            done = connection.execute(
                delete(documents).where(
                    _is(tenant, document_id), documents.c.removed.is_(True)
                )
            )
            if done.rowcount:
                connection.execute(
                    delete(sources).where(
                        sources.c.tenant == tenant, sources.c.document_id == document_id
                    )
                )

    def list_unfinished(self) -> list[Entry]:
        """Return what is removed or in work, of all tenants, oldest first."""
        query = (
            select(documents)
            .where(
                or_(documents.c.removed.is_(True), documents.c.status.in_(_UNFINISHED))
            )
            .order_by(documents.c.created_at)
        )
        with self._database.read() as connection:
            return [entry_of(row) for row in connection.execute(query)]

    def _change(self, tenant: str, document_id: str, **values: object) -> bool:
        with self._database.write() as connection:
            done = connection.execute(
                update(documents)
                .where(_is(tenant, document_id), documents.c.removed.is_(False))
                .values(**values, updated_at=self._clock())
            )
        return done.rowcount > 0


def _is(tenant: str, document_id: str) -> Any:
    return and_(documents.c.tenant == tenant, documents.c.id == document_id)


def _digest(source: str) -> str:
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()


def _find_orphans(
    connection: Connection, tenant: str, document_id: str, names: Sequence[str]
) -> list[str]:
    """Return the documents that only *names* point to, but for *document_id*."""
    digests = [_digest(name) for name in names]
    if not digests:
        return []
    mine = and_(sources.c.tenant == tenant, sources.c.source.in_(digests))
    pointed = {
        str(row.document_id)
        for row in connection.execute(select(sources.c.document_id).where(mine))
    } - {document_id}
    if not pointed:
        return []
    elsewhere = connection.execute(
        select(sources.c.document_id).where(
            sources.c.tenant == tenant,
            sources.c.document_id.in_(pointed),
            sources.c.source.not_in(digests),
        )
    )
    return sorted(pointed - {str(row.document_id) for row in elsewhere})


def _point(
    connection: Connection, tenant: str, document_id: str, names: Sequence[str]
) -> None:
    """Let the sources *names* lead to a document."""
    for name in names:
        digest = _digest(name)
        done = connection.execute(
            update(sources)
            .where(sources.c.tenant == tenant, sources.c.source == digest)
            .values(document_id=document_id, name=name[:1000])
        )
        if not done.rowcount:
            connection.execute(
                insert(sources).values(
                    tenant=tenant,
                    source=digest,
                    document_id=document_id,
                    name=name[:1000],
                )
            )
