"""What the server says: the session's events in the shapes of OpenAI's Realtime API."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import singledispatchmethod
from typing import Any

from api.realtime.models import write_format
from api.v1.schemas import ChatAnswer
from domain.realtime import (
    EmotionRead,
    RealtimeConfig,
    Refused,
    ResponseEnded,
    ResponseSound,
    ResponseStarted,
    ResponseText,
    SessionLost,
    SilenceNoted,
    SpeechStarted,
    SpeechStopped,
    TextAdded,
    UtteranceCommitted,
    WordsHeard,
    WordsNotHeard,
)

Event = dict[str, Any]

_KINDS = {
    "not_authenticated": "authentication_error",
    "rate_limited": "rate_limit_error",
}


@dataclass(slots=True)
class _Open:
    """A response that has begun and not ended."""

    item_id: str
    with_sound: bool
    previous_id: str | None
    metadata: dict[str, str] | None
    config: RealtimeConfig


class EventWriter:
    """
    Turns events of a session into those of the wire.

    Args:
        conversation_id: Told with every response.
    """

    def __init__(self, conversation_id: str) -> None:
        self._conversation_id = conversation_id
        self._open: dict[str, _Open] = {}
        self.config = RealtimeConfig()
        """What the session was told last."""

    def write(self, event: object) -> Iterator[Event]:
        """Yield what the wire says for *event*, each with an id."""
        for message in self._write(event):
            yield named(message)

    @singledispatchmethod
    def _write(self, event: object) -> Iterator[Event]:
        raise TypeError(type(event).__name__)

    @_write.register
    def _(self, event: SpeechStarted) -> Iterator[Event]:
        yield {
            "type": "input_audio_buffer.speech_started",
            "audio_start_ms": event.at_ms,
            "item_id": event.item_id,
        }

    @_write.register
    def _(self, event: SpeechStopped) -> Iterator[Event]:
        yield {
            "type": "input_audio_buffer.speech_stopped",
            "audio_end_ms": event.at_ms,
            "item_id": event.item_id,
        }

    @_write.register
    def _(self, event: SilenceNoted) -> Iterator[Event]:
        yield {
            "type": "input_audio_buffer.timeout_triggered",
            "audio_start_ms": event.start_ms,
            "audio_end_ms": event.end_ms,
            "item_id": event.item_id,
        }

    @_write.register
    def _(self, event: UtteranceCommitted) -> Iterator[Event]:
        yield {
            "type": "input_audio_buffer.committed",
            "item_id": event.item_id,
            "previous_item_id": event.previous_id,
        }
        content = {"type": "input_audio", "transcript": None}
        yield from _user_item(event.item_id, event.previous_id, content)

    @_write.register
    def _(self, event: TextAdded) -> Iterator[Event]:
        content = {"type": "input_text", "text": event.text}
        yield from _user_item(event.item_id, event.previous_id, content)

    @_write.register
    def _(self, event: WordsHeard) -> Iterator[Event]:
        # Interim words may still change, and deltas can only be appended.
        place = {"item_id": event.item_id, "content_index": 0}
        kind = "conversation.item.input_audio_transcription"
        text = event.transcript.text
        if text:
            yield {"type": f"{kind}.delta", **place, "delta": text}
        usage = {"type": "duration", "seconds": round(event.seconds, 3)}
        yield {
            "type": f"{kind}.completed",
            **place,
            "transcript": text,
            "usage": usage,
        }

    @_write.register
    def _(self, event: WordsNotHeard) -> Iterator[Event]:
        yield {
            "type": "conversation.item.input_audio_transcription.failed",
            "item_id": event.item_id,
            "content_index": 0,
            "error": {
                "type": "server_error",
                "code": event.code,
                "message": event.message,
            },
        }

    @_write.register
    def _(self, event: ResponseStarted) -> Iterator[Event]:
        open_ = _Open(
            event.item_id,
            event.with_sound,
            event.previous_id,
            event.metadata,
            self.config,
        )
        self._open[event.response_id] = open_
        response = self._response(event.response_id, open_, status="in_progress")
        yield {"type": "response.created", "response": response}
        item = _assistant_item(open_, status="in_progress")
        place = {"response_id": event.response_id, "output_index": 0}
        yield {"type": "response.output_item.added", **place, "item": item}
        yield {
            "type": "conversation.item.added",
            "previous_item_id": event.previous_id,
            "item": item,
        }
        yield {
            "type": "response.content_part.added",
            **_place(event.response_id, open_),
            "part": _part(open_, ""),
        }

    @_write.register
    def _(self, event: EmotionRead) -> Iterator[Event]:
        emotion = event.emotion
        yield {
            "type": "x.emotion",
            "response_id": event.response_id,
            "item_id": event.item_id,
            "label": emotion.label if emotion else None,
            "score": round(emotion.score, 3) if emotion else None,
            "from": list(emotion.heard_in) if emotion else [],
        }

    @_write.register
    def _(self, event: ResponseText) -> Iterator[Event]:
        open_ = self._open[event.response_id]
        kind = "output_audio_transcript" if open_.with_sound else "output_text"
        yield {
            "type": f"response.{kind}.delta",
            **_place(event.response_id, open_),
            "delta": event.text,
        }

    @_write.register
    def _(self, event: ResponseSound) -> Iterator[Event]:
        yield {
            "type": "response.output_audio.delta",
            **_place(event.response_id, self._open[event.response_id]),
            "delta": base64.b64encode(event.sound).decode("ascii"),
        }

    @_write.register
    def _(self, event: ResponseEnded) -> Iterator[Event]:
        open_ = self._open.pop(event.response_id)
        place = _place(event.response_id, open_)
        if open_.with_sound:
            yield {"type": "response.output_audio.done", **place}
            yield {
                "type": "response.output_audio_transcript.done",
                **place,
                "transcript": event.text,
            }
        else:
            yield {"type": "response.output_text.done", **place, "text": event.text}
        yield {
            "type": "response.content_part.done",
            **place,
            "part": _part(open_, event.text),
        }
        status = "completed" if event.status == "completed" else "incomplete"
        item = _assistant_item(open_, status=status, text=event.text)
        yield {
            "type": "response.output_item.done",
            "response_id": event.response_id,
            "output_index": 0,
            "item": item,
        }
        yield {
            "type": "conversation.item.done",
            "previous_item_id": open_.previous_id,
            "item": item,
        }
        yield from _additions(event, open_)
        response = self._response(
            event.response_id, open_, status=event.status, items=[item]
        )
        details = {"type": event.status, **_details(event)}
        yield {
            "type": "response.done",
            "response": {**response, "status_details": details},
        }

    @_write.register
    def _(self, event: Refused) -> Iterator[Event]:
        yield error_event(event.code, event.message)

    @_write.register
    def _(self, event: SessionLost) -> Iterator[Event]:
        yield error_event(event.code, event.message)

    def _response(
        self,
        response_id: str,
        open_: _Open,
        *,
        status: str,
        items: list[Event] | None = None,
    ) -> Event:
        voice = open_.config.voice or "default"
        return {
            "id": response_id,
            "object": "realtime.response",
            "status": status,
            "status_details": None,
            "output": items or [],
            "conversation_id": self._conversation_id,
            "output_modalities": ["audio" if open_.with_sound else "text"],
            "audio": {
                "output": {"format": write_format(open_.config.speaks), "voice": voice}
            },
            "metadata": open_.metadata,
            "usage": None,
        }


def named(message: Mapping[str, Any]) -> Event:
    """Return *message* with an id of its own."""
    return {"event_id": f"event_{secrets.token_hex(10)}", **message}


def error_event(
    code: str, message: str, *, param: str | None = None, event_id: str | None = None
) -> Event:
    """Return an `error`; *event_id* is that of the client's event."""
    fault = "server_error" if code in _OURS else "invalid_request_error"
    return {
        "type": "error",
        "error": {
            "type": _KINDS.get(code, fault),
            "code": code,
            "message": message,
            "param": param,
            "event_id": event_id,
        },
    }


_OURS = frozenset({"internal_error", "server_restarting", "state_unavailable"})


def _user_item(
    item_id: str, previous_id: str | None, content: Event
) -> Iterator[Event]:
    item = {
        "id": item_id,
        "object": "realtime.item",
        "type": "message",
        "status": "completed",
        "role": "user",
        "content": [content],
    }
    for kind in ("added", "done"):
        yield {
            "type": f"conversation.item.{kind}",
            "previous_item_id": previous_id,
            "item": item,
        }


def _assistant_item(open_: _Open, *, status: str, text: str | None = None) -> Event:
    content: list[Event] = []
    if text is not None:
        content = [
            {"type": "output_audio", "transcript": text}
            if open_.with_sound
            else {"type": "output_text", "text": text}
        ]
    return {
        "id": open_.item_id,
        "object": "realtime.item",
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": content,
    }


def _place(response_id: str, open_: _Open) -> Event:
    return {
        "response_id": response_id,
        "item_id": open_.item_id,
        "output_index": 0,
        "content_index": 0,
    }


def _part(open_: _Open, text: str) -> Event:
    if open_.with_sound:
        return {"type": "audio", "transcript": text}
    return {"type": "text", "text": text}


def _details(event: ResponseEnded) -> Event:
    if event.status == "cancelled":
        return {"reason": event.reason}
    if event.status == "failed":
        error = {
            "type": "server_error",
            "code": event.code,
            "message": event.message,
        }
        return {"error": error}
    return {}


def _additions(event: ResponseEnded, open_: _Open) -> Iterator[Event]:
    about = {"response_id": event.response_id, "item_id": open_.item_id}
    if event.answer is not None:
        yield {
            "type": "x.sources",
            **about,
            **ChatAnswer.of(event.answer),
            "warnings": list(event.warnings),
        }
    if event.metrics:
        yield {"type": "x.metrics", **about, **event.metrics}
