"""The doors that clients of OpenAI know, as one blueprint."""

from __future__ import annotations

from typing import Any

from api.openai import examples
from api.openai.audio_schemas import (
    SpeechEvent,
    SpeechRequest,
    TranscriptBody,
    TranscriptEvent,
    TranscriptionForm,
)
from api.openai.chat import create_completion
from api.openai.chat_schemas import (
    Completion,
    CompletionChunk,
    CompletionRequest,
    StreamLine,
)
from api.openai.models import ModelBody, ModelList, get_model, list_models
from api.openai.responses import OpenAIError, openai_errors_of
from api.openai.speech import create_speech
from api.openai.transcriptions import MULTIPART, create_transcription
from api.openapi import REF, Responses, json_of
from api.routes import Routes
from api.v1.audio_schemas import AUDIO_TYPES
from domain.errors import (
    AudioTooLarge,
    AudioTooLong,
    AudioTypeUnsupported,
    AudioUnreadable,
    BadRequest,
    ConversationBusy,
    Forbidden,
    InvalidConversationID,
    LeaseLost,
    MalformedBody,
    ModelNotFound,
    PayloadTooLarge,
    RecognitionFailed,
    RequestTimeout,
    RetrievalUnavailable,
    ServerRestarting,
    SpeechEngineUnavailable,
    StateUnavailable,
    SynthesisFailed,
    TurnTimeout,
    UnsupportedMediaType,
    UpstreamBadResponse,
    UpstreamBusy,
    UpstreamError,
    UpstreamQuotaExhausted,
    ValidationFailed,
)
from domain.speech import AUDIO_MEDIA_TYPES

EVENTS = "text/event-stream"

_BODY = (
    BadRequest,
    MalformedBody,
    UnsupportedMediaType,
    ValidationFailed,
    Forbidden,
    ModelNotFound,
    RequestTimeout,
    PayloadTooLarge,
    ServerRestarting,
    TurnTimeout,
)


def build_routes() -> Routes:
    """Return the blueprint."""
    routes = Routes(
        "openai",
        tag="OpenAI-compatible",
        about="For the official clients: the base URL and a key are all they need.",
        models=(
            OpenAIError,
            ModelList,
            ModelBody,
            CompletionRequest,
            Completion,
            CompletionChunk,
            StreamLine,
            TranscriptionForm,
            TranscriptBody,
            TranscriptEvent,
            SpeechRequest,
            SpeechEvent,
        ),
        url_prefix="/v1",
        describe_errors=openai_errors_of,
    )
    _add_models(routes)
    routes.post(
        "/chat/completions",
        operation_id="create_completion",
        summary="Ask a question as a chat completion",
        description=examples.CHAT_DESCRIPTION,
        responses=_completion_responses(),
    )(create_completion)
    routes.post(
        "/audio/transcriptions",
        operation_id="create_transcription",
        summary="Write down what is said",
        description=examples.TRANSCRIPTION_DESCRIPTION,
        openapi_extensions={"requestBody": _form_body()},
        responses=_transcription_responses(),
    )(create_transcription)
    routes.post(
        "/audio/speech",
        operation_id="create_speech",
        summary="Read a text out",
        description=examples.SPEECH_DESCRIPTION,
        responses=_speech_responses(),
    )(create_speech)
    return routes


def _add_models(routes: Routes) -> None:
    errors = openai_errors_of(BadRequest, Forbidden)
    found = json_of(ModelList, examples.MODELS, description="The models.")
    routes.get(
        "/models",
        operation_id="list_models",
        summary="List the models",
        responses={"200": found} | errors,
    )(list_models)
    one = json_of(ModelBody, examples.MODEL, description="The model.")
    routes.get(
        "/models/<string:model>",
        operation_id="get_model",
        summary="Read one model",
        responses={"200": one} | errors | openai_errors_of(ModelNotFound),
    )(get_model)


def _completion_responses() -> Responses:
    answer = json_of(
        Completion, examples.COMPLETION, description="The answer, or the refusal."
    )
    answer["content"][EVENTS] = _events(StreamLine, {"data": examples.CHUNK})
    return {"200": answer} | openai_errors_of(
        *_BODY,
        InvalidConversationID,
        ConversationBusy,
        LeaseLost,
        UpstreamError,
        UpstreamBadResponse,
        StateUnavailable,
        RetrievalUnavailable,
        UpstreamBusy,
        UpstreamQuotaExhausted,
    )


def _transcription_responses() -> Responses:
    answer = json_of(
        TranscriptBody, examples.TRANSCRIPT, description="The words of the file."
    )
    answer["content"] |= {
        "text/plain": _text("kapan pendaftaran dibuka\n"),
        "text/vtt": _text(
            "WEBVTT\n\n00:00:00.000 --> 00:00:02.400\nkapan pendaftaran dibuka\n\n"
        ),
        EVENTS: _events(StreamLine, {"data": examples.TRANSCRIPT_EVENT}),
    }
    return {"200": answer} | openai_errors_of(
        *_BODY,
        AudioUnreadable,
        AudioTypeUnsupported,
        AudioTooLong,
        AudioTooLarge,
        RecognitionFailed,
        SpeechEngineUnavailable,
    )


def _speech_responses() -> Responses:
    sounds = {
        media_type: {"schema": {"type": "string", "contentMediaType": media_type}}
        for media_type in AUDIO_MEDIA_TYPES.values()
    }
    answer: dict[str, Any] = {
        "description": "The sound.",
        "content": sounds
        | {EVENTS: _events(StreamLine, {"data": examples.SPEECH_EVENT})},
    }
    return {"200": answer} | openai_errors_of(
        *_BODY, SynthesisFailed, SpeechEngineUnavailable
    )


def _text(example: str) -> dict[str, Any]:
    return {"schema": {"type": "string"}, "example": example}


def _events(model: type[StreamLine], example: object) -> dict[str, Any]:
    return {"schema": {"$ref": REF + model.__name__}, "example": example}


def _form_body() -> dict[str, Any]:
    return {
        "required": True,
        "content": {
            MULTIPART: {
                "schema": {"$ref": REF + TranscriptionForm.__name__},
                "encoding": {"file": {"contentType": AUDIO_TYPES}},
            }
        },
    }
