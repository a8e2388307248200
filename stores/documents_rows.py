"""Rows of the manifest: tables, and documents to and from them."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Integer,
    Row,
    String,
    Table,
    Text,
)

from domain.documents import Document, DocumentStatus, Validity
from domain.errors import BadRequest
from stores.sql import metadata

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


def values_of(document: Document) -> dict[str, object]:
    """Return the columns of a document, long texts cut to fit."""
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


def declared_values(declared: Declared) -> dict[str, object]:
    """Return *declared* as JSON values."""
    return {
        "media_type": declared.media_type,
        "title": declared.title,
        "url": declared.url,
        "language": declared.language,
        "metadata": dict(declared.metadata),
        "sources": list(declared.sources),
    }


def entry_of(row: Row[Any]) -> Entry:
    """Return the entry of a row with every column."""
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


def make_cursor(document: Document) -> str:
    """Return where a list goes on after *document*."""
    raw = f"{document.created_at!r}:{document.id}".encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[float, str]:
    """Return time and id of the last document seen. Raises `BadRequest`."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        raw = base64.urlsafe_b64decode(padded.encode("ascii")).decode("ascii")
        created_at, document_id = raw.split(":", 1)
        place = float(created_at)
    except (ValueError, binascii.Error) as exc:
        raise BadRequest("This cursor is not one of ours.") from exc
    if not math.isfinite(place):
        raise BadRequest("This cursor is not one of ours.")
    return place, document_id
