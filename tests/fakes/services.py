"""A whole `Services` of fakes: everything in memory, every failure on demand."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from agents.early_search import EarlySearch
from agents.realtime import RealtimeTalks
from api.v1.ids import new_message_id
from domain.callers import Caller
from domain.conversations import (
    Conversation,
    ConversationSummary,
    Feedback,
    ItemPage,
    Message,
    StateMode,
)
from domain.deadlines import Deadline
from domain.documents import Citation, Document, SearchQuery, SearchResult, Upload
from domain.errors import (
    AppError,
    BadRequest,
    ConversationNotFound,
    DocumentNotFound,
    DocumentTypeUnsupported,
    IdempotencyKeyReused,
    MessageNotFound,
    TurnStillRunning,
)
from domain.ports import Allowance, Services, StoredReply, TurnLease
from domain.realtime_ports import RealtimeServices
from domain.turns import (
    Answer,
    AnswerCompleted,
    AnswerDelta,
    RetrievalCompleted,
    Turn,
    TurnEvent,
    TurnStarted,
)
from stores.kiosk import KioskSessions
from stores.realtime_secrets import SharedSecrets
from tests.fakes.sound import FakeSound
from tests.fakes.visitors import MemoryRecords, make_sessions

Item = TypeVar("Item")

KEY = "tanya_test-key-of-the-default-tenant-0000"
OTHER_KEY = "tanya_test-key-of-the-other-tenant-000000"
DEVICE_KEY = "tanya_test-key-of-the-kiosk-in-the-hall-00"
SECOND_DEVICE_KEY = "tanya_test-key-of-the-kiosk-upstairs-00000"
OTHER_DEVICE_KEY = "tanya_test-key-of-the-other-tenants-kiosk0"
LIFE_SECONDS = 86_400.0


@dataclass
class FakeConversations:
    """Conversations in a dict; `mode_now` is what it says of itself."""

    mode_now: StateMode = "ok"
    kept: dict[tuple[str, str], Conversation] = field(default_factory=dict)
    failure: AppError | None = None

    @contextlib.asynccontextmanager
    async def turn(
        self, tenant: str, conversation_id: str, *, deadline: Deadline
    ) -> AsyncIterator[TurnLease]:
        deadline.remaining()
        yield FakeLease(f"{tenant}/{conversation_id}")

    async def list_conversations(
        self, tenant: str, *, limit: int, cursor: str | None = None
    ) -> ItemPage[ConversationSummary]:
        self._fail()
        lines = sorted(
            (item.summary for (owner, _), item in self.kept.items() if owner == tenant),
            key=lambda line: -line.updated_at,
        )
        return page_of(lines, limit=limit, cursor=cursor)

    async def load_conversation(
        self, tenant: str, conversation_id: str
    ) -> Conversation:
        self._fail()
        try:
            return self.kept[tenant, conversation_id]
        except KeyError:
            raise ConversationNotFound from None

    async def rename_conversation(
        self, tenant: str, conversation_id: str, *, title: str
    ) -> ConversationSummary:
        conversation = await self.load_conversation(tenant, conversation_id)
        summary = replace(conversation.summary, title=title)
        self.kept[tenant, conversation_id] = replace(conversation, summary=summary)
        return summary

    async def delete_conversation(self, tenant: str, conversation_id: str) -> None:
        await self.load_conversation(tenant, conversation_id)
        del self.kept[tenant, conversation_id]

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
        deadline.remaining()
        conversation = await self.load_conversation(tenant, conversation_id)
        for message in conversation.messages:
            if message.id == message_id:
                amended = replace(
                    message,
                    text=text,
                    citations=tuple(citations),
                    extra={**message.extra, **extra},
                )
                break
        else:
            raise MessageNotFound
        messages = tuple(
            amended if one.id == message_id else one for one in conversation.messages
        )
        kept = replace(conversation, messages=messages)
        self.kept[tenant, conversation_id] = kept
        return amended

    def mode(self) -> StateMode:
        return self.mode_now

    def add(self, tenant: str, conversation_id: str, *messages: Message) -> None:
        """Append *messages*, as a turn does when it commits."""
        now = time.time()
        old = self.kept.get((tenant, conversation_id))
        earlier = old.messages if old else ()
        title = old.summary.title if old else messages[0].text[:80]
        self.kept[tenant, conversation_id] = Conversation(
            ConversationSummary(
                id=conversation_id,
                title=title,
                turns=(len(earlier) + len(messages)) // 2,
                updated_at=now,
                expires_at=now + LIFE_SECONDS,
            ),
            (*earlier, *messages),
        )

    def _fail(self) -> None:
        if self.failure:
            raise self.failure


@dataclass(frozen=True)
class FakeLease:
    thread_id: str
    degraded: tuple[str, ...] = ()

    @property
    def configurable(self) -> Mapping[str, object]:
        return {"thread_id": self.thread_id}

    def describe(self, *, title: str, turns: int) -> None:
        """Nothing is listed but what was added."""


def page_of(items: Sequence[Item], *, limit: int, cursor: str | None) -> ItemPage[Item]:
    """Return the page that begins at *cursor*, a number."""
    if cursor is not None and not cursor.isdigit():
        raise BadRequest("The cursor is not from this list.")
    start = int(cursor or 0)
    end = start + limit
    return ItemPage(tuple(items[start:end]), str(end) if end < len(items) else None)


def citation() -> Citation:
    """Return a citation of the admissions guide."""
    return Citation(
        index=1,
        document_id="doc_5f0c7a9be1d24c6fa3b1d0e8c94f7726",
        title="Panduan PMB",
        file="02-admissions-guide.pdf",
        quote="Pendaftaran dibuka pada 1 Maret 2026.",
        score=0.83,
        url="https://example.ac.id/pmb",
        section="Jadwal",
        page=3,
    )


@dataclass
class FakeAnswerer:
    """
    Answers every question the same; refuses one with "unanswerable" in it.

    Attributes:
        pause: Awaited between the words, so that tests can hold a turn.
        wait_first: Awaited before the first event, as in a conversation's line.
        failure_first: Raised before the first event.
        failure_midway: Raised after the first word.
        turns: What it was asked.
        cancelled: Turns whose generator was closed before its end.
    """

    conversations: FakeConversations
    pause: asyncio.Event | None = None
    wait_first: asyncio.Event | None = None
    failure_first: BaseException | None = None
    failure_midway: BaseException | None = None
    degraded: tuple[str, ...] = ()
    turns: list[Turn] = field(default_factory=list)
    cancelled: int = 0

    async def stream(self, turn: Turn) -> AsyncIterator[TurnEvent]:
        self.turns.append(turn)
        completed = False
        try:
            if self.wait_first:
                await self.wait_first.wait()
            if self.failure_first:
                raise self.failure_first
            yield TurnStarted(turn.conversation_id, turn.message_id)
            yield RetrievalCompleted(5)
            answer = self._answer(turn)
            for number, word in enumerate(answer.text.split(" ")):
                yield AnswerDelta(f" {word}" if number else word)
                if self.failure_midway:
                    raise self.failure_midway
                if self.pause:
                    await self.pause.wait()
            if turn.kept:
                self._commit(turn, answer)
            completed = True
            yield AnswerCompleted(answer)
        finally:
            self.cancelled += not completed

    def _answer(self, turn: Turn) -> Answer:
        answered = "unanswerable" not in turn.question.text
        return Answer(
            text="Pendaftaran dibuka 1 Maret 2026 [1]."
            if answered
            else "Saya tidak menemukannya. / I did not find it.",
            citations=(citation(),) if answered else (),
            answered=answered,
            confidence=0.83 if answered else 0.1,
            language=turn.question.language or "id",
            conversation_id=turn.conversation_id,
            message_id=turn.message_id,
            degraded=self.degraded,
            exec_time={"retrieve": 0.01, "generate": 0.02, "total": 0.03},
        )

    def _commit(self, turn: Turn, answer: Answer) -> None:
        now = time.time()
        self.conversations.add(
            turn.caller.tenant,
            turn.conversation_id,
            Message(turn.question_id, "user", turn.question.text, now),
            Message(
                turn.message_id,
                "assistant",
                answer.text,
                now,
                citations=answer.citations,
                answered=answer.answered,
                language=answer.language,
                confidence=answer.confidence,
            ),
        )


class FakeRetriever:
    """Finds nothing."""

    async def search(self, query: SearchQuery) -> SearchResult:
        return SearchResult((), query.language or "id")


_SUFFIXES = (".pdf", ".docx", ".html", ".md", ".txt", ".csv", ".xlsx", ".pptx")


@dataclass
class FakeDocuments:
    """Documents in a dict, known by tenant and bytes, queued for ever."""

    kept: dict[tuple[str, str], Document] = field(default_factory=dict)
    uploads: list[Upload] = field(default_factory=list)
    failure: AppError | None = None

    def submit(self, tenant: str, upload: Upload) -> tuple[Document, bool]:
        if self.failure:
            raise self.failure
        is_text = (upload.media_type or "").startswith("text/")
        if not is_text and not upload.file.lower().endswith(_SUFFIXES):
            raise DocumentTypeUnsupported
        self.uploads.append(upload)
        digest = hashlib.sha256(upload.content).hexdigest()
        identity = hashlib.sha256(f"{tenant}/{digest}".encode()).hexdigest()
        document_id = f"doc_{identity[:32]}"
        known = self.kept.get((tenant, document_id))
        if known:
            return known, False
        now = time.time()
        document = Document(
            id=document_id,
            tenant=tenant,
            sha256=digest,
            file=upload.file,
            title=upload.title or upload.file,
            status="queued",
            size_bytes=len(upload.content),
            url=upload.url,
            language=upload.language,
            created_at=now,
            updated_at=now,
        )
        self.kept[tenant, document_id] = document
        return document, True

    def load_document(self, tenant: str, document_id: str) -> Document:
        try:
            return self.kept[tenant, document_id]
        except KeyError:
            raise DocumentNotFound from None

    def list_documents(
        self, tenant: str, *, limit: int, cursor: str | None = None
    ) -> ItemPage[Document]:
        found = [item for (owner, _), item in self.kept.items() if owner == tenant]
        return page_of(found[::-1], limit=limit, cursor=cursor)

    def remove_document(self, tenant: str, document_id: str) -> None:
        self.load_document(tenant, document_id)
        del self.kept[tenant, document_id]


@dataclass
class FakeFeedback:
    """Feedback in a dict."""

    kept: dict[tuple[str, str, str], Feedback] = field(default_factory=dict)
    unanswered: list[tuple[str, str]] = field(default_factory=list)

    def add_feedback(self, feedback: Feedback) -> None:
        key = (feedback.tenant, feedback.conversation_id, feedback.message_id)
        self.kept[key] = feedback

    def add_unanswered(
        self, tenant: str, question: str, *, language: str, asked_at: float
    ) -> None:
        self.unanswered.append((tenant, question))

    def forget_conversation(self, tenant: str, conversation_id: str) -> None:
        for key in [key for key in self.kept if key[:2] == (tenant, conversation_id)]:
            del self.kept[key]


@dataclass
class FakeIdempotency:
    """Replies in a dict."""

    kept: dict[tuple[str, str, str], tuple[str, StoredReply | None]] = field(
        default_factory=dict
    )

    async def begin(
        self, tenant: str, route: str, key: str, *, fingerprint: str
    ) -> StoredReply | None:
        known = self.kept.get((tenant, route, key))
        if known is None:
            self.kept[tenant, route, key] = (fingerprint, None)
            return None
        if known[0] != fingerprint:
            raise IdempotencyKeyReused
        if known[1] is None:
            raise TurnStillRunning
        return known[1]

    async def finish(
        self, tenant: str, route: str, key: str, *, reply: StoredReply
    ) -> None:
        digest, _ = self.kept[tenant, route, key]
        self.kept[tenant, route, key] = (digest, reply)

    async def abandon(self, tenant: str, route: str, key: str) -> None:
        self.kept.pop((tenant, route, key), None)

    async def forget_conversation(self, tenant: str, conversation_id: str) -> None:
        for name, (_, reply) in list(self.kept.items()):
            if reply and (name[0], reply.conversation_id) == (tenant, conversation_id):
                del self.kept[name]


@dataclass
class FakeLimiter:
    """Counts in a dict, for ever."""

    limit: int = 1000
    counts: dict[str, int] = field(default_factory=dict)

    async def hit(self, subject: str) -> Sequence[Allowance]:
        count = self.counts[subject] = self.counts.get(subject, 0) + 1
        return [
            Allowance(
                allowed=count <= self.limit,
                name="hour",
                limit=self.limit,
                remaining=max(0, self.limit - count),
                window_seconds=3600,
                reset_seconds=1800,
            )
        ]


class FakeKeys:
    """Two tenants with a key each, and three devices."""

    def __init__(self) -> None:
        self._callers = {
            KEY: Caller("default", "000000000001"),
            OTHER_KEY: Caller("other", "000000000002"),
        }

        self._devices = {
            DEVICE_KEY: Caller("default", "00000000000a", kind="device"),
            SECOND_DEVICE_KEY: Caller("default", "00000000000b", kind="device"),
            OTHER_DEVICE_KEY: Caller("other", "00000000000c", kind="device"),
        }

    def find_caller(self, key: str) -> Caller | None:
        return self._callers.get(key)

    def find_device(self, key: str) -> Caller | None:
        return self._devices.get(key)


@dataclass
class FakeHealth:
    """Says what it is told."""

    conversations: FakeConversations
    parts: dict[str, str] = field(
        default_factory=lambda: {
            "qdrant": "embedded",
            "database": "ok",
            "model": "off",
            "speech_to_text": "off",
            "text_to_speech": "off",
        }
    )
    reasons: list[str] = field(default_factory=list)

    def components(self) -> Mapping[str, str]:
        return self.parts

    def state(self) -> StateMode:
        return self.conversations.mode()

    def not_ready_reasons(self) -> Sequence[str]:
        return self.reasons


@dataclass
class FakeParts:
    """The fakes by their own types, so that tests can set them up."""

    conversations: FakeConversations
    rag: FakeAnswerer
    documents: FakeDocuments
    feedback: FakeFeedback
    idempotency: FakeIdempotency
    limiter: FakeLimiter
    health: FakeHealth
    visitors: KioskSessions
    sound: FakeSound = field(default_factory=FakeSound)
    secrets: MemoryRecords = field(default_factory=MemoryRecords)

    def services(self) -> Services:
        """Return them as the bundle an application is given."""
        speech = self.sound.services(self.rag)
        talks = RealtimeTalks(
            speech=speech,
            conversations=self.conversations,
            early=EarlySearch(FakeRetriever()),
            new_id=new_message_id,
        )
        return Services(
            rag=self.rag,
            retriever=FakeRetriever(),
            conversations=self.conversations,
            documents=self.documents,
            feedback=self.feedback,
            idempotency=self.idempotency,
            limiter=self.limiter,
            keys=FakeKeys(),
            health=self.health,
            visitors=self.visitors,
            speech=speech,
            realtime=RealtimeServices(talks, SharedSecrets(self.secrets)),
        )


def make_parts(*, limit: int = 1000) -> FakeParts:
    """Return a fresh set of fakes."""
    conversations = FakeConversations()
    idempotency = FakeIdempotency()

    async def forget(tenant: str, conversation_id: str) -> None:
        conversations.kept.pop((tenant, conversation_id), None)
        await idempotency.forget_conversation(tenant, conversation_id)

    return FakeParts(
        conversations=conversations,
        rag=FakeAnswerer(conversations),
        documents=FakeDocuments(),
        feedback=FakeFeedback(),
        idempotency=idempotency,
        limiter=FakeLimiter(limit),
        health=FakeHealth(conversations),
        visitors=make_sessions(forget),
    )
