"""`/v1/conversations`: what was said, and what people thought of it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

from flask import Response
from pydantic import BeforeValidator, Field
from pydantic.json_schema import SkipJsonSchema

from api.context import caller, edge, services
from api.openapi import Responses, empty, errors_of, json_of
from api.routes import Parameters, Routes, json_response
from api.v1 import examples
from api.v1.fields import Characters
from api.v1.schemas import (
    ConversationBody,
    ConversationID,
    ConversationLine,
    ConversationList,
    FeedbackBody,
    FeedbackRequest,
    RenameRequest,
)
from domain.conversations import Feedback
from domain.errors import (
    AppError,
    BadRequest,
    ConversationBusy,
    ConversationNotFound,
    InvalidConversationID,
    MalformedBody,
    MessageNotFound,
    NotFound,
    PayloadTooLarge,
    StateUnavailable,
    StoreBusy,
    StoreUnavailable,
    UnsupportedMediaType,
    ValidationFailed,
)


def _digits(value: object) -> object:
    # pydantic reads "1_0", " 5 " and "5.0" as numbers; a query does not.
    if isinstance(value, str) and not (value.isascii() and value.isdigit()):
        raise ValueError("should be a whole number")
    return value


class ConversationPath(Parameters):
    """Which conversation."""

    refusals: ClassVar[Mapping[str, type[AppError]]] = {
        "conversation_id": InvalidConversationID
    }

    conversation_id: ConversationID


class PageQuery(Parameters):
    """Which page of a list."""

    limit: Annotated[
        int,
        Field(ge=1, le=100, description="Items on a page."),
        BeforeValidator(_digits),
    ] = 20
    cursor: (
        Annotated[str, Characters(500), Field(min_length=1)] | SkipJsonSchema[None]
    ) = Field(None, description="`next_cursor` of the page before.")


@contextlib.contextmanager
def foreign_cursor_is_absent() -> Iterator[None]:
    """
    Turn the refusal of a cursor into 404: it names a page, and there is no such one.

    A client, or a test tool, cannot tell a well-formed cursor from an issued one.
    """
    try:
        yield
    except BadRequest as exc:
        raise NotFound("There is no such page.") from exc


def build_routes() -> Routes:
    """Return the blueprint of the conversations."""
    routes = Routes(
        "conversations",
        tag="Conversations",
        about="Read, rename and forget conversations; say what an answer was worth.",
        models=(
            ConversationList,
            ConversationBody,
            ConversationLine,
            RenameRequest,
            FeedbackRequest,
            FeedbackBody,
        ),
        url_prefix="/v1/conversations",
    )
    one = "/<string:conversation_id>"
    body_errors = (
        MalformedBody,
        PayloadTooLarge,
        UnsupportedMediaType,
        ValidationFailed,
    )
    gone = (InvalidConversationID, ConversationNotFound, StateUnavailable)
    routes.get(
        "",
        operation_id="list_conversations",
        summary="List conversations, newest first",
        responses=_with(
            json_of(
                ConversationList,
                {"items": [examples.CONVERSATION], "next_cursor": None},
                description="A page.",
            ),
            ValidationFailed,
            NotFound,
            StateUnavailable,
        ),
    )(list_conversations)
    routes.get(
        one,
        operation_id="get_conversation",
        summary="Read a conversation",
        responses=_with(
            json_of(
                ConversationBody,
                examples.CONVERSATION | {"messages": examples.MESSAGES},
                description="Its messages, oldest first.",
            ),
            *gone,
        ),
    )(get_conversation)
    routes.patch(
        one,
        operation_id="rename_conversation",
        summary="Give a conversation another title",
        responses=_with(
            json_of(ConversationLine, examples.CONVERSATION, description="Renamed."),
            *gone,
            *body_errors,
        ),
    )(rename_conversation)
    routes.delete(
        one,
        operation_id="delete_conversation",
        summary="Forget a conversation",
        responses={"204": empty("Gone from every store.")}
        | errors_of(BadRequest, *gone, ConversationBusy, StoreBusy, StoreUnavailable),
    )(delete_conversation)
    routes.post(
        one + "/feedback",
        operation_id="give_feedback",
        summary="Say what an answer was worth",
        responses=_with(
            json_of(
                FeedbackBody,
                {"conversation_id": "kiosk-7"} | examples.FEEDBACK,
                description="Kept; a second one on the same answer replaces the first.",
            ),
            *gone,
            MessageNotFound,
            StoreBusy,
            StoreUnavailable,
            *body_errors,
        ),
    )(give_feedback)
    return routes


def _with(answer: dict[str, Any], *errors: type[AppError]) -> Responses:
    return {"200": answer} | errors_of(BadRequest, *errors)


async def list_conversations(query: PageQuery) -> Response:
    """Return a page of the caller's conversations."""
    with foreign_cursor_is_absent():
        page = await services().conversations.list_conversations(
            caller().tenant, limit=query.limit, cursor=query.cursor
        )
    items = [ConversationLine.of(summary) for summary in page.items]
    return json_response({"items": items, "next_cursor": page.next_cursor})


async def get_conversation(path: ConversationPath) -> Response:
    """Return one conversation with its messages."""
    conversation = await services().conversations.load_conversation(
        caller().tenant, path.conversation_id
    )
    return json_response(ConversationBody.whole(conversation))


async def rename_conversation(path: ConversationPath, body: RenameRequest) -> Response:
    """Change the title of one conversation."""
    summary = await services().conversations.rename_conversation(
        caller().tenant, path.conversation_id, title=body.title
    )
    return json_response(ConversationLine.of(summary))


async def delete_conversation(path: ConversationPath) -> Response:
    """Remove one conversation, the feedback on it and the answers kept for replays."""
    tenant, conversation_id = caller().tenant, path.conversation_id
    absent: ConversationNotFound | None = None
    try:
        await services().conversations.delete_conversation(tenant, conversation_id)
    except ConversationNotFound as exc:
        # What a deletion that was cut short has left goes with the next one.
        absent = exc
    await services().idempotency.forget_conversation(tenant, conversation_id)
    await edge().blocking.run(
        services().feedback.forget_conversation, tenant, conversation_id
    )
    if absent is not None:
        raise absent
    return Response(status=204)


async def give_feedback(path: ConversationPath, body: FeedbackRequest) -> Response:
    """Keep what a person thought of one answer."""
    tenant = caller().tenant
    conversation = await services().conversations.load_conversation(
        tenant, path.conversation_id
    )
    answers = {item.id for item in conversation.messages if item.role == "assistant"}
    if body.message_id not in answers:
        raise MessageNotFound
    feedback = Feedback(
        tenant=tenant,
        conversation_id=path.conversation_id,
        message_id=body.message_id,
        kind=body.kind,
        comment=body.comment,
        created_at=time.time(),
    )
    await edge().blocking.run(services().feedback.add_feedback, feedback)
    return json_response(
        {
            "conversation_id": path.conversation_id,
            "message_id": body.message_id,
            "kind": body.kind,
            "comment": body.comment,
        }
    )
