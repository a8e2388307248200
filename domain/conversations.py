"""Conversations: the working memory that a caller names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from domain.documents import Citation

Role = Literal["user", "assistant"]
FeedbackKind = Literal["positive", "negative"]
StateMode = Literal["ok", "embedded", "file", "unavailable"]
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Message:
    """
    One side of a turn.

    Attributes:
        id: `msg_` and a ULID-like suffix; stable across retries.
        created_at: Unix seconds.
        answered: False on a refusal; None on a user's message.
        extra: Free JSON fields a door wants back (emotion, degraded, ...).
    """

    id: str
    role: Role
    text: str
    created_at: float
    citations: tuple[Citation, ...] = ()
    answered: bool | None = None
    language: str | None = None
    confidence: float | None = None
    extra: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConversationSummary:
    """A line of the list of conversations; times in Unix seconds."""

    id: str
    title: str
    turns: int
    updated_at: float
    expires_at: float


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation with its messages, oldest first."""

    summary: ConversationSummary
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class ItemPage(Generic[Item]):
    """One page of a list; *next_cursor* is opaque and None on the last page."""

    items: tuple[Item, ...]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a person thought of one answer."""

    tenant: str
    conversation_id: str
    message_id: str
    kind: FeedbackKind
    comment: str | None
    created_at: float
