"""What the rooms ask of each other, and the bundle an application is given."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Literal, Protocol

from domain.callers import Caller
from domain.conversations import (
    Conversation,
    ConversationSummary,
    Feedback,
    ItemPage,
    Message,
    StateMode,
)
from domain.curated import CuratedAnswer
from domain.deadlines import Deadline
from domain.documents import (
    Citation,
    Document,
    SearchQuery,
    SearchResult,
    Upload,
)
from domain.realtime_ports import RealtimeServices
from domain.speech_ports import SpeechServices
from domain.turns import Turn, TurnEvent
from domain.visitors import Pass, VisitorSession


class Answerer(Protocol):
    """Who answers a turn."""

    def stream(self, turn: Turn) -> AsyncIterator[TurnEvent]:
        """
        Answer *turn*: started, retrieval, deltas, completed. Close it to cancel.

        Raises:
            AppError: The turn failed; nothing of it was stored.
        """
        ...


class TurnLease(Protocol):
    """The right to run one turn of a conversation; lost if its holder stalls."""

    @property
    def configurable(self) -> Mapping[str, object]:
        """Entries for LangGraph's `configurable`: thread id and fence, `__` private."""
        ...

    @property
    def degraded(self) -> tuple[str, ...]:
        """`("state",)` when what was read or written did not reach Redis."""
        ...

    def describe(self, *, title: str, turns: int) -> None:
        """Give the line of the list; written when the lease is handed back."""
        ...


class ConversationStore(Protocol):
    """Working memory as its owner sees it."""

    def turn(
        self, tenant: str, conversation_id: str, *, deadline: Deadline
    ) -> AbstractAsyncContextManager[TurnLease]:
        """
        Wait in line for a turn.

        Raises:
            ConversationBusy: More than 4 wait already, or 20 s passed.
            StateUnavailable: Redis is away and the fallback is `refuse`.
        """
        ...

    async def list_conversations(
        self, tenant: str, *, limit: int, cursor: str | None = None
    ) -> ItemPage[ConversationSummary]:
        """Return a page, newest first. Raises `BadRequest` on a foreign cursor."""
        ...

    async def load_conversation(
        self, tenant: str, conversation_id: str
    ) -> Conversation:
        """Return it with its messages. Raises `ConversationNotFound`."""
        ...

    async def rename_conversation(
        self, tenant: str, conversation_id: str, *, title: str
    ) -> ConversationSummary:
        """Give it a title that later turns keep. Raises `ConversationNotFound`."""
        ...

    async def delete_conversation(self, tenant: str, conversation_id: str) -> None:
        """Remove it from every store. Raises `ConversationNotFound`."""
        ...

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
        """
        Write one stored message anew, between turns, and return it.

        Text and citations take the place of its own, *extra* is put on top of its own;
        the deadline holds for the wait in line as well.

        Raises:
            ConversationBusy: More than 4 wait already, or 20 s passed.
            ConversationNotFound, MessageNotFound: There is nothing to amend.
        """
        ...

    def mode(self) -> StateMode:
        """Return which store is in use, without I/O."""
        ...


class Retriever(Protocol):
    """Who finds evidence."""

    async def search(self, query: SearchQuery) -> SearchResult:
        """
        Return passages of the query's tenant, best first.

        Raises:
            RetrievalUnavailable: The store cannot be reached.
        """
        ...


class DocumentLibrary(Protocol):
    """Documents as their owner sees them. Blocking: called off the event loop."""

    def submit(self, tenant: str, upload: Upload) -> tuple[Document, bool]:
        """
        Take a document in; True when it is new, False when these bytes were there.

        Raises:
            DocumentTypeUnsupported: Neither name nor content is a known format.
            UploadStorageFull: It could not be kept until it is parsed.
        """
        ...

    def load_document(self, tenant: str, document_id: str) -> Document:
        """Return one document. Raises `DocumentNotFound`."""
        ...

    def list_documents(
        self, tenant: str, *, limit: int, cursor: str | None = None
    ) -> ItemPage[Document]:
        """Return a page, newest first. Raises `BadRequest` on a foreign cursor."""
        ...

    def remove_document(self, tenant: str, document_id: str) -> None:
        """Remove it and its passages. Raises `DocumentNotFound`."""
        ...


class FeedbackStore(Protocol):
    """Opinions on answers, and questions nobody could answer. Blocking."""

    def add_feedback(self, feedback: Feedback) -> None:
        """Keep it; a second one on the same message replaces the first."""
        ...

    def add_unanswered(
        self, tenant: str, question: str, *, language: str, asked_at: float
    ) -> None:
        """Record a refused question, counted when it was asked before."""
        ...

    def forget_conversation(self, tenant: str, conversation_id: str) -> None:
        """Remove the feedback of one conversation."""
        ...


class CuratedAnswers(Protocol):
    """Answers that people wrote. Blocking."""

    def list_answers(self, tenant: str) -> Sequence[CuratedAnswer]:
        """Return those of *tenant*. Raises `StoreUnavailable`."""
        ...


@dataclass(frozen=True, slots=True)
class StoredReply:
    """
    An answer kept for a replay: status, headers that matter, body.

    Attributes:
        conversation_id: Whose deletion takes the answer with it; not kept itself.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    conversation_id: str = field(default="", compare=False)


class IdempotencyStore(Protocol):
    """Answers kept for 24 h under (tenant, route, key)."""

    async def begin(
        self, tenant: str, route: str, key: str, *, fingerprint: str
    ) -> StoredReply | None:
        """
        Claim the key, or return the answer it already has.

        Raises:
            TurnStillRunning: The first request has not ended.
            IdempotencyKeyReused: *fingerprint* differs from the first one's.
        """
        ...

    async def finish(
        self, tenant: str, route: str, key: str, *, reply: StoredReply
    ) -> None:
        """Keep *reply* for replays."""
        ...

    async def abandon(self, tenant: str, route: str, key: str) -> None:
        """Free the key after a failure, so that a retry runs anew."""
        ...

    async def forget_conversation(self, tenant: str, conversation_id: str) -> None:
        """Drop every answer that was given in a conversation."""
        ...


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a limiter says: *limit* per *window_seconds*, and how it stands."""

    allowed: bool
    name: str
    limit: int
    remaining: int
    window_seconds: int
    reset_seconds: int


class RateLimiter(Protocol):
    """Counts requests, shared by all workers while Redis is there."""

    async def hit(self, subject: str) -> Sequence[Allowance]:
        """Count one request of *subject* against each configured limit."""
        ...


class KeyRing(Protocol):
    """Who holds which key."""

    def find_caller(self, key: str) -> Caller | None:
        """Return the program of *key*, in constant time over all keys, or None."""
        ...

    def find_device(self, key: str) -> Caller | None:
        """Return the device of *key*, which may only speak and listen, or None."""
        ...


class VisitorSessions(Protocol):
    """Who stands in front of a device, and what remains of them afterwards."""

    @property
    def silence_seconds(self) -> float:
        """Seconds without a sign of life that end a session."""
        ...

    async def begin(self, device: Caller) -> tuple[str, VisitorSession]:
        """Return a new session and its secret, which is kept nowhere."""
        ...

    async def load(self, device: Caller, secret: str) -> VisitorSession:
        """
        Return the session of *secret*; this is a sign of life.

        Raises:
            VisitorSessionEnded: It ended, never was, or is another device's.
        """
        ...

    async def end(self, device: Caller, secret: str) -> None:
        """
        End the session and forget its conversation unless a phone has opened it.

        Raises:
            VisitorSessionEnded: There is no such session any more.
        """
        ...

    async def make_link(self, session: VisitorSession) -> Pass:
        """Return a token that opens the conversation elsewhere, once."""
        ...

    async def open_link(self, token: str) -> Pass:
        """
        Take a link's token and return a visitor's.

        Raises:
            LinkUsed: It was taken before, is too old, or its session ended first.
        """
        ...

    async def find_visitor(self, token: str) -> Caller | None:
        """Return the visitor of *token*, with the conversation it is for, or None."""
        ...

    def is_pass(self, token: str) -> bool:
        """Return whether *token* was made for a visitor, without I/O."""
        ...

    async def is_open(
        self, tenant: str, conversation_id: str, *, seconds: float | None = None
    ) -> bool:
        """
        Return whether a visitor's conversation may be spoken in.

        With *seconds* this is a sign of life: the session lives so long from now.
        """
        ...

    async def may_speak(self, caller: Caller, conversation_id: str) -> bool:
        """
        Return whether *caller* may speak in a visitor's conversation; a sign of life.

        A device may while its session lives, and not longer because a phone has opened
        the conversation; others as long as it is open.
        """
        ...

    async def close_conversation(self, tenant: str, conversation_id: str) -> None:
        """Forget a conversation whose session ended, unless a phone has opened it."""
        ...


ComponentState = Literal["ok", "embedded", "off", "degraded", "unavailable"]


class HealthProbe(Protocol):
    """What the service knows about its parts, without asking them now."""

    def components(self) -> Mapping[str, str]:
        """Return `qdrant, database, model, speech_to_text, text_to_speech`."""
        ...

    def state(self) -> StateMode:
        """Return how conversations are kept at this moment."""
        ...

    def not_ready_reasons(self) -> Sequence[str]:
        """Return why a turn could not be taken now; empty when it could."""
        ...


@dataclass(slots=True)
class Services:
    """
    Everything an application needs, built by `app.build_services`.

    Attributes:
        starters: Coroutine functions run in order by the server's lifespan, after the
            fork: clients and background work are made here, never at import.
        closers: Coroutine functions run in reverse order when the server stops.
    """

    rag: Answerer
    retriever: Retriever
    conversations: ConversationStore
    documents: DocumentLibrary
    feedback: FeedbackStore
    idempotency: IdempotencyStore
    limiter: RateLimiter
    keys: KeyRing
    health: HealthProbe
    speech: SpeechServices | None = None
    visitors: VisitorSessions | None = None
    realtime: RealtimeServices | None = None
    starters: list[Callable[[], object]] = field(default_factory=list)
    closers: list[Callable[[], object]] = field(default_factory=list)
