"""`/v1/models`: names under which this service is asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from flask import Response
from pydantic import Field

from api.context import services
from api.routes import Parameters, json_response
from api.v1.fields import Outgoing
from domain.errors import ModelNotFound
from domain.speech_ports import SpeechServices

CHAT = "tanya"
TRANSCRIBE = "tanya-transcribe"
SPEAK = "tanya-speech"

# Programs fix these names where their users cannot change them. They are understood
# and not listed: whoever reads the list learns what is really there.
TRANSCRIBE_ALIASES = (
    "whisper-1",
    "gpt-transcribe",
    "gpt-4o-transcribe",
    "gpt-4o-mini-transcribe",
)
SPEAK_ALIASES = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts")

# Clients sort by it; nothing is trained here that would have a date.
CREATED = 1_767_225_600
"""1 January 2026, Unix seconds."""

_MISSING = frozenset({"off", "unavailable"})


class ModelBody(Outgoing):
    """One model."""

    id: str
    object: Literal["model"]
    created: int = Field(description="Unix seconds.")
    owned_by: str


class ModelList(Outgoing):
    """The models of this deployment."""

    object: Literal["list"]
    data: list[ModelBody]


class ModelPath(Parameters):
    """Which model."""

    model: str = Field(json_schema_extra={"example": CHAT})


async def list_models() -> Response:
    """Return what can be asked; a speech model only while its engine is there."""
    found = [_describe(name) for name in _available(services().speech)]
    return json_response({"object": "list", "data": found})


async def get_model(path: ModelPath) -> Response:
    """Return one model."""
    if path.model not in _available(services().speech):
        raise ModelNotFound
    return json_response(_describe(path.model))


def check_model(name: str, *known: str) -> None:
    """Raise `ModelNotFound` unless *name* is one of *known*."""
    if name not in known:
        raise ModelNotFound


def _available(speech: SpeechServices | None) -> list[str]:
    names = [CHAT]
    if speech is not None:
        engines: Mapping[str, str] = {
            TRANSCRIBE: speech.stt.state(),
            SPEAK: speech.tts.state(),
        }
        names += [name for name, state in engines.items() if state not in _MISSING]
    return names


def _describe(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "tanya"}
