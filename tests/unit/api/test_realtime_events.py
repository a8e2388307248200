"""What the realtime door says, read by the official client's own models."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from openai.types.realtime.client_secret_create_response import (
    ClientSecretCreateResponse,
)

from api.realtime.events import EventWriter, error_event, named
from api.realtime.models import (
    SessionIn,
    SessionUpdate,
    read_event,
    read_sound,
    update_config,
    write_session,
)
from domain.realtime import (
    EmotionRead,
    RealtimeConfig,
    RealtimeRefused,
    Refused,
    ResponseEnded,
    ResponseSound,
    ResponseStarted,
    ResponseText,
    SessionLost,
    SilenceNoted,
    SoundFormat,
    SpeechStarted,
    SpeechStopped,
    TextAdded,
    TurnDetection,
    UtteranceCommitted,
    WordsHeard,
    WordsNotHeard,
)
from domain.speech import Emotion, Transcript
from domain.turns import Answer
from tests.fakes.realtime_check import problems_of
from tests.fakes.services import citation

ANSWER = Answer(
    text="Pendaftaran dibuka 1 Maret 2026 [1].",
    citations=(citation(),),
    answered=True,
    confidence=0.83,
    language="id",
    conversation_id="c",
    message_id="msg_a",
    exec_time={"total": 0.2},
)
ENDS = [
    ResponseEnded(
        "resp_1", "completed", "Halo", answer=ANSWER, metrics={"stt_ms": 12.0}
    ),
    ResponseEnded("resp_1", "cancelled", "Ha", reason="turn_detected"),
    ResponseEnded("resp_1", "cancelled", "", reason="client_cancelled"),
    ResponseEnded("resp_1", "failed", "", code="state_unavailable", message="Away."),
]


def say(*events: object) -> list[dict[str, Any]]:
    """Return what the wire says for *events*, checked."""
    writer = EventWriter("conversation-1")
    said = [message for event in events for message in writer.write(event)]
    for message in said:
        assert problems_of(message) == []
    ids = [message["event_id"] for message in said]
    assert len(set(ids)) == len(ids)
    return said


def types(messages: list[dict[str, Any]]) -> list[str]:
    return [message["type"] for message in messages]


def test_what_is_heard_is_said_in_the_words_of_the_client() -> None:
    said = say(
        SpeechStarted("msg_q", 320),
        SpeechStopped("msg_q", 1800),
        UtteranceCommitted("msg_q", None),
        WordsHeard("msg_q", Transcript("halo", "id", 0.9), 1.2),
        WordsHeard("msg_q", Transcript("", "id", 0.0), 1.2),
        WordsNotHeard("msg_q", "stt_failed", "It failed."),
        TextAdded("msg_t", "msg_q", "Kapan?"),
        SilenceNoted("msg_s", 100, 200),
        Refused("rate_limited", "Too many."),
        SessionLost("visitor_session_ended", "Over."),
    )

    transcription = "conversation.item.input_audio_transcription"
    assert types(said) == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        f"{transcription}.delta",
        f"{transcription}.completed",
        f"{transcription}.completed",
        f"{transcription}.failed",
        "conversation.item.added",
        "conversation.item.done",
        "input_audio_buffer.timeout_triggered",
        "error",
        "error",
    ]
    assert said[-2]["error"]["type"] == "rate_limit_error"


@pytest.mark.parametrize("with_sound", [True, False])
@pytest.mark.parametrize("end", ENDS, ids=lambda end: f"{end.status} {end.reason}")
def test_an_answer_is_said_in_the_order_the_client_expects(
    end: ResponseEnded, with_sound: bool
) -> None:
    sound = [ResponseSound("resp_1", b"\x01\x02")] if with_sound else []

    said = say(
        ResponseStarted("resp_1", "msg_a", "msg_q", with_sound, {"k": "v"}),
        EmotionRead("resp_1", "msg_a", Emotion("happy", 0.61234, ("text",))),
        ResponseText("resp_1", "Ha"),
        *sound,
        end,
    )

    text, done = (
        ("response.output_audio_transcript", "transcript")
        if with_sound
        else ("response.output_text", "text")
    )
    assert types(said) == [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "x.emotion",
        f"{text}.delta",
        *(["response.output_audio.delta"] if with_sound else []),
        *(["response.output_audio.done"] if with_sound else []),
        f"{text}.done",
        "response.content_part.done",
        "response.output_item.done",
        "conversation.item.done",
        *(["x.sources"] if end.answer else []),
        *(["x.metrics"] if end.metrics else []),
        "response.done",
    ]
    by_type = {message["type"]: message for message in said}
    assert by_type[f"{text}.done"][done] == end.text
    response = by_type["response.done"]["response"]
    assert response["status"] == end.status
    assert response["metadata"] == {"k": "v"}
    assert response["conversation_id"] == "conversation-1"
    assert response["status_details"].get("reason") == end.reason
    if with_sound:
        delta = by_type["response.output_audio.delta"]["delta"]
        assert base64.b64decode(delta) == b"\x01\x02"
    if end.answer:
        sources = by_type["x.sources"]
        assert sources["answer"] == ANSWER.text
        assert sources["citations"][0]["page"] == 3
        assert sources["item_id"] == "msg_a"


def test_settings_are_told_as_the_client_knows_them() -> None:
    config = RealtimeConfig(
        hears=SoundFormat("pcmu", 8_000),
        speaks=SoundFormat("pcma", 8_000),
        language="id",
        voice="one",
    )
    for told in (RealtimeConfig(), config, RealtimeConfig(detection=None)):
        session = write_session(told, session_id="sess_1", expires_at=1)
        for kind in ("session.created", "session.updated"):
            event = named({"type": kind, "session": session | {"x.y": 1}})
            assert problems_of(event) == []
        secret = {"value": "ek_1", "expires_at": 1, "session": session}
        assert ClientSecretCreateResponse.model_validate(secret).session.type == (
            "realtime"
        )
    error = named(error_event("invalid_value", "No.", param="a", event_id="mine"))
    assert problems_of(error) == []


def update(session: dict[str, Any], config: RealtimeConfig) -> RealtimeConfig:
    event = {"type": "session.update", "session": session}
    return update_config(config, read_event(SessionUpdate, event).session)


def test_what_an_update_does_not_name_stays() -> None:
    first = update(
        {
            "type": "realtime",
            "instructions": "ignored",
            "output_modalities": ["text"],
            "audio": {
                "input": {
                    "format": {"type": "audio/pcm", "rate": 16000},
                    "transcription": {"language": "id-ID"},
                    "turn_detection": {"type": "server_vad", "threshold": 0.7},
                },
                "output": {"voice": {"id": "one"}, "speed": 1.5},
            },
        },
        RealtimeConfig(),
    )
    assert first == RealtimeConfig(
        hears=SoundFormat("pcm", 16_000),
        language="id",
        voice="one",
        speed=1.5,
        with_sound=False,
        detection=TurnDetection(threshold=0.7),
    )

    second = update(
        {
            "type": "realtime",
            "output_modalities": ["audio"],
            "audio": {
                "input": {
                    "turn_detection": {
                        "type": "semantic_vad",
                        "silence_duration_ms": 800,
                        "idle_timeout_ms": 6000,
                    }
                },
                "output": {"format": {"type": "audio/pcmu"}},
            },
        },
        first,
    )
    assert second.detection == TurnDetection(
        threshold=0.7, silence_ms=800, idle_timeout_ms=6000
    )
    assert second.speaks == SoundFormat("pcmu", 8_000)
    assert (second.hears, second.language) == (first.hears, "id")

    manual = update(
        {"type": "realtime", "audio": {"input": {"turn_detection": None}}}, second
    )
    assert manual.detection is None
    assert update({"type": "realtime"}, manual) == manual


@pytest.mark.parametrize(
    ("session", "param"),
    [
        ({"type": "transcription"}, "session.type"),
        ({"type": "realtime", "audio": 1}, "session.audio"),
        ({"audio": {"output": {"speed": 9}}}, "session.audio.output.speed"),
        (
            {"audio": {"input": {"format": {"type": "audio/pcm", "rate": 8000}}}},
            "session.audio.input.format",
        ),
        (
            {"audio": {"output": {"format": {"type": "audio/pcmu", "rate": 24000}}}},
            "session.audio.output.format",
        ),
        (
            {"audio": {"input": {"transcription": {"language": "fr"}}}},
            "session.audio.input.transcription.language",
        ),
        ({"output_modalities": []}, "session.output_modalities"),
    ],
)
def test_settings_that_cannot_be_are_refused_by_name(
    session: dict[str, Any], param: str
) -> None:
    with pytest.raises(RealtimeRefused) as refused:
        update(session, RealtimeConfig())

    assert (refused.value.code, refused.value.param) == ("invalid_value", param)


@pytest.mark.parametrize(
    ("text", "code"),
    [("!!!!", "invalid_audio"), ("é", "invalid_audio"), ("AAA", "invalid_audio")],
)
def test_sound_that_is_not_base64_is_refused(text: str, code: str) -> None:
    with pytest.raises(RealtimeRefused) as refused:
        read_sound(text)
    assert refused.value.code == code


def test_a_megabyte_of_sound_is_taken_and_no_more() -> None:
    megabyte = base64.b64encode(bytes(1024 * 1024)).decode()

    assert len(read_sound(megabyte)) == 1024 * 1024
    with pytest.raises(RealtimeRefused) as refused:
        read_sound(megabyte + "AAAAAAAA")
    assert refused.value.code == "audio_too_large"


def test_a_session_kept_as_json_says_the_same_again() -> None:
    session = SessionIn.model_validate(
        {"audio": {"input": {"turn_detection": None}, "output": {"speed": 2.0}}}
    )

    again = SessionIn.model_validate_json(session.model_dump_json(exclude_unset=True))

    config = update_config(RealtimeConfig(), again)
    assert (config.detection, config.speed) == (None, 2.0)
