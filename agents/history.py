"""What a conversation holds already, as far as the next turn needs it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace

from langchain_core.messages import BaseMessage

from agents.turn_state import Draft
from domain.conversations import Message
from domain.documents import Passage
from language.detection import detect_language
from stores.messages import from_langchain

_CITED_BEFORE = 0.1
"""Score that a follow-up gives to passages of the documents cited last."""


def read_history(
    stored: Sequence[BaseMessage] | None, seed: tuple[Message, ...]
) -> tuple[Message, ...]:
    """Return the messages of the conversation; *seed* where none are stored."""
    if not stored:
        return seed
    return tuple(from_langchain(message) for message in stored)


def last_language(history: Sequence[Message]) -> str:
    """Return the language spoken last, English in a new conversation."""
    # What a caller hands in as history does not say what it is written in.
    spoken = (
        one.language or detect_language(one.text, default="")
        for one in reversed(history)
    )
    return next(filter(None, spoken), "en")


def last_quote(history: Sequence[Message]) -> str:
    """Return what the last answer quoted first, or nothing."""
    answer = _find_last_answer(history)
    return answer.citations[0].quote if answer and answer.citations else ""


def list_told(asked: Sequence[str], user: Mapping[str, object] | None) -> list[str]:
    """Return what the person said, with the name the door knows at the far end."""
    name = (user or {}).get("name")
    known = [f"my name is {name}"] if isinstance(name, str) and name.strip() else []
    return [*known, *asked]


def prefer_cited(
    passages: Sequence[Passage], history: Sequence[Message]
) -> tuple[Passage, ...]:
    """Put passages of the documents cited last forward: the talk is about them."""
    answer = _find_last_answer(history)
    cited = {one.document_id for one in answer.citations} if answer else set()
    raised = (
        replace(one, score=min(1.0, one.score + _CITED_BEFORE))
        if one.document_id in cited
        else one
        for one in passages
    )
    return tuple(sorted(raised, key=lambda one: -one.score))


def find_replay(history: Sequence[Message], question_id: str) -> Draft | None:
    """Return the answer that an earlier try of the same question got."""
    for question, reply in itertools.pairwise(history):
        if question.id == question_id and reply.role == "assistant":
            return Draft(
                text=reply.text,
                message_id=reply.id,
                citations=reply.citations,
                answered=reply.answered is not False,
                confidence=reply.confidence if reply.confidence is not None else 1.0,
            )
    return None


def _find_last_answer(history: Sequence[Message]) -> Message | None:
    return next((one for one in reversed(history) if one.role == "assistant"), None)
