"""What the service sends, as the chat needs it; unknown fields are ignored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

JSON = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Source:
    """A cited passage; *index* is the `[1]` of the answer."""

    index: int
    title: str
    quote: str
    url: str | None = None
    file: str | None = None
    section: str | None = None
    page: int | None = None
    supported: bool = True


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One side of a turn; *answered* is False for a refusal."""

    id: str
    role: str
    text: str
    sources: tuple[Source, ...] = ()
    answered: bool = True
    degraded: tuple[str, ...] = ()
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class ConversationLine:
    """A line of the list of conversations; *updated_at* in Unix seconds."""

    id: str
    title: str
    turns: int = 0
    updated_at: float = 0.0


@dataclass(frozen=True, slots=True)
class ConversationPage:
    """Conversations, newest first; *next_cursor* is None on the last page."""

    lines: tuple[ConversationLine, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """A document and how far its ingestion is (*progress* 0.0 to 1.0)."""

    id: str
    title: str
    file: str
    status: str
    progress: float = 0.0
    chunks: int = 0
    size_bytes: int = 0
    language: str | None = None
    superseded: bool = False
    error: str | None = None

    @property
    def settled(self) -> bool:
        """Nothing more happens to it by itself."""
        return self.status in {"ready", "failed"}


@dataclass(frozen=True, slots=True)
class Health:
    """What the service says about itself."""

    status: str
    version: str
    state: str
    components: Mapping[str, str]


def source_from(item: JSON) -> Source:
    """Read one citation."""
    page = item.get("page")
    return Source(
        index=int(item.get("index", 0)),
        title=str(item.get("title") or item.get("file") or item.get("url") or "?"),
        quote=str(item.get("quote") or ""),
        url=_optional(item.get("url")),
        file=_optional(item.get("file")),
        section=_optional(item.get("section")),
        page=int(page) if page else None,
        supported=bool(item.get("supported", True)),
    )


def answer_from(body: JSON) -> ChatMessage:
    """Read the body of a completed turn."""
    return ChatMessage(
        id=str(body.get("message_id") or ""),
        role="assistant",
        text=str(body.get("answer") or ""),
        sources=tuple(map(source_from, body.get("citations") or ())),
        answered=bool(body.get("answered", True)),
        degraded=tuple(map(str, body.get("degraded") or ())),
        seconds=(body.get("exec_time") or {}).get("total"),
    )


def message_from(item: JSON) -> ChatMessage:
    """Read one message of a stored conversation."""
    extra = item.get("extra") or {}
    return ChatMessage(
        id=str(item.get("id") or item.get("message_id") or ""),
        role=str(item.get("role") or "assistant"),
        text=str(item.get("text") or item.get("content") or ""),
        sources=tuple(map(source_from, item.get("citations") or ())),
        answered=item.get("answered") is not False,
        degraded=tuple(map(str, extra.get("degraded") or ())),
    )


def conversation_from(item: JSON) -> ConversationLine:
    """Read one line of the list."""
    return ConversationLine(
        id=str(item["id"]),
        title=str(item.get("title") or item["id"]),
        turns=int(item.get("turns") or 0),
        updated_at=float(item.get("updated_at") or 0.0),
    )


def document_from(item: JSON) -> DocumentLine:
    """Read one document; the answer to an upload has fewer fields than the list."""
    return DocumentLine(
        id=str(item.get("document_id") or item.get("id") or ""),
        title=str(item.get("title") or item.get("file") or ""),
        file=str(item.get("file") or ""),
        status=str(item.get("status") or "queued"),
        progress=min(1.0, max(0.0, float(item.get("progress") or 0.0))),
        chunks=int(item.get("chunks") or 0),
        size_bytes=int(item.get("size_bytes") or 0),
        language=_optional(item.get("language")),
        superseded=item.get("validity") == "superseded",
        error=_optional(item.get("error")),
    )


def health_from(body: JSON) -> Health:
    """Read the health report."""
    return Health(
        status=str(body.get("status") or "degraded"),
        version=str(body.get("version") or ""),
        state=str(body.get("redis") or "unavailable"),
        components={k: str(v) for k, v in (body.get("components") or {}).items()},
    )


def _optional(value: object) -> str | None:
    return str(value) if value else None
