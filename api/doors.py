"""Which doors are open to callers that are not programs: one table, else closed."""

from __future__ import annotations

from collections.abc import Mapping

from domain.callers import Caller, CallerKind
from domain.errors import ConversationNotFound, Forbidden

_PROGRAMS: frozenset[CallerKind] = frozenset({"program"})
_DEVICES: frozenset[CallerKind] = frozenset({"device"})

_END = ("DELETE", "/v1/kiosk/sessions/current")
_TOUCH = ("POST", "/v1/kiosk/sessions/current/touch")

FREE_DOORS = frozenset({_END, _TOUCH})
"""Not counted: an end must never be refused, and being there is no question."""

OPEN_DOORS: Mapping[tuple[str, str], frozenset[CallerKind]] = {
    ("POST", "/v1/audio"): frozenset({"program", "device", "visitor"}),
    ("POST", "/v1/chat"): frozenset({"program", "visitor"}),
    ("GET", "/v1/conversations/<string:conversation_id>"): frozenset(
        {"program", "visitor"}
    ),
    ("POST", "/v1/realtime/client_secrets"): frozenset({"program", "device"}),
    ("GET", "/v1/realtime"): frozenset({"program", "device"}),
    ("POST", "/v1/kiosk/sessions"): _DEVICES,
    _END: _DEVICES,
    _TOUCH: _DEVICES,
    ("POST", "/v1/kiosk/sessions/current/link"): _DEVICES,
}
"""Who may use a route, by method and rule; what is not here is for programs."""


def is_open(method: str, rule: str, kind: CallerKind) -> bool:
    """Return whether that kind of caller may use that route."""
    door = ("GET" if method == "HEAD" else method, rule)
    return kind in OPEN_DOORS.get(door, _PROGRAMS)


def check_door(
    caller: Caller,
    method: str,
    rule: str,
    *,
    conversation_ids: tuple[str | None, ...] = (),
) -> None:
    """
    Let *caller* through the door of a route, or not.

    Args:
        caller: Who asks.
        method: Of the request.
        rule: As the route was registered, with its placeholders.
        conversation_ids: Conversations that the request names, in path or header.

    Raises:
        Forbidden: The door is not for this kind of caller.
        ConversationNotFound: A visitor asks for another conversation than the own one.
    """
    if not is_open(method, rule, caller.kind):
        raise Forbidden
    if caller.kind == "visitor" and any(
        named not in {None, caller.conversation_id} for named in conversation_ids
    ):
        raise ConversationNotFound
