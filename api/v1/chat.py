"""`POST /v1/chat`: one question, answered as JSON or as a stream of events."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from flask import Response, request

from api import sse
from api.context import Edge, caller, edge, request_id
from api.event_streams import Wire, event_stream
from api.idempotency import Claim, fingerprint
from api.openapi import REF, Responses, errors_of, json_of
from api.problems import problem
from api.routes import Routes
from api.streams import AsyncStream
from api.v1 import examples
from api.v1.running import Completed
from api.v1.schemas import ChatAnswer, ChatRequest, StreamEvent
from api.v1.turn_headers import ChatHeaders
from api.v1.turns import PASSAGES_HEADER, RunningTurn, Step
from domain.deadlines import Deadline
from domain.errors import (
    AppError,
    BadRequest,
    ConversationBusy,
    ConversationNotFound,
    FieldProblem,
    IdempotencyKeyReused,
    InvalidConversationID,
    LeaseLost,
    MalformedBody,
    NotAcceptable,
    PayloadTooLarge,
    RequestTimeout,
    RetrievalUnavailable,
    ServerRestarting,
    StateUnavailable,
    TurnStillRunning,
    TurnTimeout,
    UnsupportedMediaType,
    UpstreamBadResponse,
    UpstreamBusy,
    UpstreamError,
    UpstreamQuotaExhausted,
    ValidationFailed,
    VisitorSessionEnded,
)
from domain.ports import StoredReply
from domain.turns import (
    AnswerDelta,
    Question,
    RetrievalCompleted,
    Turn,
    TurnStarted,
)

ROUTE = "POST /v1/chat"
REPLAYED = {"Idempotency-Replayed": "true"}


def build_routes() -> Routes:
    """Return the blueprint of the chat."""
    routes = Routes(
        "chat",
        tag="Chat",
        about="Ask the documents.",
        models=(ChatRequest, ChatAnswer, StreamEvent),
        url_prefix="/v1",
    )
    routes.post(
        "/chat",
        operation_id="chat",
        summary="Ask a question",
        description=examples.CHAT_DESCRIPTION,
        responses=_responses(),
        openapi_extensions=None,
    )(chat)
    return routes


async def chat(header: ChatHeaders, body: ChatRequest) -> Response:
    """Answer one question in its conversation."""
    here = edge()
    _check_length(body.message, limit=here.options.message_chars)
    streamed = _wants_stream(body)
    # A visitor's keys are the visitor's own, as a program's are the tenant's.
    scope = "" if caller().kind == "program" else f" {header.conversation_id}"
    claim = Claim(
        store=here.services.idempotency,
        tenant=caller().tenant,
        route=ROUTE + scope,
        key=header.idempotency_key,
        digest=fingerprint(header.conversation_id, body.model_dump()),
    )
    stored = await claim.begin()
    if stored is not None:
        return _replay(stored, streamed=streamed)
    turn = _turn(header.conversation_id, body, claim, seconds=here.options.turn_seconds)
    if streamed:
        return _stream(here, turn, claim)
    return await _whole(here, turn, claim)


def _check_length(message: str, *, limit: int) -> None:
    if len(message) > limit:
        reason = f"must have at most {limit} characters"
        raise ValidationFailed(problems=(FieldProblem("message", reason),))


def _wants_stream(body: ChatRequest) -> bool:
    accept = request.accept_mimetypes
    if body.stream:
        return True
    if not accept or accept["application/json"]:
        # A wildcard is content with JSON; only a stream that is named is preferred.
        named = dict(accept)
        return named.get("text/event-stream", 0) > named.get("application/json", 0)
    if accept["text/event-stream"]:
        return True
    raise NotAcceptable("Answers are application/json or text/event-stream.")


def _turn(
    conversation_id: str, body: ChatRequest, claim: Claim, *, seconds: float
) -> Turn:
    question_id, message_id = claim.message_ids(conversation_id)
    return Turn(
        caller=caller(),
        conversation_id=conversation_id,
        question=Question(
            text=body.message,
            selected_text=body.selected_text,
            page=body.page.model_dump(exclude_none=True) if body.page else None,
            user=body.user.model_dump(exclude_none=True) if body.user else None,
            max_results=body.max_results,
            language=body.language,
        ),
        question_id=question_id,
        message_id=message_id,
        deadline=Deadline.after(seconds),
    )


async def _whole(here: Edge, turn: Turn, claim: Claim) -> Response:
    running = RunningTurn(
        here.services.rag, turn, claim=claim, metrics=here.metrics, streamed=False
    )
    try:
        return _json(await running.whole())
    finally:
        # The bridge cancels this view when the client leaves.
        await running.close()


def _json(body: bytes, headers: Mapping[str, str] | None = None) -> Response:
    return Response(body, headers=headers, content_type="application/json")


def _stream(here: Edge, turn: Turn, claim: Claim) -> AsyncStream:
    number = request_id()

    def fail(error: AppError) -> bytes:
        return sse.write_event("error", problem(error, request_id=number))

    def run() -> RunningTurn:
        return RunningTurn(here.services.rag, turn, claim=claim, metrics=here.metrics)

    return event_stream(here, run, Wire(_chunk, fail))


def _chunk(step: Step) -> bytes:
    match step:
        case TurnStarted(conversation_id, message_id):
            data = {"conversation_id": conversation_id, "message_id": message_id}
            return sse.write_event("turn.started", data)
        case RetrievalCompleted(passages):
            return sse.write_event("retrieval.completed", {"passages": passages})
        case AnswerDelta(text):
            return sse.write_event("answer.delta", {"delta": text})
        case Completed(body):
            return b"event: answer.completed\ndata: " + body + b"\n\n"


def _replay(stored: StoredReply, *, streamed: bool) -> Response:
    if not streamed:
        return _json(stored.body, REPLAYED)
    body = orjson.loads(stored.body)
    steps: tuple[Step, ...] = (
        TurnStarted(body["conversation_id"], body["message_id"]),
        RetrievalCompleted(int(stored.headers.get(PASSAGES_HEADER, 0))),
        AnswerDelta(body["answer"]),
        Completed(stored.body),
    )
    return Response(
        b"".join(map(_chunk, steps)),
        headers=sse.HEADERS | REPLAYED,
        mimetype="text/event-stream",
    )


def _responses() -> Responses:
    answer = json_of(
        ChatAnswer,
        examples.ANSWER,
        description="The answer, or the refusal.",
        headers={"Idempotency-Replayed": "`true` on a stored answer."},
    )
    answer["content"]["text/event-stream"] = {
        "schema": {"$ref": REF + StreamEvent.__name__},
        "example": examples.EVENT,
    }
    return {"200": answer} | errors_of(
        BadRequest,
        InvalidConversationID,
        MalformedBody,
        NotAcceptable,
        ConversationNotFound,
        RequestTimeout,
        ConversationBusy,
        TurnStillRunning,
        LeaseLost,
        VisitorSessionEnded,
        PayloadTooLarge,
        UnsupportedMediaType,
        ValidationFailed,
        IdempotencyKeyReused,
        UpstreamError,
        UpstreamBadResponse,
        ServerRestarting,
        StateUnavailable,
        RetrievalUnavailable,
        UpstreamBusy,
        UpstreamQuotaExhausted,
        TurnTimeout,
    )
