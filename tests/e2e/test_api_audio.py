"""Spoken turns by HTTP with nothing configured: real engines, real containers."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.recordings import CONTAINERS, Recording, contain, load_recordings
from bench.voice import count_errors
from domain.speech import AudioClip
from speech.audio import decode
from speech.encoding import encode_wav, parse_wav
from tests.e2e.conftest import SAMPLES
from tests.service import RunningService, start_service

Ingest = Callable[[httpx.Client, Path], Any]

SPEECH = SAMPLES.parent / "speech"
MOST_WRONG = 0.35
"""Share of words over the four samples; 8 of 28 were wrong when this was written."""


@pytest.fixture(scope="module")
def recordings() -> list[Recording]:
    return load_recordings(SPEECH)


@pytest.fixture(scope="module")
def spoken_service() -> Iterator[RunningService]:
    with start_service() as running:
        yield running


@pytest.fixture
def voice(spoken_service: RunningService) -> Iterator[httpx.Client]:
    with spoken_service.client(timeout=60) as client:
        yield client


def ask(
    client: httpx.Client,
    audio: bytes,
    *,
    conversation: str = "spoken",
    headers: dict[str, str] | None = None,
    **fields: str,
) -> httpx.Response:
    return client.post(
        "/v1/audio",
        headers={"X-Conversation-Id": conversation} | (headers or {}),
        files={"audio": ("question", audio)},
        data=fields,
    )


@pytest.mark.parametrize("kind", CONTAINERS)
def test_every_container_is_heard(
    voice: httpx.Client, recordings: list[Recording], kind: str
) -> None:
    errors = words = 0
    for recording in recordings:
        reply = ask(voice, contain(recording.clip, kind), language="en")
        assert reply.status_code == 200, reply.text
        body = reply.json()
        errors += count_errors(recording.words, body["transcript"].split())
        words += len(recording.words)
        assert parse_wav(bytes.fromhex(body["audio"])).seconds > 1
        assert body["exec_time"]["speech_to_text"] > 0

    assert errors <= MOST_WRONG * words


def test_a_spoken_question_is_a_turn_of_the_typed_conversation(
    voice: httpx.Client, recordings: list[Recording], ingest: Ingest, tmp_path: Path
) -> None:
    paper = tmp_path / "weather.txt"
    paper.write_text(
        "Campus weather. The weather is warm and humid, like everywhere on the coast."
    )
    assert ingest(voice, paper)["status"] == "ready"
    weather = next(one for one in recordings if "weather" in one.words)

    body = ask(
        voice, contain(weather.clip, "ogg"), conversation="both", language="en"
    ).json()
    typed = voice.get("/v1/conversations/both").json()

    assert body["transcript"] == "what's the weather like"
    assert body["answered"]
    assert body["citations"][0]["title"]
    assert body["spoken"] != body["answer"]
    assert [message["text"] for message in typed["messages"]] == [
        body["transcript"],
        body["answer"],
    ]
    assert typed["messages"][1]["citations"] == body["citations"]


def test_streamed_sound_is_the_whole_answer(
    voice: httpx.Client, recordings: list[Recording]
) -> None:
    weather = next(one for one in recordings if "weather" in one.words)
    events: list[dict[str, Any]] = []
    with voice.stream(
        "POST",
        "/v1/audio",
        headers={"X-Conversation-Id": "streamed", "Accept": "text/event-stream"},
        files={"audio": ("q.webm", contain(weather.clip, "webm"))},
        data={"language": "en", "sample_rate": "24000"},
    ) as reply:
        assert reply.status_code == 200
        events = [
            json.loads(line.removeprefix("data: "))
            for line in reply.iter_lines()
            if line.startswith("data: ")
        ]

    sound = b"".join(
        base64.b64decode(event["audio"])
        for event in events
        if event["type"] == "speech.audio.delta"
    )
    done = events[-1]
    assert done["type"] == "response.done"
    assert 0 < done["time_to_first_audio"] <= done["exec_time"]["total"]
    # Ten to twenty-five characters are spoken in a second.
    seconds = len(sound) / 2 / 24_000
    assert len(done["spoken"]) / 25 < seconds < len(done["spoken"]) / 8


@pytest.mark.parametrize(
    ("audio_format", "begins"), [("mp3", b""), ("opus", b"OggS"), ("wav", b"RIFF")]
)
def test_the_answer_plays_in_the_format_asked_for(
    voice: httpx.Client,
    recordings: list[Recording],
    audio_format: str,
    begins: bytes,
) -> None:
    reply = ask(
        voice,
        contain(recordings[0].clip, "wav"),
        language="en",
        audio_format=audio_format,
    )

    sound = bytes.fromhex(reply.json()["audio"])
    assert sound.startswith(begins)
    assert decode(sound, max_seconds=120).seconds > 1


@pytest.mark.parametrize(
    "clip",
    [
        AudioClip(bytes(2 * 16_000), 16_000),
        AudioClip(bytes(range(256)) * 2, 16_000),
    ],
)
def test_what_nobody_said_is_not_answered(voice: httpx.Client, clip: AudioClip) -> None:
    reply = ask(voice, encode_wav(clip), conversation="silent")

    assert reply.status_code == 422
    assert reply.json()["code"] == "no_speech"
    assert voice.get("/v1/conversations/silent").status_code == 404


def test_a_recording_over_the_limit_is_told_so(voice: httpx.Client) -> None:
    reply = ask(voice, bytes(17 * 1024 * 1024))

    assert reply.status_code == 413
    assert reply.json()["code"] == "audio_too_large"


def test_health_names_the_engines(voice: httpx.Client) -> None:
    components = voice.get("/health").json()["components"]

    assert components["speech_to_text"] == "embedded"
    assert components["text_to_speech"] == "embedded"


def test_engines_that_are_off_are_named_before_anybody_asks(
    recordings: list[Recording],
) -> None:
    switched_off = {"STT_ENGINE": "off", "TTS_ENGINE": "off", "EMOTION_ENGINE": "off"}
    with start_service(switched_off) as service, service.client() as client:
        components = client.get("/health").json()["components"]
        reply = ask(client, contain(recordings[0].clip, "wav"))

    assert components["speech_to_text"] == "off"
    assert reply.status_code == 503
    assert reply.json()["code"] == "speech_engine_unavailable"
