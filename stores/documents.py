"""The manifest: one row a document, with its state and the sources it came from."""

from __future__ import annotations

import base64
import binascii
import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    Integer,
    Row,
    String,
    Table,
    Text,
    and_,
    delete,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from domain.conversations import ItemPage
from domain.documents import Document, DocumentStatus, Validity
from domain.errors import BadRequest, DocumentNotFound
from stores.sql import Database, metadata

documents = Table(
    "documents",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("file", String(255), nullable=False),
    Column("title", String(500), nullable=False),
    Column("status", String(16), nullable=False),
    Column("progress", Float, nullable=False),
    Column("chunks", Integer, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("url", Text),
    Column("language", String(8)),
    Column("validity", String(16), nullable=False),
    Column("valid_from", String(32)),
    Column("valid_until", String(32)),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    Column("error", Text),
    Column("metadata", JSON, nullable=False),
    Column("declared", JSON, nullable=False),
    Column("removed", Boolean, nullable=False),
)
sources = Table(
    "document_sources",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("source", String(64), primary_key=True),
    Column("document_id", String(64), nullable=False),
    Column("name", Text, nullable=False),
)
_UNFINISHED = ("queued", "parsing", "embedding")


@dataclass(frozen=True, slots=True)
class Declared:
    """
    What the sender said about a document, kept until it is ready.

    Attributes:
        sources: Names of the places its bytes came from.
    """

    media_type: str | None = None
    title: str | None = None
    url: str | None = None
    language: str | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the manifest; *removed*: its passages may still be in the store."""

    document: Document
    declared: Declared
    removed: bool


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
        row = {**_values(document), "declared": _declared_values(declared)}
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
        return _entry(row) if row else None

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
            created_at, last_id = _read_cursor(cursor)
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
        found = tuple(_entry(row).document for row in rows[:limit])
        more = len(rows) > limit
        return ItemPage(found, _make_cursor(found[-1]) if more and found else None)

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
        return _entry(row).document if row else None

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
        row = {**_values(document), "declared": _declared_values(declared)}
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
            entry = _entry(row)
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
                connection, document.tenant, document.id, _entry(row).declared.sources
            )
            connection.execute(
                update(documents)
                .where(_is(document.tenant, document.id))
                .values(**_values(document))
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
            return [_entry(row) for row in connection.execute(query)]

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


def _values(document: Document) -> dict[str, object]:
    return {
        "tenant": document.tenant,
        "id": document.id,
        "sha256": document.sha256,
        "file": document.file[:255],
        "title": document.title[:500],
        "status": document.status,
        "progress": document.progress,
        "chunks": document.chunks,
        "size_bytes": document.size_bytes,
        "url": document.url,
        "language": document.language,
        "validity": document.validity,
        "valid_from": document.valid_from,
        "valid_until": document.valid_until,
        "created_at": document.created_at,
        "updated_at": document.updated_at,
        "error": document.error,
        "metadata": dict(document.metadata),
    }


def _declared_values(declared: Declared) -> dict[str, object]:
    return {
        "media_type": declared.media_type,
        "title": declared.title,
        "url": declared.url,
        "language": declared.language,
        "metadata": dict(declared.metadata),
        "sources": list(declared.sources),
    }


def _entry(row: Row[Any]) -> Entry:
    declared = cast("Mapping[str, Any]", row.declared)
    return Entry(
        document=Document(
            id=row.id,
            tenant=row.tenant,
            sha256=row.sha256,
            file=row.file,
            title=row.title,
            status=cast("DocumentStatus", row.status),
            progress=row.progress,
            chunks=row.chunks,
            size_bytes=row.size_bytes,
            url=row.url,
            language=row.language,
            validity=cast("Validity", row.validity),
            valid_from=row.valid_from,
            valid_until=row.valid_until,
            created_at=row.created_at,
            updated_at=row.updated_at,
            error=row.error,
            metadata=row.metadata or {},
        ),
        declared=Declared(
            media_type=declared.get("media_type"),
            title=declared.get("title"),
            url=declared.get("url"),
            language=declared.get("language"),
            metadata=declared.get("metadata") or {},
            sources=tuple(declared.get("sources") or ()),
        ),
        removed=bool(row.removed),
    )


def _make_cursor(document: Document) -> str:
    raw = f"{document.created_at!r}:{document.id}".encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _read_cursor(cursor: str) -> tuple[float, str]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        raw = base64.urlsafe_b64decode(padded.encode("ascii")).decode("ascii")
        created_at, document_id = raw.split(":", 1)
        return float(created_at), document_id
    except (ValueError, binascii.Error) as exc:
        raise BadRequest("This cursor is not one of ours.") from exc
