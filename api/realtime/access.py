"""Who may open a spoken conversation, and which one: the one place that decides."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from api.bridge_guard import MAX_KEY_BYTES, find_header, presented_keys
from api.bridge_types import Header, Scope
from api.context import Edge
from api.doors import check_door
from api.kiosk_access import (
    CONVERSATION_HEADER,
    SESSION_HEADER,
    admit_conversation,
    identify,
)
from api.realtime.models import SessionIn, update_config
from domain.callers import Caller
from domain.errors import (
    Forbidden,
    NotAuthenticated,
    NotFound,
    RateLimited,
    VisitorSessionEnded,
)
from domain.ports import Allowance
from domain.realtime import RealtimeConfig
from domain.realtime_ports import Admit, RealtimeTicket
from domain.visitors import is_visitor_conversation
from utils.validation import parse_json, validate

ROUTE = "/v1/realtime"
PROTOCOL = "realtime"
TICKET_PREFIX = "ek_"
_KEY_PROTOCOL = "openai-insecure-api-key."
_CONVERSATION_PARAMETER = "conversation_id"


@dataclass(frozen=True, slots=True)
class Opening:
    """
    A handshake that was let in.

    Attributes:
        subprotocol: To be named in the answer; None: the client offered none of ours.
    """

    caller: Caller
    conversation_id: str
    config: RealtimeConfig
    session_id: str
    subprotocol: str | None


async def admit_socket(edge: Edge, scope: Scope) -> Opening:
    """
    Let a handshake in: key, origin, door, limit and conversation.

    Browsers cannot set headers on a WebSocket, so a key may come as a subprotocol, as
    OpenAI's clients send it; never in the query, which ends up in logs.

    Raises:
        NotAuthenticated: No key, or one nobody holds.
        Forbidden: The door is not for this caller, or not for pages of that origin.
        RateLimited: This key, or this address, asked too often.
        InvalidConversationID, VisitorSessionRequired, VisitorSessionEnded: The
            conversation cannot be spoken in.
    """
    if edge.services.realtime is None:
        raise NotFound
    fields: Sequence[Header] = scope["headers"]
    check_origin(edge, fields)
    try:
        caller, ticket = await _find_caller(edge, scope)
    except NotAuthenticated:
        await _count(edge, f"address:{_address(scope)}", kind="address")
        raise
    check_door(caller, "GET", ROUTE)
    conversation_id = await _find_conversation(edge, scope, caller, ticket)
    await _count(edge, f"key:{caller.key_id}", kind="key")
    offered: Sequence[str] = scope.get("subprotocols", ())
    return Opening(
        caller=caller,
        conversation_id=conversation_id,
        config=_read_config(ticket),
        session_id=f"sess_{secrets.token_hex(12)}",
        subprotocol=PROTOCOL if PROTOCOL in offered else None,
    )


def check_origin(edge: Edge, fields: Sequence[Header]) -> None:
    """
    Refuse pages of foreign origins; programs send no origin.

    Raises:
        Forbidden: `CORS_ORIGINS` does not name it, and it is not ours.
    """
    origin = find_header(fields, b"origin")
    if origin is None:
        return
    named = origin.decode("latin-1")
    host = find_header(fields, b"host") or b""
    own = urlsplit(named).netloc.lower() == host.decode("latin-1").lower()
    if not own and not edge.options.cors.allows(named):
        raise Forbidden("Pages of this origin may not connect.")


def admit_answers(edge: Edge, caller: Caller, conversation_id: str) -> Admit:
    """Return what lets one answer of a conversation begin."""

    async def admit() -> None:
        visitors = edge.services.visitors
        # Who speaks is still there: a question is a sign of life.
        if is_visitor_conversation(conversation_id) and (
            visitors is None or not await visitors.may_speak(caller, conversation_id)
        ):
            raise VisitorSessionEnded
        await _count(edge, f"key:{caller.key_id}", kind="key")

    return admit


async def _find_caller(
    edge: Edge, scope: Scope
) -> tuple[Caller, RealtimeTicket | None]:
    keys = set(presented_keys(scope["headers"]))
    for offered in scope.get("subprotocols", ()):
        if offered.startswith(_KEY_PROTOCOL):
            keys.add(offered.removeprefix(_KEY_PROTOCOL))
    keys.discard("")
    if len(keys) != 1:
        raise NotAuthenticated
    key = keys.pop()
    here = edge.services
    if len(key) > MAX_KEY_BYTES or here.realtime is None:
        raise NotAuthenticated
    if key.startswith(TICKET_PREFIX):
        ticket = await here.realtime.secrets.find(key)
        if ticket is None:
            raise NotAuthenticated
        return ticket.caller, ticket
    caller = await identify(key, keys=here.keys, visitors=here.visitors)
    if caller is None:
        raise NotAuthenticated
    return caller, None


async def _find_conversation(
    edge: Edge, scope: Scope, caller: Caller, ticket: RealtimeTicket | None
) -> str:
    asked = _asked_conversation(scope)
    if ticket is not None and ticket.conversation_id is not None:
        if asked not in {None, ticket.conversation_id}:
            raise Forbidden
        visitors = edge.services.visitors
        # A device got it for a visitor, who may have left since.
        if caller.kind == "device" and (
            visitors is None
            or not await visitors.may_speak(caller, ticket.conversation_id)
        ):
            raise VisitorSessionEnded
        return ticket.conversation_id
    if caller.kind == "program" and asked is None:
        asked = new_conversation_id()
    session = find_header(scope["headers"], SESSION_HEADER.lower().encode())
    return await admit_conversation(
        caller,
        edge.services.visitors,
        conversation_id=asked,
        session=session.decode("latin-1") if session else None,
    )


def new_conversation_id() -> str:
    """Return an id that nobody can guess."""
    return f"rt-{secrets.token_hex(16)}"


def _asked_conversation(scope: Scope) -> str | None:
    header = find_header(scope["headers"], CONVERSATION_HEADER.lower().encode())
    if header is not None:
        return header.decode("latin-1")
    query: Mapping[str, list[str]] = parse_qs(
        scope["query_string"].decode("latin-1"), max_num_fields=32
    )
    return next(iter(query.get(_CONVERSATION_PARAMETER, [])), None)


def _read_config(ticket: RealtimeTicket | None) -> RealtimeConfig:
    config = RealtimeConfig()
    if ticket is None or not ticket.config:
        return config
    return update_config(config, validate(SessionIn, parse_json(ticket.config)))


async def _count(edge: Edge, subject: str, *, kind: str) -> None:
    allowances = await edge.services.limiter.hit(subject)
    refuse_if_over(edge, allowances, kind=kind)


def refuse_if_over(edge: Edge, allowances: Sequence[Allowance], *, kind: str) -> None:
    """Raise `RateLimited` when one of *allowances* is used up."""
    waits = [item.reset_seconds for item in allowances if not item.allowed]
    if waits:
        edge.metrics.count_rate_limited(kind)
        raise RateLimited(retry_after_seconds=max(1, *waits))


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else "unknown"
