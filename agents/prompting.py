"""The messages a chat model gets: rules, fenced data, the question."""

from __future__ import annotations

import datetime
import json
import secrets
from collections.abc import Mapping, Sequence

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from domain.conversations import Message
from domain.documents import Passage
from domain.turns import Question
from prompts import answering as texts

_MARKER_BYTES = 6
_HISTORY_CHARACTERS = 4_000
_MESSAGE_CHARACTERS = 800
_CONTEXT_CHARACTERS = 2_000
_PASSAGE_CHARACTERS = 4_000


def build_answer_messages(
    question: Question,
    passages: Sequence[Passage],
    *,
    history: Sequence[Message],
    language: str,
    selection: bool,
    today: datetime.date,
) -> list[BaseMessage]:
    """
    Return the prompt of an answer.

    Args:
        question: With its page and user, which are quoted data like everything else.
        passages: Numbered from 1 as they come.
        history: Oldest first; the newest 4000 characters are used.
        language: Of the rules and of the answer.
        selection: The first passage is the selected text.
        today: For "now" and "this year".
    """
    marker = secrets.token_hex(_MARKER_BYTES)
    rules = texts.SYSTEM[language].format(
        today=today.isoformat(), marker=marker, no_answer=texts.NO_ANSWER
    )
    if selection:
        rules += "\n" + texts.SELECTION_FIRST[language]
    parts = [
        _fence(marker, f"passage {number}{_state(passage)}", _describe(passage))
        for number, passage in enumerate(passages, start=1)
    ]
    parts += _context_parts(question, history, marker=marker)
    asked = texts.QUESTION[language].format(question=_unfenced(question.text, marker))
    return [SystemMessage(rules), HumanMessage("\n\n".join((*parts, asked)))]


def build_rewrite_messages(
    question: str, *, history: Sequence[Message], language: str
) -> list[BaseMessage]:
    """Return the prompt that asks for a question without its conversation."""
    marker = secrets.token_hex(_MARKER_BYTES)
    asked = texts.QUESTION[language].format(question=_unfenced(question, marker))
    data = _fence(marker, "conversation", _tell(history))
    return [
        SystemMessage(texts.REWRITE[language].format(marker=marker)),
        HumanMessage(f"{data}\n\n{asked}"),
    ]


def _context_parts(
    question: Question, history: Sequence[Message], *, marker: str
) -> list[str]:
    parts: list[str] = []
    if history:
        parts.append(_fence(marker, "conversation", _tell(history)))
    if question.page:
        parts.append(_fence(marker, "page", _dump(question.page)))
    if question.user:
        parts.append(_fence(marker, "user", _dump(question.user)))
    return parts


def _fence(marker: str, label: str, text: str) -> str:
    return f"<{marker} {label}>\n{_unfenced(text, marker)}\n</{marker}>"


def _unfenced(text: str, marker: str) -> str:
    # The marker is random, so this never happens by chance.
    return text.replace(marker, "")


def _state(passage: Passage) -> str:
    return " superseded" if passage.validity == "superseded" else ""


def _describe(passage: Passage) -> str:
    text = passage.text
    for flagged in passage.flagged:
        text = text.replace(flagged, "")
    heading = f"Title: {passage.title}"
    if passage.section:
        heading += f"\nSection: {passage.section}"
    return f"{heading}\n\n{text.strip()[:_PASSAGE_CHARACTERS]}"


def _tell(history: Sequence[Message]) -> str:
    lines: list[str] = []
    left = _HISTORY_CHARACTERS
    for message in reversed(history):
        text = " ".join(message.text.split())[:_MESSAGE_CHARACTERS]
        left -= len(text)
        if left < 0:
            break
        lines.append(f"{message.role}: {text}")
    return "\n".join(reversed(lines))


def _dump(context: Mapping[str, object]) -> str:
    return json.dumps(context, ensure_ascii=False, default=str)[:_CONTEXT_CHARACTERS]
