"""`POST /v1/audio`: every form of the answer, every way to be refused."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from api.cors import EXPOSED_HEADERS
from domain.errors import (
    ConversationBusy,
    EmotionFailed,
    RecognitionFailed,
    RetrievalUnavailable,
    SpeechEngineUnavailable,
    SynthesisFailed,
    UpstreamError,
)
from domain.speech import Emotion
from speech.encoding import parse_wav
from tests.fakes.http import CHAT
from tests.fakes.problems import assert_problem
from tests.fakes.services import FakeParts
from tests.fakes.sound import recording, silence

OLD_FIELDS = ["audio", "transcript", "answer", "sources", "exec_time"]


async def _ask(
    client: httpx.AsyncClient,
    audio: bytes | None = None,
    *,
    headers: dict[str, str] | None = None,
    **fields: str,
) -> httpx.Response:
    return await client.post(
        "/v1/audio",
        headers=CHAT | (headers or {}),
        files={"audio": ("q.wav", recording() if audio is None else audio)},
        data=fields,
    )


def _events(reply: httpx.Response) -> list[dict[str, Any]]:
    events = []
    for block in reply.text.strip().split("\n\n"):
        lines = block.split("\n")
        if lines[0].startswith(":"):
            continue
        name = lines[0].removeprefix("event: ")
        data = json.loads(lines[1].removeprefix("data: "))
        assert data["type"] == name
        events.append(data)
    return events


async def test_the_answer_holds_every_field_of_the_contract(
    client: httpx.AsyncClient,
) -> None:
    reply = await _ask(client)

    body = reply.json()
    assert reply.status_code == 200
    assert set(body) >= {
        *OLD_FIELDS,
        "citations",
        "answered",
        "spoken",
        "emotion",
        "language",
        "confidence",
        "audio_format",
        "sample_rate",
        "conversation_id",
        "message_id",
        "warnings",
        "degraded",
    }
    assert body["transcript"] == "kapan pendaftaran dibuka"
    assert body["answer"] == "Pendaftaran dibuka 1 Maret 2026 [1]."
    assert body["emotion"] == {
        "label": "neutral",
        "score": 0.9,
        "from": ["text", "sound"],
    }
    assert all(isinstance(seconds, float) for seconds in body["exec_time"].values())


async def test_the_sound_is_the_hex_of_a_whole_wav_file(
    client: httpx.AsyncClient,
) -> None:
    wav = bytes.fromhex((await _ask(client)).json()["audio"])

    assert int.from_bytes(wav[4:8], "little") == len(wav) - 8
    assert int.from_bytes(wav[40:44], "little") == len(wav) - 44
    assert parse_wav(wav).rate_hz == 16_000


@pytest.mark.parametrize(
    ("audio_format", "begins"), [("wav", b"RIFF"), ("mp3", b""), ("opus", b"OggS")]
)
async def test_format_rate_and_encoding_are_those_asked_for(
    client: httpx.AsyncClient, audio_format: str, begins: bytes
) -> None:
    reply = await _ask(
        client,
        audio_format=audio_format,
        audio_encoding="base64",
        sample_rate="24000",
    )

    body = reply.json()
    sound = base64.b64decode(body["audio"])
    assert (body["audio_format"], body["sample_rate"]) == (audio_format, 24_000)
    assert sound.startswith(begins)
    assert len(sound) > 500


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("audio/wav", "audio/wav"),
        ("audio/mpeg", "audio/mpeg"),
        ("audio/ogg", "audio/ogg"),
        ("audio/*", "audio/wav"),
        ("application/json;q=0.5, audio/wav", "audio/wav"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
    ],
)
async def test_accept_decides_what_comes_back(
    client: httpx.AsyncClient, accept: str, media_type: str
) -> None:
    reply = await _ask(client, headers={"Accept": accept})

    assert reply.status_code == 200
    assert reply.headers["content-type"] == media_type


async def test_bare_sound_has_its_texts_in_headers(client: httpx.AsyncClient) -> None:
    reply = await _ask(client, headers={"Accept": "audio/wav"})

    assert parse_wav(reply.content).seconds > 1
    assert unquote(reply.headers["x-transcript"]) == "kapan pendaftaran dibuka"
    assert unquote(reply.headers["x-answer"]) == "Pendaftaran dibuka 1 Maret 2026 [1]."
    assert reply.headers["x-answered"] == "true"
    assert reply.headers["x-language"] == "id"
    assert json.loads(reply.headers["x-exec-time"])["total"] > 0
    # A page of another origin reads what is exposed, and nothing else.
    ours = {name for name in reply.headers if name.startswith("x-")}
    assert ours - {"x-content-type-options"} <= set(EXPOSED_HEADERS.lower().split(", "))


async def test_texts_in_headers_stay_short(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    parts.sound.stt.texts = "ünïcödé wörds " * 300

    reply = await _ask(client, headers={"Accept": "audio/wav"})

    assert len(reply.headers["x-transcript"]) <= 1_500
    assert unquote(reply.headers["x-transcript"]).endswith("…")


async def test_bare_sound_that_failed_comes_as_json(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    parts.sound.tts.failure = SynthesisFailed()

    reply = await _ask(client, headers={"Accept": "audio/wav"})

    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/json"
    assert reply.json()["warnings"] == ["tts_failed"]


async def test_nothing_acceptable_is_406(client: httpx.AsyncClient) -> None:
    reply = await _ask(client, headers={"Accept": "image/png"})

    assert_problem(reply, 406, "not_acceptable")


@pytest.mark.parametrize(
    ("headers", "fields"),
    [({"Accept": "text/event-stream"}, {}), ({}, {"stream": "true"})],
)
async def test_a_stream_has_the_events_of_the_contract(
    client: httpx.AsyncClient, headers: dict[str, str], fields: dict[str, str]
) -> None:
    reply = await client.post(
        "/v1/audio",
        headers=CHAT | headers,
        files={"audio": ("q.wav", recording())},
        data=fields,
    )

    assert reply.headers["content-type"].startswith("text/event-stream")
    assert reply.headers["x-accel-buffering"] == "no"
    events = _events(reply)
    names = [event["type"] for event in events]
    assert names[:2] == ["transcript.text.delta", "transcript.text.done"]
    assert names[-2:] == ["speech.audio.done", "response.done"]
    assert {"emotion.done", "retrieval.completed"} <= set(names)
    text = "".join(
        event["delta"]
        for event in events
        if event["type"] == "response.output_text.delta"
    )
    done = events[-1]
    assert text == done["answer"]
    assert done["time_to_first_audio"] <= done["exec_time"]["total"]
    assert "audio" not in done


async def test_streamed_sound_is_pcm_at_the_rate_asked_for(
    client: httpx.AsyncClient,
) -> None:
    reply = await _ask(client, stream="true", sample_rate="8000")

    pieces = [one for one in _events(reply) if one["type"] == "speech.audio.delta"]
    pcm = b"".join(base64.b64decode(piece["audio"]) for piece in pieces)
    assert {piece["sample_rate"] for piece in pieces} == {8_000}
    assert len(pcm) % 2 == 0
    assert len(pcm) / 16_000 > 1
    assert pieces[0]["index"] == 0
    assert pieces[0]["text"].startswith("Pendaftaran dibuka satu Maret")


@pytest.mark.parametrize("stream", ["false", "true"])
async def test_a_failing_answer_tells_what_was_heard(
    client: httpx.AsyncClient, parts: FakeParts, stream: str
) -> None:
    parts.rag.failure_first = RetrievalUnavailable()

    reply = await _ask(client, stream=stream)

    if stream == "true":
        error = _events(reply)[-1]
        assert error["type"] == "error"
    else:
        assert_problem(reply, 503, "retrieval_unavailable")
        error = reply.json()
    assert error["code"] == "retrieval_unavailable"
    assert error["transcript"] == "kapan pendaftaran dibuka"


@pytest.mark.parametrize("stream", ["false", "true"])
@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (RecognitionFailed(), 502, "stt_failed"),
        (SpeechEngineUnavailable("Nothing is installed."), 503, None),
    ],
)
async def test_a_failing_recogniser_has_its_status_even_of_a_stream(
    client: httpx.AsyncClient,
    parts: FakeParts,
    failure: Any,
    status: int,
    code: str | None,
    stream: str,
) -> None:
    parts.sound.stt.failure = failure

    reply = await _ask(client, stream=stream)

    assert_problem(reply, status, code or "speech_engine_unavailable")
    assert parts.rag.turns == []


async def test_partial_results_survive(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    parts.sound.emotion.failure = EmotionFailed()
    parts.sound.tts.failure = SynthesisFailed()

    body = (await _ask(client)).json()

    assert body["audio"] == ""
    assert body["emotion"] is None
    assert sorted(body["warnings"]) == ["emotion_failed", "tts_failed"]
    assert body["answer"] == "Pendaftaran dibuka 1 Maret 2026 [1]."


async def test_uncertain_words_are_asked_for_again(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    parts.sound.stt.confidence = 0.2

    body = (await _ask(client)).json()

    assert body["warnings"] == ["please_repeat"]
    assert body["answered"] is False
    assert body["sources"] == ""
    assert body["audio"]


@pytest.mark.parametrize(
    ("audio", "status", "code"),
    [
        (b"<html>", 415, "audio_type_unsupported"),
        (b"RIFF....WAVEfmt ", 400, "audio_unreadable"),
        (silence(), 422, "no_speech"),
        (recording(121), 422, "audio_too_long"),
        (b"", 422, "validation_failed"),
    ],
)
async def test_what_cannot_be_heard_is_refused(
    client: httpx.AsyncClient, audio: bytes, status: int, code: str
) -> None:
    reply = await _ask(client, audio)

    assert_problem(reply, status, code)


async def test_more_bytes_than_allowed_are_refused(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    parts.sound.decoder.max_bytes = 1_000

    assert_problem(await _ask(client), 413, "audio_too_large")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("language", "fr"),
        ("audio_format", "aiff"),
        ("audio_encoding", "uu"),
        ("sample_rate", "7999"),
        ("sample_rate", "48001"),
        ("sample_rate", "16e3"),
        ("sample_rate", "9" * 400),
        ("stream", "maybe"),
        ("voice", "v" * 65),
        ("max_results", "0"),
        ("max_results", "21"),
        ("page", "[]"),
        ("page", "{not json"),
        ("user", '{"name": 7}'),
        ("user", '{"x": "' + "y" * 5_000 + '"}'),
        ("selected_text", "s" * 8_001),
    ],
)
async def test_a_field_that_is_not_acceptable_is_named(
    client: httpx.AsyncClient, parts: FakeParts, name: str, value: str
) -> None:
    reply = await client.post(
        "/v1/audio",
        headers=CHAT,
        files={"audio": ("q.wav", recording())},
        data={name: value},
    )

    assert_problem(reply, 422, "validation_failed")
    assert reply.json()["errors"][0]["field"].split(".")[0] == name
    assert parts.rag.turns == []


async def test_context_reaches_the_agent_as_in_the_chat(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    await _ask(
        client,
        page='{"title": "Biaya"}',
        user='{"name": "Sari"}',
        selected_text="UKT",
        max_results="3",
        language="id",
    )

    question = parts.rag.turns[0].question
    assert question.page == {"title": "Biaya"}
    assert question.user == {"name": "Sari"}
    assert question.selected_text == "UKT"
    assert question.max_results == 3
    assert question.language == "id"


async def test_empty_fields_count_as_absent(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    reply = await _ask(client, language="", voice=" ", page="", stream="")

    assert reply.status_code == 200
    assert parts.sound.stt.languages == [None]


async def test_a_conversation_id_is_required(client: httpx.AsyncClient) -> None:
    reply = await client.post("/v1/audio", files={"audio": ("q.wav", recording())})

    assert_problem(reply, 400, "conversation_id_invalid")


async def test_the_file_is_required_and_comes_once(client: httpx.AsyncClient) -> None:
    none = await client.post("/v1/audio", headers=CHAT, files={"other": ("a", b"x")})
    two = await client.post(
        "/v1/audio",
        headers=CHAT,
        files=[("audio", ("a", recording())), ("audio", ("b", recording()))],
    )

    for reply in (none, two):
        assert_problem(reply, 422, "validation_failed")
        assert reply.json()["errors"][0]["field"] == "audio"


async def test_another_content_type_is_refused(client: httpx.AsyncClient) -> None:
    reply = await client.post(
        "/v1/audio",
        headers=CHAT | {"Content-Type": "audio/wav"},
        content=recording(),
    )

    assert_problem(reply, 415, "media_type_unsupported")


async def test_a_busy_conversation_is_409(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    parts.rag.failure_first = ConversationBusy()

    assert_problem(await _ask(client), 409, "conversation_busy")


async def test_a_retry_with_its_key_speaks_the_stored_words_again(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    key = {"Idempotency-Key": "k1"}
    first = await _ask(client, headers=key)

    again = await _ask(client, headers=key)

    assert again.headers["idempotency-replayed"] == "true"
    assert len(parts.rag.turns) == 1
    same = dict(first.json()) | {"audio": ""}
    assert dict(again.json()) | {"audio": ""} == same
    assert parse_wav(bytes.fromhex(again.json()["audio"])).seconds > 1


async def test_a_replayed_stream_has_the_same_ends(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    key = {"Idempotency-Key": "k2"}
    await _ask(client, headers=key)

    events = _events(await _ask(client, headers=key, stream="true"))

    names = [event["type"] for event in events]
    assert names[0] == "transcript.text.done"
    assert names[-1] == "response.done"
    assert "speech.audio.delta" in names
    assert len(parts.rag.turns) == 1


async def test_a_key_with_another_recording_is_refused(
    client: httpx.AsyncClient,
) -> None:
    key = {"Idempotency-Key": "k3"}
    await _ask(client, headers=key)

    reply = await _ask(client, recording(0.7), headers=key)

    assert_problem(reply, 422, "idempotency_key_reused")


async def test_a_failed_turn_frees_its_key(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    key = {"Idempotency-Key": "k4"}
    parts.rag.failure_first = UpstreamError()
    assert (await _ask(client, headers=key)).status_code == 502
    parts.rag.failure_first = None

    reply = await _ask(client, headers=key)

    assert reply.status_code == 200
    assert "idempotency-replayed" not in reply.headers


async def test_emotion_is_told_in_the_answer(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    parts.sound.emotion.emotion = Emotion("angry", 0.81234, ("text",))

    body = (await _ask(client)).json()

    assert body["emotion"] == {"label": "angry", "score": 0.8123, "from": ["text"]}
    assert body["spoken"].startswith("Mohon maaf")


async def test_turns_run_side_by_side(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    parts.rag.pause = asyncio.Event()
    tasks = [asyncio.create_task(_ask(client)) for _ in range(4)]
    asyncio.get_running_loop().call_later(0.5, parts.rag.pause.set)

    done, pending = await asyncio.wait(tasks, timeout=10)

    assert not pending
    assert {task.result().status_code for task in done} == {200}
    assert len(parts.rag.turns) == 4


async def test_voice_counts_in_the_metrics(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    parts.sound.tts.failure = SynthesisFailed()
    await _ask(client)

    text = (await client.get("/metrics")).text

    assert 'tanya_voice_warnings_total{warning="tts_failed"} 1.0' in text
    assert 'tanya_turn_stage_seconds_count{stage="speech_to_text"} 1.0' in text
