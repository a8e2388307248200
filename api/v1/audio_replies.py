"""A spoken answer as JSON with the sound in it, as sound alone, or as events."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import quote

import orjson
from flask import Response, request

from api import sse
from api.context import edge
from api.routes import json_response
from api.v1.audio_schemas import AudioForm, AudioFormat, VoiceAnswer, emotion_body
from domain.errors import NotAcceptable
from domain.speech import (
    AUDIO_MEDIA_TYPES,
    AudioClip,
    EmotionDone,
    SpeechDelta,
    SpeechDone,
    Transcript,
    TranscriptDelta,
    TranscriptDone,
    VoiceCompleted,
)
from domain.speech_ports import SpeechServices, VoiceEvent
from domain.turns import AnswerDelta, RetrievalCompleted

Kind = Literal["json", "stream", "sound"]

EVENTS = "text/event-stream"
_JSON = "application/json"
_FORMATS: dict[str, AudioFormat] = {
    "audio/wav": "wav",
    "audio/mpeg": "mp3",
    "audio/ogg": "opus",
}
SOUND_TYPES = tuple(_FORMATS)
"""Types of a raw answer."""

# Proxies take 4 to 8 kB of response headers; the whole text is in the conversation.
_HEADER_CHARS = 1_500


def choose_kind(form: AudioForm) -> tuple[Kind, AudioFormat]:
    """
    Return how this request wants its answer, and the format of the sound.

    Raises:
        NotAcceptable: The Accept header names nothing of it.
    """
    if form.stream:
        return "stream", form.audio_format
    accept = request.accept_mimetypes
    if not accept:
        return "json", form.audio_format
    # A wildcard is content with JSON; what is named is preferred to it.
    named = {name.split(";")[0].strip().lower(): share for name, share in accept}
    best = max(named.get(_JSON, 0), 0.0)
    kind: Kind | None = "json" if accept[_JSON] else None
    found = form.audio_format
    for media_type in (EVENTS, *_FORMATS, "audio/*"):
        if named.get(media_type, 0) > best:
            best = named[media_type]
            kind = "stream" if media_type == EVENTS else "sound"
            found = _FORMATS.get(media_type, form.audio_format)
    if kind is None:
        raise NotAcceptable(
            "Answers are application/json, text/event-stream, audio/wav, audio/mpeg or"
            " audio/ogg."
        )
    return kind, found


async def encode_speech(
    speech: SpeechServices, clip: AudioClip | None, *, audio_format: str
) -> bytes:
    """Return *clip* as a file, empty when there is no sound."""
    if clip is None or not clip.pcm:
        return b""
    return await edge().blocking.run(
        speech.encoder.encode, clip, audio_format=audio_format
    )


def json_reply(
    body: Mapping[str, Any],
    sound: bytes,
    form: AudioForm,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return *body* with the sound in it."""
    written = sound.hex()
    if form.audio_encoding == "base64":
        written = base64.b64encode(sound).decode()
    whole = {"audio": written, **body}
    whole |= {"audio_format": form.audio_format, "sample_rate": form.sample_rate}
    return json_response(whole, headers=headers)


def sound_reply(
    body: Mapping[str, Any],
    sound: bytes,
    *,
    audio_format: str,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return the sound, with the texts percent-encoded in headers, long ones cut."""
    emotion = body["emotion"] or {}
    described = {
        "X-Conversation-Id": body["conversation_id"],
        "X-Message-Id": body["message_id"],
        "X-Transcript": body["transcript"],
        "X-Answer": body["answer"],
        "X-Spoken": body["spoken"],
        "X-Sources": body["sources"],
        "X-Language": body["language"],
        "X-Answered": "true" if body["answered"] else "false",
        "X-Confidence": str(body["confidence"]),
        "X-Emotion": emotion.get("label", ""),
        "X-Warnings": ",".join(body["warnings"]),
        "X-Degraded": ",".join(body["degraded"]),
    }
    fields = {name: _encode(str(text)) for name, text in described.items() if text}
    fields["X-Exec-Time"] = orjson.dumps(body["exec_time"]).decode()
    return Response(
        sound,
        headers=fields | dict(headers or {}),
        content_type=AUDIO_MEDIA_TYPES[audio_format],
    )


def _encode(text: str) -> str:
    encoded = quote(text, safe=" ,.:;!?/#=&-_()[]")
    while len(encoded) > _HEADER_CHARS:
        text = text[: len(text) * 3 // 4].rstrip() + "…"
        encoded = quote(text, safe=" ,.:;!?/#=&-_()[]")
    return encoded


def write_event(event: VoiceEvent) -> bytes:
    """Return *event* as its bytes on the wire; some have none."""
    name, data = _describe(event)
    return _typed(name, **data) if name else b""


def _describe(event: VoiceEvent) -> tuple[str, dict[str, Any]]:
    name = ""
    data: dict[str, Any] = {}
    match event:
        case TranscriptDelta(text):
            name, data = "transcript.text.delta", {"delta": text}
        case TranscriptDone(heard):
            name = "transcript.text.done"
            data = {
                "text": heard.text,
                "language": heard.language,
                "confidence": round(heard.confidence, 4),
            }
        case EmotionDone(emotion):
            name = "emotion.done"
            data = emotion_body(emotion) or {"label": None, "score": None, "from": []}
        case RetrievalCompleted(passages):
            name, data = "retrieval.completed", {"passages": passages}
        case AnswerDelta(text):
            name, data = "response.output_text.delta", {"delta": text}
        case SpeechDelta(clip, index, text):
            name = "speech.audio.delta"
            data = {
                "audio": base64.b64encode(clip.pcm).decode(),
                "sample_rate": clip.rate_hz,
                "index": index,
                "text": text,
            }
        case SpeechDone():
            name = "speech.audio.done"
        case VoiceCompleted(reply):
            name, data = "response.done", VoiceAnswer.without_audio(reply)
        case _:
            pass
    return name, data


def _typed(name: str, **data: object) -> bytes:
    # A problem object has a `type` of its own, which says nothing here.
    return sse.write_event(name, data | {"type": name})


def write_error(problem: Mapping[str, object]) -> bytes:
    """Return the event of a stream that failed."""
    return _typed("error", **problem)


def replay_events(body: Mapping[str, Any], clip: AudioClip | None) -> bytes:
    """Return the stream of a stored *body*: each text and the sound in one event."""
    heard = Transcript(body["transcript"], body["language"], body["confidence"])
    emotion = body["emotion"] or {"label": None, "score": None, "from": []}
    events: list[VoiceEvent] = []
    if clip is not None and clip.pcm:
        events.append(SpeechDelta(clip, 0, body["spoken"]))
    events.append(SpeechDone())
    return b"".join(
        [
            write_event(TranscriptDone(heard)),
            _typed("emotion.done", **emotion),
            write_event(AnswerDelta(body["answer"])),
            *map(write_event, events),
            _typed("response.done", **body),
        ]
    )
