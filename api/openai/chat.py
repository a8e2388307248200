"""`POST /v1/chat/completions`: an answer from the documents, in OpenAI's words."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import orjson
from flask import Response
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from api.context import Edge, caller, edge
from api.idempotency import Claim
from api.openai.chat_schemas import ChatMessage, CompletionRequest
from api.openai.completions import CompletionWriter
from api.openai.models import CHAT, check_model
from api.openai.streaming import openai_stream
from api.routes import Parameters, json_response
from api.v1.ids import new_message_id
from api.v1.running import Completed
from api.v1.schemas import ConversationID
from api.v1.turns import RunningTurn, Step
from domain.conversations import Message
from domain.deadlines import Deadline
from domain.errors import (
    AppError,
    FieldProblem,
    InvalidConversationID,
    ValidationFailed,
)
from domain.turns import (
    AnswerDelta,
    Question,
    RetrievalCompleted,
    Turn,
    TurnStarted,
)

ROUTE = "POST /v1/chat/completions"

# The answerer looks at less; clients send everything, however long it has become.
MOST_EARLIER = 40


class CompletionHeaders(Parameters):
    """Headers of a completion."""

    refusals: ClassVar[Mapping[str, type[AppError]]] = {
        "X-Conversation-Id": InvalidConversationID
    }

    conversation_id: ConversationID | SkipJsonSchema[None] = Field(
        None, alias="X-Conversation-Id"
    )


async def create_completion(
    header: CompletionHeaders, body: CompletionRequest
) -> Response:
    """Answer the last user message of a conversation."""
    check_model(body.model, CHAT)
    here = edge()
    turn = _turn(header.conversation_id, body, here)
    options = body.stream_options
    writer = CompletionWriter(
        model=body.model,
        prompt_chars=sum(len(message.content) for message in body.messages),
        include_usage=bool(options and options.include_usage),
    )
    if body.stream:
        run = partial(_run, here, turn, streamed=True)
        return openai_stream(here, run, partial(_write, writer))
    return await _whole(_run(here, turn, streamed=False), writer)


def _turn(conversation_id: str | None, body: CompletionRequest, here: Edge) -> Turn:
    earlier, question = _split(body.messages)
    _check_length(question.content, limit=here.options.message_chars)
    return Turn(
        caller=caller(),
        # Unused but for its place in the answer: nothing is kept under it.
        conversation_id=conversation_id or f"unkept-{secrets.token_hex(16)}",
        question=Question(
            text=question.content, user={"id": body.user} if body.user else None
        ),
        question_id=new_message_id(),
        message_id=new_message_id(),
        deadline=Deadline.after(here.options.turn_seconds),
        seed=() if conversation_id else _history(earlier),
        kept=conversation_id is not None,
    )


def _split(
    messages: Sequence[ChatMessage],
) -> tuple[Sequence[ChatMessage], ChatMessage]:
    """Return what was said before the last user message, and that message."""
    for number in range(len(messages) - 1, -1, -1):
        if messages[number].role == "user":
            return messages[:number], messages[number]
    raise ValidationFailed(
        problems=(FieldProblem("messages", "must hold a message of the user"),)
    )


def _check_length(text: str, *, limit: int) -> None:
    if len(text) > limit:
        reason = f"the question must have at most {limit} characters"
        raise ValidationFailed(problems=(FieldProblem("messages", reason),))


def _history(messages: Sequence[ChatMessage]) -> tuple[Message, ...]:
    """Return the newest of what user and assistant said."""
    now = time.time()
    said = [
        message
        for message in messages
        if message.role in {"user", "assistant"} and message.content.strip()
    ]
    return tuple(
        Message(
            id=new_message_id(),
            role="user" if message.role == "user" else "assistant",
            text=message.content,
            created_at=now,
        )
        for message in said[-MOST_EARLIER:]
    )


def _run(here: Edge, turn: Turn, *, streamed: bool) -> RunningTurn:
    claim = Claim(
        store=here.services.idempotency,
        tenant=turn.caller.tenant,
        route=ROUTE,
        key=None,
        digest="",
    )
    return RunningTurn(
        here.services.rag, turn, claim=claim, metrics=here.metrics, streamed=streamed
    )


async def _whole(running: RunningTurn, writer: CompletionWriter) -> Response:
    try:
        return json_response(writer.whole(orjson.loads(await running.whole())))
    finally:
        # The bridge cancels this view when the client leaves.
        await running.close()


def _write(writer: CompletionWriter, step: Step) -> bytes:
    match step:
        case TurnStarted():
            return writer.first()
        case RetrievalCompleted():
            return b""
        case AnswerDelta(text):
            return writer.delta(text)
        case Completed(body):
            answer: dict[str, Any] = orjson.loads(body)
            return writer.last(answer)
