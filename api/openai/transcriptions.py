"""`POST /v1/audio/transcriptions`: the words of a sound file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

from flask import Response, request

from api import sse
from api.context import Edge, edge, services
from api.openai.audio_schemas import TranscriptionForm
from api.openai.models import TRANSCRIBE, TRANSCRIBE_ALIASES, check_model
from api.openai.streaming import Ahead, openai_stream
from api.openai.transcripts import Heard
from api.routes import json_response, refuse_encoded
from domain.deadlines import Deadline
from domain.errors import (
    AudioTooLarge,
    FieldProblem,
    SpeechEngineUnavailable,
    UnsupportedMediaType,
    ValidationFailed,
)
from domain.speech import Transcript
from domain.speech_ports import SpeechServices
from utils.validation import trim, validate

MULTIPART = "multipart/form-data"
MAX_PARTS = 24
# Also bounds what the parser holds of a file: two of its reads of 64 kB at least.
MAX_FIELD_BYTES = 256 * 1024
RATE_HZ = 16_000
"""What the engines listen to."""

_LISTS = ("timestamp_granularities[]", "include[]")


@dataclass(frozen=True, slots=True)
class _Upload:
    audio: bytes
    form: TranscriptionForm


async def create_transcription() -> Response:
    """Return what is said in a file; silence has an empty text."""
    here = edge()
    upload = await here.blocking.run(_read_upload)
    form = upload.form
    check_model(form.model, TRANSCRIBE, *TRANSCRIBE_ALIASES)
    speech = services().speech
    if speech is None:
        raise SpeechEngineUnavailable("Speech recognition is switched off.")
    deadline = Deadline.after(here.options.voice_seconds)
    hear = partial(_hear, speech, upload, deadline=deadline)
    if form.stream:
        return _stream(here, hear)
    return _reply(await hear(), form.response_format)


async def _hear(
    speech: SpeechServices, upload: _Upload, *, deadline: Deadline
) -> Heard:
    language = upload.form.language
    sound = await speech.decoder.decode(
        upload.audio, rate_hz=RATE_HZ, deadline=deadline
    )
    spoken = await speech.find_speech(sound)
    transcript = Transcript("", language or "en", confidence=0.0)
    if spoken is not None:
        transcript = await speech.stt.transcribe(
            spoken, language=language, deadline=deadline
        )
    return Heard(transcript, sound.seconds)


def _reply(heard: Heard, response_format: str) -> Response:
    match response_format:
        case "text":
            return _text(f"{heard.text}\n", "text/plain")
        case "srt":
            return _text(heard.srt(), "text/plain")
        case "vtt":
            return _text(heard.vtt(), "text/vtt")
        case "verbose_json":
            return json_response(heard.verbose_json())
        case _:
            return json_response(heard.json())


def _text(text: str, media_type: str) -> Response:
    return Response(text, content_type=f"{media_type}; charset=utf-8")


def _stream(here: Edge, hear: Callable[[], Awaitable[Heard]]) -> Response:
    async def events() -> AsyncIterator[Mapping[str, Any]]:
        for event in (await hear()).events():
            yield event

    return openai_stream(here, lambda: Ahead(events()), sse.write_data)


def _read_upload() -> _Upload:
    # In a thread: 16 MB of multipart take longer to split than a token may wait.
    if request.mimetype != MULTIPART:
        raise UnsupportedMediaType("Content-Type must be multipart/form-data.")
    refuse_encoded()
    request.max_form_parts = MAX_PARTS
    request.max_form_memory_size = MAX_FIELD_BYTES
    fields: dict[str, object] = {
        name: text
        for name, text in request.form.items()
        if trim(text) and name not in _LISTS
    }
    for name in _LISTS:
        if name in request.form:
            fields[name] = request.form.getlist(name)
    form = validate(TranscriptionForm, fields)
    if form.stream and form.response_format not in {"json", "text"}:
        _refuse("stream", "a stream has no such response_format")
    file = request.files.get("file")
    if file is None:
        _refuse("file", "is required, as a file with a name")
    audio = file.stream.read()
    if not audio:
        _refuse("file", "must not be empty")
    if len(audio) > edge().options.audio_bytes:
        raise AudioTooLarge
    return _Upload(audio, form)


def _refuse(field: str, reason: str) -> NoReturn:
    raise ValidationFailed(problems=(FieldProblem(field, reason),))
