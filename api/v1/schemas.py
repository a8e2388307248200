"""What comes in and what goes out of `/v1/chat` and `/v1/conversations`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field

from api.v1.fields import (
    Characters,
    Incoming,
    Language,
    Outgoing,
    WholeNumber,
    check_free_fields,
)
from domain.conversations import Conversation, ConversationSummary, Message
from domain.documents import Citation
from domain.turns import Answer

# The setting's own upper bound; the configured limit is checked by the route.
LONGEST_MESSAGE = 100_000

ConversationID = Annotated[
    str,
    Field(
        # Clients resolve `.` and `..` in a path, so what bears such a name could never
        # be read or deleted.
        pattern=r"^(\.{3,128}|\.*[A-Za-z0-9_-][A-Za-z0-9._-]*)$",
        min_length=1,
        max_length=128,
        description="Name of a conversation, chosen by the client.",
        json_schema_extra={"example": "kiosk-7"},
    ),
]


class PageContext(Incoming):
    """The page the question was asked on; given to the model as quoted data."""

    url: Annotated[str, Characters(2048)] | None = None
    title: Annotated[str, Characters(500)] | None = None
    path: Annotated[str, Characters(2048)] | None = None
    headings: (
        Annotated[list[Annotated[str, Characters(500)]], Field(max_length=50)] | None
    ) = None
    description: Annotated[str, Characters(2000)] | None = None


class UserContext(Incoming):
    """Who asks, with free further fields; quoted data, never identity."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    name: Annotated[str, Characters(200)] | None = None
    email: Annotated[str, Characters(320)] | None = None
    role: Annotated[str, Characters(200)] | None = None


class ChatRequest(Incoming):
    """One question; only `message` is required."""

    message: Annotated[
        str,
        Characters(LONGEST_MESSAGE, trimmed=True),
        Field(
            description="The question; white space around it is removed.",
            examples=["Kapan pendaftaran dibuka?"],
        ),
    ]
    stream: bool = False
    selected_text: (
        Annotated[
            str,
            Characters(8000),
            Field(description="Text the answer is about first."),
        ]
        | None
    ) = None
    page: PageContext | None = None
    user: Annotated[UserContext, AfterValidator(check_free_fields)] | None = None
    max_results: Annotated[
        int,
        Field(ge=1, le=20, description="Passages given to the answerer."),
        WholeNumber,
    ] = 5
    language: Language | None = Field(
        None, description="Language of the answer; null: that of the question."
    )


class CitationBody(Outgoing):
    """A passage as used in an answer; `index` is the `[1]` of the text."""

    index: Annotated[int, Field(ge=1)]
    document_id: str
    title: str
    file: str
    url: str | None
    section: str | None
    page: int | None
    quote: str
    score: Annotated[float, Field(ge=0, le=1)]
    supported: bool

    @classmethod
    def of(cls, citation: Citation) -> dict[str, Any]:
        """Return *citation* as JSON values."""
        return {
            "index": citation.index,
            "document_id": citation.document_id,
            "title": citation.title,
            "file": citation.file,
            "url": citation.url,
            "section": citation.section,
            "page": citation.page,
            "quote": citation.quote,
            "score": min(1.0, max(0.0, round(citation.score, 4))),
            "supported": citation.supported,
        }


class ChatAnswer(Outgoing):
    """The whole result of a turn."""

    answer: str
    sources: str = Field(description="Links of the cited documents, joined by `, `.")
    citations: list[CitationBody]
    answered: bool = Field(description="False on a refusal.")
    confidence: Annotated[float, Field(ge=0, le=1)]
    language: str
    conversation_id: str
    message_id: str
    degraded: list[str] = Field(description="Parts the turn had to do without.")
    exec_time: dict[str, float] = Field(description="Seconds by stage, with `total`.")

    @classmethod
    def of(cls, answer: Answer) -> dict[str, Any]:
        """Return *answer* as JSON values."""
        return {
            "answer": answer.text,
            "sources": answer.sources,
            "citations": [CitationBody.of(citation) for citation in answer.citations],
            "answered": answer.answered,
            "confidence": min(1.0, max(0.0, round(answer.confidence, 4))),
            "language": answer.language,
            "conversation_id": answer.conversation_id,
            "message_id": answer.message_id,
            "degraded": list(answer.degraded),
            "exec_time": {
                stage: round(seconds, 4) for stage, seconds in answer.exec_time.items()
            },
        }


class StreamEvent(Outgoing):
    """One event of a stream; `data` is the text of a JSON object."""

    event: Literal[
        "turn.started",
        "retrieval.completed",
        "answer.delta",
        "answer.completed",
        "error",
    ]
    data: str


class ConversationLine(Outgoing):
    """A line of the list of conversations; times in Unix seconds."""

    id: str
    title: str
    turns: Annotated[int, Field(ge=0)]
    updated_at: float
    expires_at: float

    @classmethod
    def of(cls, summary: ConversationSummary) -> dict[str, Any]:
        """Return *summary* as JSON values."""
        return {
            "id": summary.id,
            "title": summary.title,
            "turns": summary.turns,
            "updated_at": summary.updated_at,
            "expires_at": summary.expires_at,
        }


class ConversationList(Outgoing):
    """A page of conversations, newest first."""

    items: list[ConversationLine]
    next_cursor: str | None = Field(description="Null on the last page.")


class MessageBody(Outgoing):
    """One side of a turn."""

    id: str
    role: Literal["user", "assistant"]
    text: str
    created_at: float
    citations: list[CitationBody]
    answered: bool | None = Field(description="Null on a user's message.")
    language: str | None
    confidence: float | None
    extra: dict[str, Any]

    @classmethod
    def of(cls, message: Message) -> dict[str, Any]:
        """Return *message* as JSON values."""
        return {
            "id": message.id,
            "role": message.role,
            "text": message.text,
            "created_at": message.created_at,
            "citations": [CitationBody.of(citation) for citation in message.citations],
            "answered": message.answered,
            "language": message.language,
            "confidence": message.confidence,
            "extra": dict(message.extra),
        }


class ConversationBody(ConversationLine):
    """A conversation with its messages, oldest first."""

    messages: list[MessageBody]

    @classmethod
    def whole(cls, conversation: Conversation) -> dict[str, Any]:
        """Return *conversation* as JSON values."""
        return ConversationLine.of(conversation.summary) | {
            "messages": [MessageBody.of(message) for message in conversation.messages]
        }


class RenameRequest(Incoming):
    """Another title."""

    title: Annotated[
        str,
        Characters(200, line=True),
        Field(examples=["Pendaftaran 2026"]),
    ]


class FeedbackRequest(Incoming):
    """What a person thought of one answer."""

    message_id: Annotated[
        str,
        Characters(128, trimmed=True),
        Field(examples=["msg_01J9ZC5T7W4M8Q2V6X0YB3N1RD"]),
    ]
    kind: Literal["positive", "negative"]
    comment: Annotated[str, Characters(2000)] | None = None


class FeedbackBody(Outgoing):
    """The feedback as it was kept."""

    conversation_id: str
    message_id: str
    kind: Literal["positive", "negative"]
    comment: str | None
