"""`POST /v1/visits`: a one-time link becomes a visitor's key."""

from __future__ import annotations

from typing import Annotated

from flask import Response
from pydantic import Field

from api.context import services
from api.limits import count_stranger
from api.openapi import errors_of, json_of
from api.routes import Routes, json_response
from api.v1 import kiosk_examples as examples
from api.v1.fields import Incoming, Outgoing
from domain.errors import (
    BadRequest,
    InternalError,
    LinkUsed,
    MalformedBody,
    Overloaded,
    PayloadTooLarge,
    RateLimited,
    StateUnavailable,
    UnsupportedMediaType,
    ValidationFailed,
)


class VisitRequest(Incoming):
    """The token of a link: what stands behind `#`."""

    token: Annotated[
        str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9_-]+$")
    ]


class Visit(Outgoing):
    """What a phone asks with from now on."""

    key: str
    conversation_id: str
    expires_at: float


def build_routes() -> Routes:
    """Return the blueprint of the visits."""
    routes = Routes(
        "visits",
        tag="Kiosk",
        about="For devices that many people use, one after the other.",
        models=(VisitRequest, Visit),
        keyed=False,
        url_prefix="/v1/visits",
    )
    routes.post(
        "",
        operation_id="open_visit",
        summary="Open a one-time link",
        description=examples.VISIT,
        responses={"201": json_of(Visit, examples.VISIT_MADE, description="Opened.")}
        | errors_of(
            BadRequest,
            MalformedBody,
            LinkUsed,
            PayloadTooLarge,
            UnsupportedMediaType,
            ValidationFailed,
            RateLimited,
            InternalError,
            Overloaded,
            StateUnavailable,
        ),
    )(open_visit)
    return routes


async def open_visit(body: VisitRequest) -> Response:
    """Take the link's token and give a key; whoever guesses is counted."""
    visitors = services().visitors
    if visitors is None:
        raise LinkUsed
    try:
        made = await visitors.open_link(body.token)
    except LinkUsed:
        await count_stranger()
        raise
    return json_response(
        {
            "key": made.token,
            "conversation_id": made.conversation_id,
            "expires_at": made.expires_at,
        },
        status=201,
    )
