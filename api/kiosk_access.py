"""Who asks, and which conversation that caller may use in this request."""

from __future__ import annotations

from flask import request

from api.context import caller as this_caller
from api.context import services
from domain.callers import Caller
from domain.errors import (
    ConversationNotFound,
    Forbidden,
    InvalidConversationID,
    VisitorSessionRequired,
)
from domain.ports import KeyRing, VisitorSessions
from domain.visitors import VisitorSession
from utils.validation import is_conversation_id

SESSION_HEADER = "X-Kiosk-Session"
CONVERSATION_HEADER = "X-Conversation-Id"


async def identify(
    key: str, *, keys: KeyRing, visitors: VisitorSessions | None
) -> Caller | None:
    """
    Return the program, device or visitor of *key*, or None.

    Whoever calls this asks `api.doors` next; a door for programs alone can ask
    `keys.find_caller` and has no others.
    """
    found = keys.find_caller(key) or keys.find_device(key)
    if found is None and visitors is not None:
        found = await visitors.find_visitor(key)
    return found


def may_know(keys: KeyRing, visitors: VisitorSessions | None, key: str) -> bool:
    """Return whether *key* may be somebody's, without I/O."""
    if keys.find_caller(key) or keys.find_device(key):
        return True
    return visitors is not None and visitors.is_pass(key)


async def admit_conversation(
    caller: Caller,
    visitors: VisitorSessions | None,
    *,
    conversation_id: str | None,
    session: str | None,
) -> str:
    """
    Return the id of the conversation that this request may use.

    A program names any conversation of its tenant. A device speaks for the visitor of
    a live session, whose conversation it is; asking counts as a sign of life. A visitor
    with a phone has one conversation.

    Args:
        caller: Who asks.
        visitors: Where sessions are known; None: nowhere, and no device may speak.
        conversation_id: As sent (`X-Conversation-Id`), or None.
        session: As sent (`X-Kiosk-Session`), or None; only devices have one.

    Raises:
        InvalidConversationID: A program named none, or a malformed one.
        VisitorSessionRequired: A device sent no session.
        VisitorSessionEnded: That session is over, or another device's.
        Forbidden: A device named another conversation than its session's.
        ConversationNotFound: A visitor named another conversation.
    """
    if caller.kind == "device":
        live = await load_session(caller, visitors, session)
        if conversation_id not in {None, live.conversation_id}:
            raise Forbidden
        return live.conversation_id
    if caller.kind == "visitor":
        if conversation_id not in {None, caller.conversation_id}:
            raise ConversationNotFound
        conversation_id = caller.conversation_id
    if conversation_id is None or not is_conversation_id(conversation_id):
        raise InvalidConversationID
    return conversation_id


async def load_session(
    device: Caller, visitors: VisitorSessions | None, secret: str | None
) -> VisitorSession:
    """
    Return the live session of *secret*.

    Raises:
        Forbidden: This service knows no sessions.
        VisitorSessionRequired: There is no secret.
        VisitorSessionEnded: It is over, or another device's.
    """
    if visitors is None:
        raise Forbidden
    if not secret:
        raise VisitorSessionRequired
    return await visitors.load(device, secret)


async def conversation_of_request() -> str:
    """Return `admit_conversation` for the headers of this Flask request."""
    return await admit_conversation(
        this_caller(),
        services().visitors,
        conversation_id=request.headers.get(CONVERSATION_HEADER),
        session=request.headers.get(SESSION_HEADER),
    )
