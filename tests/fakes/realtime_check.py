"""Does the official client's own model of an event take it, with nothing left over?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from openai.types.realtime import RealtimeServerEvent
from pydantic import BaseModel

OURS = "x."
# The API sends these with a session; the client's model of `session.created` is that
# of a request, which has none.
_OF_A_SESSION = frozenset({"id", "object", "expires_at"})


def server_event_models() -> Mapping[str, type[BaseModel]]:
    """Return the client's models of server events by type."""
    union, *_ = get_args(RealtimeServerEvent)
    return {
        get_args(model.model_fields["type"].annotation)[0]: model
        for model in get_args(union)
    }


_MODELS = server_event_models()


def problems_of(event: Mapping[str, Any]) -> list[str]:
    """Return what the client would not understand of *event*; nothing for `x.`."""
    kind = event["type"]
    if kind.startswith(OURS):
        return [] if event.get("event_id") else ["no event_id"]
    model = _MODELS.get(kind)
    if model is None:
        return [f"unknown type {kind}"]
    read = model.model_validate(dict(event))
    return list(_left_over(read, kind))


def _left_over(value: object, place: str) -> Iterator[str]:
    if isinstance(value, BaseModel):
        for name in value.model_extra or {}:
            if name.startswith(OURS) or (
                place.endswith(".session") and name in _OF_A_SESSION
            ):
                continue
            yield f"{place}.{name}"
        for name in type(value).model_fields:
            yield from _left_over(getattr(value, name), f"{place}.{name}")
    elif isinstance(value, list):
        for item in value:
            yield from _left_over(item, place)
