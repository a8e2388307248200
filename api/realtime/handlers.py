"""What happens on each event of a client."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from api.realtime.models import (
    BufferAppend,
    ItemCreate,
    ItemTruncate,
    ResponseCancel,
    ResponseCreate,
    SessionUpdate,
    read_event,
    read_sound,
    update_config,
    wants_sound,
)
from domain.realtime import RealtimeRefused
from domain.realtime_ports import RealtimeSession

Event = Mapping[str, Any]


class Door(Protocol):
    """What a handler may use of its connection."""

    @property
    def session(self) -> RealtimeSession:
        """The conversation."""
        ...

    def say(self, message: Mapping[str, Any]) -> None:
        """Send an event."""
        ...

    def tell_session(self, kind: str) -> None:
        """Send the settings as they are."""
        ...


async def _update_session(door: Door, event: Event) -> None:
    session = read_event(SessionUpdate, event).session
    door.session.configure(update_config(door.session.config, session))
    door.tell_session("session.updated")


async def _append(door: Door, event: Event) -> None:
    await door.session.hear(read_sound(read_event(BufferAppend, event).audio))


async def _commit(door: Door, _event: Event) -> None:
    door.session.commit()


async def _clear(door: Door, _event: Event) -> None:
    door.session.clear()
    door.say({"type": "input_audio_buffer.cleared"})


async def _create_item(door: Door, event: Event) -> None:
    item = read_event(ItemCreate, event).item
    text = " ".join(part.text for part in item.content)
    door.session.add_text(text, item_id=item.id)


async def _truncate_item(door: Door, event: Event) -> None:
    said = read_event(ItemTruncate, event)
    door.session.truncate(said.item_id, heard_ms=said.audio_end_ms)
    door.say(
        {
            "type": "conversation.item.truncated",
            "item_id": said.item_id,
            "content_index": said.content_index,
            "audio_end_ms": said.audio_end_ms,
        }
    )


async def _create_response(door: Door, event: Event) -> None:
    response = read_event(ResponseCreate, event).response
    await door.session.respond(
        with_sound=wants_sound(response),
        metadata=response.metadata if response else None,
    )


async def _cancel_response(door: Door, event: Event) -> None:
    door.session.cancel(read_event(ResponseCancel, event).response_id)


Handler = Callable[[Door, Event], Awaitable[None]]

_HANDLERS: Mapping[str, Handler] = {
    "session.update": _update_session,
    "input_audio_buffer.append": _append,
    "input_audio_buffer.commit": _commit,
    "input_audio_buffer.clear": _clear,
    "conversation.item.create": _create_item,
    "conversation.item.truncate": _truncate_item,
    "response.create": _create_response,
    "response.cancel": _cancel_response,
}


def find_handler(kind: object) -> Handler:
    """Return what to do on an event of that type. Raises `RealtimeRefused`."""
    handler = _HANDLERS.get(kind) if isinstance(kind, str) else None
    if handler is None:
        raise RealtimeRefused(
            "unknown_event", "There is no such event here.", param="type"
        )
    return handler
