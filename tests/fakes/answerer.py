"""Fakes around the agent: passages in memory, conversations in memory, a turn."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from domain.callers import Caller
from domain.conversations import (
    Conversation,
    ConversationSummary,
    ItemPage,
    Message,
    StateMode,
)
from domain.deadlines import Deadline
from domain.documents import Citation, Passage, SearchQuery, SearchResult
from domain.errors import AppError, ConversationNotFound
from domain.turns import (
    Answer,
    AnswerCompleted,
    AnswerDelta,
    Question,
    RetrievalCompleted,
    Turn,
    TurnEvent,
    TurnStarted,
)
from language.analysis import stems
from language.detection import detect_language

CALLER = Caller(tenant="acme", key_id="0123456789ab")
_NUMBERS = itertools.count(1)


def make_passage(text: str, **fields: object) -> Passage:
    """Return a passage of *text* with everything else made up."""
    number = next(_NUMBERS)
    known: dict[str, object] = {
        "id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{number}{text}")),
        "document_id": f"doc_{number:032x}",
        "tenant": CALLER.tenant,
        "ordinal": 0,
        "text": text,
        "title": f"Document {number}",
        "file": f"document-{number}.txt",
        "language": detect_language(text),
        "end": len(text),
    }
    return Passage(**{**known, **fields})  # type: ignore[arg-type]


def make_turn(
    text: str,
    *,
    conversation_id: str = "desk-1",
    seconds: float = 30.0,
    seed: Sequence[Message] = (),
    question_id: str | None = None,
    caller: Caller = CALLER,
    **fields: object,
) -> Turn:
    """Return a turn that asks *text*; *fields* belong to its question."""
    number = next(_NUMBERS)
    return Turn(
        caller=caller,
        conversation_id=conversation_id,
        question=Question(text=text, **fields),  # type: ignore[arg-type]
        question_id=question_id or f"msg_q{number:06d}",
        message_id=f"msg_a{number:06d}",
        deadline=Deadline.after(seconds),
        seed=tuple(seed),
    )


class FakeRetriever:
    """Passages of a list by the share of the question's stems that they hold."""

    def __init__(self, passages: Sequence[Passage] = ()) -> None:
        self.passages = list(passages)
        self.queries: list[SearchQuery] = []
        self.error: AppError | None = None
        self.delay = 0.0

    async def search(self, query: SearchQuery) -> SearchResult:
        self.queries.append(query)
        if self.delay:
            await asyncio.sleep(self.delay)
        if self.error is not None:
            raise self.error
        language = query.language or detect_language(query.text)
        scored: list[Passage] = []
        for passage in self.passages:
            if passage.tenant != query.tenant:
                continue
            held = set(stems(f"{passage.title} {passage.text}", passage.language))
            score = max(
                _share(set(stems(text, language)), held)
                for text in (query.text, *query.alternatives)
            )
            if score > 0:
                scored.append(replace(passage, score=score))
        scored.sort(key=lambda one: -one.score)
        return SearchResult(passages=tuple(scored[: query.limit]), language=language)


def _share(wanted: set[str], held: set[str]) -> float:
    return len(wanted & held) / len(wanted) if wanted else 0.0


@dataclass(slots=True)
class FakeLease:
    """A lease that remembers what was described."""

    configurable: Mapping[str, object]
    degraded: tuple[str, ...] = ()
    title: str = ""
    turns: int = 0

    def describe(self, *, title: str, turns: int) -> None:
        self.title, self.turns = title, turns


@dataclass(slots=True)
class FakeConversations:
    """Leases in memory: one turn at a time; the messages are the saver's business."""

    degraded: tuple[str, ...] = ()
    leases: list[FakeLease] = field(default_factory=list)
    open_turns: int = 0
    _locks: dict[str, asyncio.Lock] = field(
        default_factory=lambda: defaultdict(asyncio.Lock)
    )

    @asynccontextmanager
    async def turn(
        self, tenant: str, conversation_id: str, *, deadline: Deadline
    ) -> AsyncIterator[FakeLease]:
        thread_id = f"{tenant}/{conversation_id}"
        async with asyncio.timeout(deadline.remaining()), self._locks[thread_id]:
            lease = FakeLease(
                configurable={"thread_id": thread_id, "__owner": tenant},
                degraded=self.degraded,
            )
            self.leases.append(lease)
            self.open_turns += 1
            try:
                yield lease
            finally:
                self.open_turns -= 1

    async def list_conversations(
        self, tenant: str, *, limit: int, cursor: str | None = None
    ) -> ItemPage[ConversationSummary]:
        return ItemPage(items=())

    async def load_conversation(
        self, tenant: str, conversation_id: str
    ) -> Conversation:
        raise ConversationNotFound

    async def rename_conversation(
        self, tenant: str, conversation_id: str, *, title: str
    ) -> ConversationSummary:
        raise ConversationNotFound

    async def delete_conversation(self, tenant: str, conversation_id: str) -> None:
        raise ConversationNotFound

    async def amend_message(
        self,
        tenant: str,
        conversation_id: str,
        message_id: str,
        *,
        text: str,
        citations: Sequence[Citation],
        extra: Mapping[str, object],
        deadline: Deadline,
    ) -> Message:
        raise ConversationNotFound

    def mode(self) -> StateMode:
        return "embedded"


@dataclass(slots=True)
class FakeFeedback:
    """Remembers what nobody could answer."""

    unanswered: list[tuple[str, str, str]] = field(default_factory=list)
    error: AppError | None = None
    opinions: list[object] = field(default_factory=list)
    forgotten: list[tuple[str, str]] = field(default_factory=list)

    def add_feedback(self, feedback: object) -> None:
        self.opinions.append(feedback)

    def add_unanswered(
        self, tenant: str, question: str, *, language: str, asked_at: float
    ) -> None:
        if self.error is not None:
            raise self.error
        self.unanswered.append((tenant, question, language))

    def forget_conversation(self, tenant: str, conversation_id: str) -> None:
        self.forgotten.append((tenant, conversation_id))


class FakeAnswerer:
    """An answerer that says the same to everybody, in the given pieces."""

    def __init__(
        self,
        pieces: Sequence[str] = ("Registration opens ", "on 1 March."),
        *,
        error: AppError | None = None,
        delay: float = 0.0,
    ) -> None:
        self.pieces = tuple(pieces)
        self.error = error
        self.delay = delay
        self.turns: list[Turn] = []
        self.cancelled = 0

    async def stream(self, turn: Turn) -> AsyncIterator[TurnEvent]:
        self.turns.append(turn)
        try:
            yield TurnStarted(turn.conversation_id, turn.message_id)
            yield RetrievalCompleted(passages=0)
            for piece in self.pieces:
                await asyncio.sleep(self.delay)
                yield AnswerDelta(piece)
            if self.error is not None:
                raise self.error
            yield AnswerCompleted(
                Answer(
                    text="".join(self.pieces),
                    citations=(),
                    answered=True,
                    confidence=1.0,
                    language="en",
                    conversation_id=turn.conversation_id,
                    message_id=turn.message_id,
                    exec_time={"total": 0.0},
                )
            )
        except (GeneratorExit, asyncio.CancelledError):
            self.cancelled += 1
            raise


async def ask(answerer: object, turn: Turn) -> Answer:
    """Run *turn* to its end and return the answer; the deltas must add up to it."""
    said: list[str] = []
    answer: Answer | None = None
    async for event in answerer.stream(turn):  # type: ignore[attr-defined]
        if isinstance(event, AnswerDelta):
            said.append(event.text)
        elif isinstance(event, AnswerCompleted):
            answer = event.answer
    assert answer is not None
    assert "".join(said) == answer.text
    return answer


class SayingModel:
    """A model that says *text* word by word, or fails; counts what happened to it."""

    def __init__(
        self, text: str, *, error: AppError | None = None, delay: float = 0.0
    ) -> None:
        self.text, self.error, self.delay = text, error, delay
        self.calls = self.cancelled = 0

    async def stream_text(self, messages: Sequence[object]) -> AsyncGenerator[str]:
        self.calls += 1
        try:
            if self.error is not None:
                raise self.error
            for at, word in enumerate(self.text.split(" ")):
                await asyncio.sleep(self.delay)
                yield f" {word}" if at else word
        except (asyncio.CancelledError, GeneratorExit):
            self.cancelled += 1
            raise
