"""What comes in and what goes out of `/v1/documents`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from api.v1.fields import (
    LINK,
    NO_NUL,
    Characters,
    Incoming,
    Language,
    Link,
    Outgoing,
)
from domain.documents import Document

# Leaves room in a JSON body of 128 kB for two bytes in some characters.
LONGEST_TEXT = 100_000

Status = Literal["queued", "parsing", "embedding", "ready", "failed"]


_Title = Annotated[str, Characters(300, trimmed=True)]
_Source = Annotated[str, Characters(1000, trimmed=True)]
_ABOUT_URL = "Where readers find it; citations link there."
_ABOUT_LANGUAGE = "Absent: detected."
_ABOUT_SOURCE = (
    "Name of the place it came from; a later document of the same source replaces"
    " this one."
)


def _describe_form(schema: dict[str, Any]) -> None:
    fields = schema["properties"]
    for field in fields.values():
        del field["default"]
        # A form sends what was left empty too.
        field.pop("minLength", None)
    fields["title"]["pattern"] = fields["source"]["pattern"] = NO_NUL
    fields["url"]["pattern"] = f"^$|{LINK}"
    fields["language"]["enum"] = ["", *fields["language"]["enum"]]
    # The file itself is read from its part, not as a field.
    fields["file"] = {
        "type": "string",
        "contentMediaType": "application/octet-stream",
        "minLength": 1,
        # What a tool makes up is sent as a text.
        "pattern": NO_NUL,
        "description": "PDF, DOCX, HTML, Markdown, TXT, CSV, XLSX or PPTX, known by"
        " content and name.",
    }
    schema["required"] = ["file"]


class TextDocument(Incoming):
    """A document given as text."""

    title: Annotated[_Title, Field(examples=["Jam buka perpustakaan"])]
    text: Annotated[
        str,
        Characters(LONGEST_TEXT, trimmed=True, visible=True),
        Field(examples=["Perpustakaan buka pukul 08.00 sampai 20.00."]),
    ]
    url: Link | None = Field(None, description=_ABOUT_URL)
    language: Language | None = Field(None, description=_ABOUT_LANGUAGE)
    source: _Source | None = Field(None, description=_ABOUT_SOURCE)


class UploadForm(Incoming):
    """A file with what may be said about it; empty fields count as absent."""

    model_config = ConfigDict(json_schema_extra=_describe_form)

    # A form has texts and no null, so the schema must not offer one.
    title: _Title | SkipJsonSchema[None] = None
    url: Link | SkipJsonSchema[None] = Field(None, description=_ABOUT_URL)
    language: Language | SkipJsonSchema[None] = Field(None, description=_ABOUT_LANGUAGE)
    source: _Source | SkipJsonSchema[None] = Field(None, description=_ABOUT_SOURCE)


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
