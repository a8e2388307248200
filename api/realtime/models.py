"""
What a client may say: sessions and events, the subset that `docs/realtime.md` lists.

Fields that only steer a model of speech (instructions, tools, noise reduction, ...) are
taken and mean nothing here.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from api.v1.fields import Characters, WholeNumber
from domain.errors import ValidationFailed
from domain.realtime import (
    Encoding,
    RealtimeConfig,
    RealtimeRefused,
    SoundFormat,
    TurnDetection,
)
from utils.validation import validate

Event = TypeVar("Event", bound=BaseModel)

CHUNK_BYTES = 1024 * 1024
"""Sound of one event, decoded."""
MODEL = "tanya"
_LANGUAGES = ("id", "en")
_LANGUAGE_SCHEMA = {
    "type": "string",
    "maxLength": 16,
    "pattern": r"^(([iI][dD]|[eE][nN])([-_][^\u0000]*)?)?$",
}
_ENCODINGS: Mapping[str, Encoding] = {
    "audio/pcm": "pcm",
    "audio/pcmu": "pcmu",
    "audio/pcma": "pcma",
}
_WIRE_NAMES = {encoding: name for name, encoding in _ENCODINGS.items()}
_TELEPHONE_HZ = 8_000


class Incoming(BaseModel):
    """Something a client says; what is not known is ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class FormatIn(Incoming):
    """Format of sound; 16000 is an addition to what OpenAI knows."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {
                "properties": {"type": {"enum": ["audio/pcmu", "audio/pcma"]}},
                "required": ["type"],
            },
            "then": {"properties": {"rate": {"enum": [8000, None]}}},
            "else": {"properties": {"rate": {"enum": [24000, 16000, None]}}},
        }
    )

    type: Literal["audio/pcm", "audio/pcmu", "audio/pcma"] = "audio/pcm"
    rate: Literal[24000, 16000, 8000] | None = None


class TranscriptionIn(Incoming):
    """How speech is heard: its language alone matters."""

    language: (
        Annotated[str, Characters(16), WithJsonSchema(_LANGUAGE_SCHEMA)] | None
    ) = None


class TurnDetectionIn(Incoming):
    """How the end of speech is found; `semantic_vad` is taken for `server_vad`."""

    type: Literal["server_vad", "semantic_vad"] = "server_vad"
    threshold: Annotated[float, Field(ge=0, le=1)] | None = None
    prefix_padding_ms: Annotated[int, Field(ge=0, le=2_000), WholeNumber] | None = None
    silence_duration_ms: (
        Annotated[int, Field(ge=100, le=10_000), WholeNumber] | None
    ) = None
    create_response: bool | None = None
    interrupt_response: bool | None = None
    idle_timeout_ms: Annotated[int, Field(ge=1_000, le=600_000), WholeNumber] | None = (
        None
    )


class InputIn(Incoming):
    """What comes in."""

    format: FormatIn | None = None
    transcription: TranscriptionIn | None = None
    turn_detection: TurnDetectionIn | None = None


class VoiceIn(Incoming):
    """A voice by its id."""

    id: Annotated[str, Characters(64)]


class OutputIn(Incoming):
    """What goes out."""

    format: FormatIn | None = None
    voice: Annotated[str, Characters(64)] | VoiceIn | None = None
    speed: Annotated[float, Field(ge=0.25, le=4)] | None = None


class AudioIn(Incoming):
    """Both directions of sound."""

    input: InputIn | None = None
    output: OutputIn | None = None


class SessionIn(Incoming):
    """Settings of a session; what is absent stays as it is."""

    type: Literal["realtime"] = "realtime"
    output_modalities: (
        Annotated[list[Literal["audio", "text"]], Field(min_length=1, max_length=2)]
        | None
    ) = None
    audio: AudioIn | None = None


class ContentIn(Incoming):
    """A part of a typed item."""

    type: Literal["input_text"]
    text: Annotated[str, Characters(5_000, trimmed=True)]


class ItemIn(Incoming):
    """A typed question."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")] | None = None
    type: Literal["message"]
    role: Literal["user"]
    content: Annotated[list[ContentIn], Field(min_length=1, max_length=8)]


class ResponseIn(Incoming):
    """What one answer is to be like."""

    output_modalities: (
        Annotated[list[Literal["audio", "text"]], Field(min_length=1, max_length=2)]
        | None
    ) = None
    metadata: (
        Annotated[
            dict[Annotated[str, Characters(64)], Annotated[str, Characters(512)]],
            Field(max_length=16),
        ]
        | None
    ) = None


class SessionUpdate(Incoming):
    """`session.update`."""

    session: SessionIn


class BufferAppend(Incoming):
    """`input_audio_buffer.append`."""

    audio: str


class ItemCreate(Incoming):
    """`conversation.item.create`."""

    item: ItemIn


class ItemTruncate(Incoming):
    """`conversation.item.truncate`."""

    item_id: Annotated[str, Characters(128)]
    content_index: Literal[0] = 0
    audio_end_ms: Annotated[int, Field(ge=0, le=86_400_000), WholeNumber]


class ResponseCreate(Incoming):
    """`response.create`."""

    response: ResponseIn | None = None


class ResponseCancel(Incoming):
    """`response.cancel`."""

    response_id: Annotated[str, Characters(128)] | None = None


def read_event(model: type[Event], event: Mapping[str, Any]) -> Event:
    """Return *event* as *model*. Raises `RealtimeRefused` naming the field."""
    try:
        return validate(model, event)
    except ValidationFailed as exc:
        problem = exc.problems[0]
        raise RealtimeRefused(
            "invalid_value",
            f"{problem.field or 'The event'}: {problem.reason}",
            param=problem.field or None,
        ) from None


def read_sound(text: str) -> bytes:
    """Return the sound in base64 *text*. Raises `RealtimeRefused`."""
    if len(text) > CHUNK_BYTES * 4 // 3 + 4:
        raise RealtimeRefused(
            "audio_too_large", "One event carries at most 1 MB of sound.", param="audio"
        )
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise RealtimeRefused(
            "invalid_audio", "The sound is not valid base64.", param="audio"
        ) from None


def update_config(config: RealtimeConfig, session: SessionIn) -> RealtimeConfig:
    """Return *config* with what *session* says. Raises `RealtimeRefused`."""
    changes: dict[str, Any] = {}
    if session.output_modalities is not None:
        changes["with_sound"] = "audio" in session.output_modalities
    audio = session.audio or AudioIn()
    if audio.input is not None:
        changes |= _read_input(config, audio.input)
    if audio.output is not None:
        changes |= _read_output(audio.output)
    return dataclasses.replace(config, **changes)


def wants_sound(response: ResponseIn | None) -> bool | None:
    """Return whether an answer is to be spoken; None: as the session says."""
    if response is None or response.output_modalities is None:
        return None
    return "audio" in response.output_modalities


def _read_input(config: RealtimeConfig, said: InputIn) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if said.format is not None:
        changes["hears"] = _read_format(said.format, "session.audio.input.format")
    if said.transcription is not None:
        changes["language"] = _read_language(said.transcription.language)
    if "turn_detection" in said.model_fields_set:
        detection = said.turn_detection
        changes["detection"] = detection and _read_detection(config, detection)
    return changes


def _read_output(said: OutputIn) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if said.format is not None:
        changes["speaks"] = _read_format(said.format, "session.audio.output.format")
    if said.voice is not None:
        changes["voice"] = (
            said.voice.id if isinstance(said.voice, VoiceIn) else said.voice
        )
    if said.speed is not None:
        changes["speed"] = said.speed
    return changes


def _read_format(said: FormatIn, param: str) -> SoundFormat:
    encoding = _ENCODINGS[said.type]
    if encoding == "pcm":
        if said.rate == _TELEPHONE_HZ:
            raise RealtimeRefused(
                "invalid_value", "audio/pcm has 24000 or 16000 Hz.", param=param
            )
        return SoundFormat("pcm", said.rate or 24_000)
    if said.rate not in {None, _TELEPHONE_HZ}:
        raise RealtimeRefused("invalid_value", "G.711 has 8000 Hz.", param=param)
    return SoundFormat(encoding, _TELEPHONE_HZ)


def _read_language(said: str | None) -> str | None:
    if not said:
        return None
    language = said.replace("_", "-").partition("-")[0].lower()
    if language not in _LANGUAGES:
        raise RealtimeRefused(
            "invalid_value",
            "Languages are id and en.",
            param="session.audio.input.transcription.language",
        )
    return language


def _read_detection(config: RealtimeConfig, said: TurnDetectionIn) -> TurnDetection:
    names = {
        "threshold": "threshold",
        "prefix_padding_ms": "prefix_padding_ms",
        "silence_duration_ms": "silence_ms",
        "create_response": "create_response",
        "interrupt_response": "interrupts",
    }
    values = {
        ours: getattr(said, theirs)
        for theirs, ours in names.items()
        if getattr(said, theirs) is not None
    }
    if "idle_timeout_ms" in said.model_fields_set:
        values["idle_timeout_ms"] = said.idle_timeout_ms
    return dataclasses.replace(config.detection or TurnDetection(), **values)


def write_format(sound: SoundFormat) -> dict[str, object]:
    """Return *sound* as the wire has it."""
    if sound.encoding == "pcm":
        return {"type": "audio/pcm", "rate": sound.rate_hz}
    return {"type": _WIRE_NAMES[sound.encoding]}


def write_session(
    config: RealtimeConfig, *, session_id: str, expires_at: int
) -> dict[str, Any]:
    """Return *config* as a session object."""
    detection = config.detection
    return {
        "id": session_id,
        "object": "realtime.session",
        "type": "realtime",
        "model": MODEL,
        "output_modalities": ["audio" if config.with_sound else "text"],
        "audio": {
            "input": {
                "format": write_format(config.hears),
                "transcription": {"model": MODEL, "language": config.language},
                "noise_reduction": None,
                "turn_detection": detection and _write_detection(detection),
            },
            "output": {
                "format": write_format(config.speaks),
                "voice": config.voice or "default",
                "speed": config.speed,
            },
        },
        "expires_at": expires_at,
    }


def _write_detection(detection: TurnDetection) -> dict[str, object]:
    return {
        "type": "server_vad",
        "threshold": detection.threshold,
        "prefix_padding_ms": detection.prefix_padding_ms,
        "silence_duration_ms": detection.silence_ms,
        "create_response": detection.create_response,
        "interrupt_response": detection.interrupts,
        "idle_timeout_ms": detection.idle_timeout_ms,
    }
