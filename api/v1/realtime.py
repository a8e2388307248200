"""`POST /v1/realtime/client_secrets`: a short-lived secret for a browser."""

from __future__ import annotations

import secrets
from typing import Annotated, Any, Literal

from flask import Response
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from api.context import caller, services
from api.kiosk_access import CONVERSATION_HEADER, SESSION_HEADER, admit_conversation
from api.openapi import errors_of, json_of
from api.realtime.models import SessionIn, update_config, write_session
from api.routes import Parameters, Routes, json_response
from api.v1.fields import Incoming, Outgoing, WholeNumber
from api.v1.schemas import ConversationID
from domain.errors import (
    BadRequest,
    ConversationNotFound,
    FieldProblem,
    Forbidden,
    InvalidConversationID,
    MalformedBody,
    NotFound,
    PayloadTooLarge,
    RequestTimeout,
    StateUnavailable,
    UnsupportedMediaType,
    ValidationFailed,
    VisitorSessionEnded,
    VisitorSessionRequired,
)
from domain.realtime import RealtimeConfig, RealtimeRefused

DEFAULT_SECONDS = 60
SHORTEST_SECONDS, LONGEST_SECONDS = 10, 600

_ABOUT = """\
The answer's `value` opens `/v1/realtime` in place of a key until it expires, for the
tenant and the limits of the key that asked: give it to a browser instead of the key.
With `X-Conversation-Id` it opens that conversation and no other; a device's secret
always belongs to the session of `X-Kiosk-Session`. `session` is kept and holds for
every connection that the secret opens. The events are in `docs/realtime.md`."""

_EXAMPLE_SESSION = write_session(
    RealtimeConfig(),
    session_id="sess_5f0c7a9be1d24c6fa3b1d0e8",
    expires_at=1_764_000_060,
)
_EXAMPLE = {
    "value": "ek_3vX0bW5qk0d0mEoJm2pQd1mYb5nS1yZ8Zb6fQm0cR4U",
    "expires_at": 1_764_000_060,
    "session": _EXAMPLE_SESSION,
}


class ExpiresAfter(Incoming):
    """How long the secret opens the door."""

    anchor: Literal["created_at"] = "created_at"
    seconds: Annotated[
        int, Field(ge=SHORTEST_SECONDS, le=LONGEST_SECONDS), WholeNumber
    ] = DEFAULT_SECONDS


class ClientSecretRequest(Incoming):
    """What the secret is to be good for."""

    expires_after: ExpiresAfter | None = None
    session: SessionIn | None = None


class ClientSecret(Outgoing):
    """A secret, told once."""

    value: str
    expires_at: int = Field(description="Unix seconds.")
    session: dict[str, Any]


class SecretHeaders(Parameters):
    """Which conversation the secret is for."""

    conversation_id: ConversationID | SkipJsonSchema[None] = Field(
        None,
        alias=CONVERSATION_HEADER,
        description="The only conversation it opens; without it, any.",
    )
    session: str | None = Field(
        None,
        alias=SESSION_HEADER,
        description="`session` of `POST /v1/kiosk/sessions`; devices only.",
        max_length=128,
    )
    refusals = {"X-Conversation-Id": InvalidConversationID}  # noqa: RUF012


def build_routes() -> Routes:
    """Return the blueprint of the secrets."""
    routes = Routes(
        "realtime",
        tag="Realtime",
        about="Spoken conversations over a WebSocket.",
        models=(ClientSecretRequest, ClientSecret),
        url_prefix="/v1/realtime",
    )
    routes.post(
        "/client_secrets",
        operation_id="create_realtime_client_secret",
        summary="Make a short-lived secret for /v1/realtime",
        description=_ABOUT,
        responses={"200": json_of(ClientSecret, _EXAMPLE, description="Told once.")}
        | errors_of(
            BadRequest,
            MalformedBody,
            InvalidConversationID,
            VisitorSessionRequired,
            Forbidden,
            NotFound,
            ConversationNotFound,
            RequestTimeout,
            VisitorSessionEnded,
            PayloadTooLarge,
            UnsupportedMediaType,
            ValidationFailed,
            StateUnavailable,
        ),
    )(create_secret)
    return routes


async def create_secret(header: SecretHeaders, body: ClientSecretRequest) -> Response:
    """Make a secret."""
    realtime = services().realtime
    if realtime is None:
        raise NotFound
    config = _config(body)
    session = body.session.model_dump_json(exclude_unset=True) if body.session else ""
    after = body.expires_after or ExpiresAfter()
    value, expires_at = await realtime.secrets.issue(
        caller(),
        conversation_id=await _conversation(header),
        config=session.encode(),
        seconds=after.seconds,
    )
    shown = write_session(
        config,
        session_id=f"sess_{secrets.token_hex(12)}",
        expires_at=int(expires_at),
    )
    told = {"value": value, "expires_at": int(expires_at), "session": shown}
    return json_response(told)


async def _conversation(header: SecretHeaders) -> str | None:
    who = caller()
    if who.kind == "program" and header.conversation_id is None:
        return None
    return await admit_conversation(
        who,
        services().visitors,
        conversation_id=header.conversation_id,
        session=header.session,
    )


def _config(body: ClientSecretRequest) -> RealtimeConfig:
    try:
        return update_config(RealtimeConfig(), body.session or SessionIn())
    except RealtimeRefused as exc:
        problem = FieldProblem(exc.param or "session", exc.message)
        raise ValidationFailed(problems=(problem,)) from None
