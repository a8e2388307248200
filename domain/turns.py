"""A turn: one question, its events, its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.callers import Caller
from domain.conversations import Message
from domain.deadlines import Deadline
from domain.documents import Citation


@dataclass(frozen=True, slots=True)
class Question:
    """
    What was asked, with its context.

    Attributes:
        text: 1 to 5000 characters, trimmed, no NUL and no lone surrogates.
        selected_text: Up to 8000 characters the answer is about first.
        page: `url, title, path, headings, description` of the page; quoted data.
        user: `name, email, role` and free fields; quoted data, never identity.
        max_results: Passages given to the answerer, 1 to 20.
        language: `id`, `en`, or None to detect it.
    """

    text: str
    selected_text: str | None = None
    page: Mapping[str, object] | None = None
    user: Mapping[str, object] | None = None
    max_results: int = 5
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """
    One question of one caller in one conversation.

    Attributes:
        question_id: Id of the user's message; a retry carries the same one.
        message_id: Id the answer will have.
        deadline: Wall-clock budget of everything the turn does.
        seed: Messages to start from when the working memory is gone.
        kept: Question and answer go into the working memory. False: the turn reads and
            leaves nothing there, waits in no line, and its history is the seed.
    """

    caller: Caller
    conversation_id: str
    question: Question
    question_id: str
    message_id: str
    deadline: Deadline
    seed: tuple[Message, ...] = ()
    kept: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """
    The whole result of a turn.

    Attributes:
        text: The answer with its `[n]` marks, or the refusal.
        answered: False for a refusal, which has no citations.
        confidence: 0.0 to 1.0: how sure the gate is that the documents answer this.
        degraded: Parts the turn had to do without: `state`, `retrieval`, `model`, ...
        exec_time: Seconds by stage, with `total`.
    """

    text: str
    citations: tuple[Citation, ...]
    answered: bool
    confidence: float
    language: str
    conversation_id: str
    message_id: str
    degraded: tuple[str, ...] = ()
    exec_time: Mapping[str, float] = field(default_factory=dict)

    @property
    def sources(self) -> str:
        """Links of the cited documents, each once, in order of use, joined by `, `."""
        return ", ".join(dict.fromkeys(citation.link for citation in self.citations))


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """The turn holds its place; nothing was looked up yet."""

    conversation_id: str
    message_id: str


@dataclass(frozen=True, slots=True)
class RetrievalCompleted:
    """Evidence was looked for; *passages* were found."""

    passages: int


@dataclass(frozen=True, slots=True)
class AnswerDelta:
    """More text of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class AnswerCompleted:
    """The turn is stored; this is its answer."""

    answer: Answer


TurnEvent = TurnStarted | RetrievalCompleted | AnswerDelta | AnswerCompleted
