"""Our messages as LangChain's, and back: one shape in the graph, one in the API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from domain.conversations import Message
from domain.documents import Citation

# Everything LangChain has no field for lies under this name, as plain JSON.
OURS = "tanya"

_CITATION_FIELDS = frozenset(field.name for field in fields(Citation))


def to_langchain(message: Message) -> BaseMessage:
    """Return *message* as a human or AI message with the same id."""
    ours: dict[str, Any] = {"created_at": message.created_at}
    if message.citations:
        ours["citations"] = [_dump_citation(entry) for entry in message.citations]
    for name in ("answered", "language", "confidence"):
        value = getattr(message, name)
        if value is not None:
            ours[name] = value
    if message.extra:
        ours["extra"] = dict(message.extra)
    kind = HumanMessage if message.role == "user" else AIMessage
    return kind(content=message.text, id=message.id, additional_kwargs={OURS: ours})


def from_langchain(message: BaseMessage) -> Message:
    """Return what a message of the graph says; foreign ones have no citations."""
    found = message.additional_kwargs.get(OURS)
    ours: Mapping[str, Any] = found if isinstance(found, dict) else {}
    extra = ours.get("extra")
    return Message(
        id=message.id or "",
        role="user" if message.type == "human" else "assistant",
        text=str(message.text),
        created_at=float(ours.get("created_at") or 0.0),
        citations=tuple(_load_citation(entry) for entry in ours.get("citations", ())),
        answered=ours.get("answered"),
        language=ours.get("language"),
        confidence=ours.get("confidence"),
        extra=dict(extra) if isinstance(extra, dict) else {},
    )


def _dump_citation(citation: Citation) -> dict[str, Any]:
    entry = asdict(citation)
    entry["metadata"] = dict(citation.metadata)
    return {
        name: value
        for name, value in entry.items()
        # Absent fields come back with their defaults.
        if value is not None and value != {}
    }


def _load_citation(entry: Mapping[str, Any]) -> Citation:
    return Citation(
        **{name: value for name, value in entry.items() if name in _CITATION_FIELDS}
    )
