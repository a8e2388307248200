"""What comes in and what goes out of `/v1/documents`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from api.v1.fields import Characters, Incoming, Language, Link, Outgoing
from domain.documents import Document

Status = Literal["queued", "parsing", "embedding", "ready", "failed"]


class DocumentFields(Incoming):
    """What may be said about a document beside its content."""

    title: Annotated[str, Characters(300, trimmed=True)] | None = None
    url: Link | None = Field(
        None, description="Where readers find it; citations link there."
    )
    language: Language | None = Field(None, description="Null: detected.")
    source: (
        Annotated[
            str,
            Characters(1000, trimmed=True),
            Field(
                description="Name of the place it came from; a later document of the"
                " same source replaces this one."
            ),
        ]
        | None
    ) = None


class TextDocument(DocumentFields):
    """A document given as text."""

    title: Annotated[
        str, Characters(300, trimmed=True), Field(examples=["Jam buka perpustakaan"])
    ]
    text: Annotated[
        str,
        Characters(128 * 1024, trimmed=True),
        Field(examples=["Perpustakaan buka pukul 08.00 sampai 20.00."]),
    ]


class DocumentAccepted(Outgoing):
    """The answer to an upload."""

    document_id: str
    status: Status


class DocumentBody(Outgoing):
    """A document and how far it is; times in Unix seconds."""

    document_id: str
    title: str
    file: str
    url: str | None
    language: str | None
    status: Status
    progress: Annotated[float, Field(ge=0, le=1)]
    chunks: Annotated[int, Field(ge=0, description="Passages in the store.")]
    size_bytes: Annotated[int, Field(ge=0)]
    validity: Literal["current", "superseded"]
    valid_from: str | None
    valid_until: str | None
    created_at: float
    updated_at: float
    error: str | None = Field(description="One sentence when the status is `failed`.")
    metadata: dict[str, Any]

    @classmethod
    def of(cls, document: Document) -> dict[str, Any]:
        """Return *document* as JSON values."""
        return {
            "document_id": document.id,
            "title": document.title,
            "file": document.file,
            "url": document.url,
            "language": document.language,
            "status": document.status,
            "progress": min(1.0, max(0.0, document.progress)),
            "chunks": document.chunks,
            "size_bytes": document.size_bytes,
            "validity": document.validity,
            "valid_from": document.valid_from,
            "valid_until": document.valid_until,
            "created_at": document.created_at,
            "updated_at": document.updated_at,
            "error": document.error,
            "metadata": dict(document.metadata),
        }


class DocumentList(Outgoing):
    """A page of documents, newest first."""

    items: list[DocumentBody]
    next_cursor: str | None = Field(description="Null on the last page.")


class UploadForm(DocumentFields):
    """A file with what may be said about it; empty fields count as absent."""

    file: Annotated[
        str,
        Field(
            description="PDF, DOCX, HTML, Markdown, TXT, CSV, XLSX or PPTX.",
            json_schema_extra={"format": "binary", "minLength": 1},
        ),
    ]
