"""Reading a spoken question off the wire."""

from __future__ import annotations

from dataclasses import dataclass

from flask import request

from api.context import edge
from api.routes import refuse_encoded
from api.v1.audio_schemas import AudioForm
from domain.errors import (
    AudioTooLarge,
    FieldProblem,
    UnsupportedMediaType,
    ValidationFailed,
)
from utils.validation import trim, validate

MULTIPART = "multipart/form-data"
MAX_PARTS = 24
# Also bounds what the parser holds of a file: two of its reads of 64 kB at least.
MAX_FIELD_BYTES = 256 * 1024
FILE = "audio"


@dataclass(frozen=True, slots=True)
class SpokenRequest:
    """The upload as it came, and what was asked for beside it."""

    audio: bytes
    form: AudioForm


def read_spoken_request() -> SpokenRequest:
    """
    Return what the multipart body of this request holds. Blocking: 16 MB are split.

    Raises:
        UnsupportedMediaType: The body is not multipart, or it is compressed.
        AudioTooLarge: The sound has more bytes than configured.
        ValidationFailed: A field is missing, repeated or not acceptable.
    """
    if request.mimetype != MULTIPART:
        raise UnsupportedMediaType("Content-Type must be multipart/form-data.")
    refuse_encoded()
    request.max_form_parts = MAX_PARTS
    request.max_form_memory_size = MAX_FIELD_BYTES
    names = (FILE, *AudioForm.model_fields)
    repeated = [name for name in names if _count(name) > 1]
    if repeated:
        raise ValidationFailed(
            problems=tuple(FieldProblem(name, "must be sent once") for name in repeated)
        )
    form = validate(
        AudioForm, {name: text for name, text in request.form.items() if trim(text)}
    )
    file = request.files.get(FILE)
    if file is None:
        raise ValidationFailed(
            problems=(FieldProblem(FILE, "is required, as a file with a name"),)
        )
    audio = file.stream.read()
    if not audio:
        raise ValidationFailed(problems=(FieldProblem(FILE, "must not be empty"),))
    if len(audio) > edge().options.audio_bytes:
        raise AudioTooLarge
    return SpokenRequest(audio, form)


def _count(name: str) -> int:
    return len(request.files.getlist(name)) + len(request.form.getlist(name))
