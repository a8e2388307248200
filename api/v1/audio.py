"""`POST /v1/audio`: a spoken question, answered in words and in sound."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from flask import Response

from api import sse
from api.context import Edge, caller, edge, request_id
from api.errors import problem_response
from api.event_streams import Wire, event_stream
from api.idempotency import Claim, fingerprint
from api.kiosk_access import conversation_of_request
from api.openapi import REF, Responses, errors_of, json_of
from api.problems import problem
from api.routes import Routes
from api.streams import AsyncStream
from api.v1 import audio_examples as examples
from api.v1.audio_form import MULTIPART, SpokenRequest, read_spoken_request
from api.v1.audio_replies import (
    EVENTS,
    SOUND_TYPES,
    Kind,
    choose_kind,
    encode_speech,
    json_reply,
    replay_events,
    sound_reply,
    write_error,
    write_event,
)
from api.v1.audio_schemas import (
    AUDIO_TYPES,
    AudioForm,
    AudioFormat,
    VoiceAnswer,
    VoiceEvent,
)
from api.v1.audio_turns import RunningVoiceTurn
from api.v1.chat import REPLAYED
from api.v1.turn_headers import VoiceHeaders
from domain.deadlines import Deadline
from domain.errors import (
    AppError,
    AudioTooLarge,
    AudioTooLong,
    AudioTypeUnsupported,
    AudioUnreadable,
    BadRequest,
    ConversationBusy,
    Forbidden,
    IdempotencyKeyReused,
    InvalidConversationID,
    LeaseLost,
    MalformedBody,
    NoSpeech,
    NotAcceptable,
    PayloadTooLarge,
    RecognitionFailed,
    RequestTimeout,
    RetrievalUnavailable,
    ServerRestarting,
    SpeechEngineUnavailable,
    StateUnavailable,
    TurnStillRunning,
    TurnTimeout,
    UnsupportedMediaType,
    UpstreamBadResponse,
    UpstreamBusy,
    UpstreamError,
    UpstreamQuotaExhausted,
    ValidationFailed,
    VisitorSessionEnded,
    VisitorSessionRequired,
)
from domain.ports import StoredReply
from domain.speech import AudioClip, VoiceCompleted, VoiceReply, VoiceStyle, VoiceTurn
from domain.speech_ports import SpeechServices
from domain.turns import Question, Turn

ROUTE = "POST /v1/audio"


@dataclass(frozen=True, slots=True)
class _Wanted:
    """How the answer is to be sent."""

    form: AudioForm
    kind: Kind
    audio_format: AudioFormat


def build_routes() -> Routes:
    """Return the blueprint of spoken turns."""
    routes = Routes(
        "audio",
        tag="Voice",
        about="Ask the documents aloud.",
        models=(AudioForm, VoiceAnswer, VoiceEvent),
        url_prefix="/v1",
    )
    routes.post(
        "/audio",
        operation_id="ask_aloud",
        summary="Ask a question aloud",
        description=examples.DESCRIPTION,
        openapi_extensions={"requestBody": _request_body()},
        responses=_responses(),
    )(audio)
    return routes


async def audio(header: VoiceHeaders) -> Response:
    """Answer one spoken question in its conversation."""
    here = edge()
    speech = here.services.speech
    if speech is None:
        raise SpeechEngineUnavailable("Speech is switched off.")
    conversation_id = await conversation_of_request()
    spoken = await here.blocking.run(read_spoken_request)
    wanted = _Wanted(spoken.form, *choose_kind(spoken.form))
    claim = _claim(here, conversation_id, spoken, key=header.idempotency_key)
    stored = await claim.begin()
    if stored is not None:
        return await _replay(here, speech, stored, wanted)
    turn = _turn(conversation_id, spoken, claim, seconds=here.options.voice_seconds)
    running = RunningVoiceTurn(speech.voice, turn, claim=claim, metrics=here.metrics)
    if wanted.kind == "stream":
        return _stream(here, running)
    return await _whole(speech, running, wanted, seconds=here.options.voice_seconds)


def _claim(
    here: Edge, conversation_id: str, spoken: SpokenRequest, *, key: str | None
) -> Claim:
    asked = spoken.form.model_dump(exclude={"stream"})
    digest = hashlib.sha256(spoken.audio).hexdigest()
    # The next visitor of a device is somebody else, whatever key the device sends.
    scope = "" if caller().kind == "program" else f" {conversation_id}"
    return Claim(
        store=here.services.idempotency,
        tenant=caller().tenant,
        route=ROUTE + scope,
        key=key,
        digest=fingerprint(conversation_id, asked, digest),
    )


def _turn(
    conversation_id: str, spoken: SpokenRequest, claim: Claim, *, seconds: float
) -> VoiceTurn:
    form = spoken.form
    question_id, message_id = claim.message_ids(conversation_id)
    return VoiceTurn(
        turn=Turn(
            caller=caller(),
            conversation_id=conversation_id,
            question=Question(
                text="",
                selected_text=form.selected_text,
                page=form.page.model_dump(exclude_none=True) if form.page else None,
                user=form.user.model_dump(exclude_none=True) if form.user else None,
                max_results=form.max_results,
                language=form.language,
            ),
            question_id=question_id,
            message_id=message_id,
            deadline=Deadline.after(seconds),
        ),
        audio=spoken.audio,
        style=VoiceStyle(
            language=form.language or "en", voice=form.voice, rate_hz=form.sample_rate
        ),
        language=form.language,
    )


async def _whole(
    speech: SpeechServices,
    running: RunningVoiceTurn,
    wanted: _Wanted,
    *,
    seconds: float,
) -> Response:
    reply: VoiceReply | None = None
    try:
        async for step in running.steps(silence_seconds=seconds):
            if isinstance(step, VoiceCompleted):
                reply = step.reply
    except AppError as exc:
        # What was heard is not lost with the answer.
        return problem_response(exc, **_heard(running))
    finally:
        # The bridge cancels this view when the client leaves.
        await running.close()
    if reply is None:
        raise RequestTimeout("The client left before the answer.")
    return await _send(
        speech, VoiceAnswer.without_audio(reply), reply.speech, wanted, headers={}
    )


def _heard(running: RunningVoiceTurn) -> dict[str, str]:
    return {"transcript": running.transcript} if running.transcript else {}


async def _send(
    speech: SpeechServices,
    body: Mapping[str, Any],
    clip: AudioClip | None,
    wanted: _Wanted,
    *,
    headers: Mapping[str, str],
) -> Response:
    sound = await encode_speech(speech, clip, audio_format=wanted.audio_format)
    # Without sound there is still an answer, and JSON is what can hold it.
    if wanted.kind == "sound" and sound:
        return sound_reply(
            body, sound, audio_format=wanted.audio_format, headers=headers
        )
    return json_reply(body, sound, wanted.form, headers=headers)


def _stream(here: Edge, running: RunningVoiceTurn) -> AsyncStream:
    number = request_id()

    def fail(error: AppError) -> bytes:
        return write_error(problem(error, request_id=number) | _heard(running))

    # The first event is what was heard: until then a failure has its own status.
    return event_stream(here, lambda: running, Wire(write_event, fail))


async def _replay(
    here: Edge, speech: SpeechServices, stored: StoredReply, wanted: _Wanted
) -> Response:
    """Answer with the stored words, spoken again."""
    body = orjson.loads(stored.body)
    clip = await _speak_again(here, speech, body, wanted.form)
    if wanted.kind == "stream":
        return Response(
            replay_events(body, clip),
            headers=sse.HEADERS | REPLAYED,
            mimetype="text/event-stream",
        )
    return await _send(speech, body, clip, wanted, headers=REPLAYED)


async def _speak_again(
    here: Edge, speech: SpeechServices, body: Mapping[str, Any], form: AudioForm
) -> AudioClip | None:
    spoken = bytearray()
    try:
        async for clip in speech.narrator.narrate(
            body["spoken"],
            rate_hz=form.sample_rate,
            voice=form.voice,
            language=body["language"],
            deadline=Deadline.after(here.options.voice_seconds),
        ):
            spoken += clip.pcm
    except AppError:
        return None
    return AudioClip(bytes(spoken), form.sample_rate)


def _request_body() -> dict[str, Any]:
    return {
        "required": True,
        "content": {
            MULTIPART: {
                "schema": {"$ref": f"{REF}{AudioForm.__name__}"},
                "encoding": {"audio": {"contentType": AUDIO_TYPES}},
            }
        },
    }


def _responses() -> Responses:
    answer = json_of(
        VoiceAnswer,
        examples.ANSWER,
        description="The answer or the refusal, in words and in sound.",
        headers={"Idempotency-Replayed": "`true` on a stored answer."},
    )
    answer["content"][EVENTS] = {
        "schema": {"$ref": f"{REF}{VoiceEvent.__name__}"},
        "example": examples.EVENT,
    }
    sound = {"schema": {"type": "string", "contentMediaType": "audio/wav"}}
    for media_type in SOUND_TYPES:
        answer["content"][media_type] = sound
    return {"200": answer} | errors_of(
        BadRequest,
        InvalidConversationID,
        VisitorSessionRequired,
        MalformedBody,
        AudioUnreadable,
        Forbidden,
        VisitorSessionEnded,
        NotAcceptable,
        RequestTimeout,
        ConversationBusy,
        TurnStillRunning,
        LeaseLost,
        PayloadTooLarge,
        AudioTooLarge,
        UnsupportedMediaType,
        AudioTypeUnsupported,
        ValidationFailed,
        AudioTooLong,
        NoSpeech,
        IdempotencyKeyReused,
        UpstreamError,
        UpstreamBadResponse,
        RecognitionFailed,
        ServerRestarting,
        StateUnavailable,
        RetrievalUnavailable,
        SpeechEngineUnavailable,
        UpstreamBusy,
        UpstreamQuotaExhausted,
        TurnTimeout,
    )
