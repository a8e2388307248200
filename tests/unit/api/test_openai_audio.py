"""`/v1/audio/transcriptions` and `/v1/audio/speech` in this process, on fakes."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import struct
from collections.abc import AsyncIterator
from typing import Any

import av
import httpx
import pytest

from api.bridge import Bridge
from app import create_app
from domain.deadlines import Deadline
from domain.errors import RecognitionFailed, SpeechEngineUnavailable, SynthesisFailed
from domain.speech import AUDIO_MEDIA_TYPES, AudioClip, VoiceStyle
from speech.audio import sniff
from speech.encoding import parse_wav
from tests.fakes.asgi import Call, make_call
from tests.fakes.http import AUTH, make_bridge, make_settings
from tests.fakes.services import KEY, FakeParts
from tests.fakes.sound import recording, silence
from tests.fakes.speech import FakeTTS

HEAR, SAY = "/v1/audio/transcriptions", "/v1/audio/speech"
WORDS = "kapan pendaftaran dibuka"
SAYING = {
    "model": "tanya-speech",
    "input": "Pendaftaran dibuka 1 Maret. Biayanya Rp 300.000 saja.",
    "voice": "alloy",
}
LISTS: dict[str, Any] = {
    "include[]": "logprobs",
    "timestamp_granularities[]": ["segment"],
}
SNIFFED = {"wav": "wav", "mp3": "mp3", "opus": "ogg", "aac": "aac", "flac": "flac"}


class HesitantTTS(FakeTTS):
    """Waits before the second sentence."""

    def __init__(self) -> None:
        super().__init__()
        self.hesitates = asyncio.Event()
        self.may_go_on = asyncio.Event()
        self.stopped = False

    async def speak(
        self, text: str, *, style: VoiceStyle, deadline: Deadline
    ) -> AsyncIterator[AudioClip]:
        try:
            if self.spoken:
                self.hesitates.set()
                await self.may_go_on.wait()
            async for clip in super().speak(text, style=style, deadline=deadline):
                yield clip
        except asyncio.CancelledError:
            self.stopped = True
            raise


def make_speech_call(**more: str) -> Call:
    return make_call(
        SAY,
        method="POST",
        body=json.dumps(SAYING | more).encode(),
        headers=[
            (b"content-type", b"application/json"),
            (b"x-api-key", KEY.encode()),
        ],
    )


async def hear(
    client: httpx.AsyncClient, audio: bytes | None = None, /, **fields: Any
) -> httpx.Response:
    return await client.post(
        HEAR,
        files={"file": ("speech.wav", recording() if audio is None else audio)},
        data={"model": "tanya-transcribe"} | fields,
    )


def assert_error(
    reply: httpx.Response, status: int, code: str, *, param: str | None = None
) -> None:
    assert reply.status_code == status, reply.text
    error = reply.json()["error"]
    assert (error["code"], error["param"]) == (code, param)


def data_of(text: str) -> list[Any]:
    return [
        json.loads(line.removeprefix("data: ")) for line in text.split("\n\n") if line
    ]


def seconds_of(data: bytes) -> float:
    with av.open(io.BytesIO(data), mode="r") as container:
        frames = list(container.decode(container.streams.audio[0]))
    return sum(frame.samples / frame.sample_rate for frame in frames)


async def test_words_come_back_with_the_length_listened_to(
    client: httpx.AsyncClient,
) -> None:
    reply = await hear(client)

    assert reply.json() == {
        "text": WORDS,
        "usage": {"type": "duration", "seconds": 0.5},
    }


@pytest.mark.parametrize(
    ("response_format", "media_type", "text"),
    [
        ("text", "text/plain", f"{WORDS}\n"),
        ("srt", "text/plain", f"1\n00:00:00,000 --> 00:00:00,500\n{WORDS}\n\n"),
        ("vtt", "text/vtt", f"WEBVTT\n\n00:00:00.000 --> 00:00:00.500\n{WORDS}\n\n"),
    ],
)
async def test_words_come_as_text_and_as_captions(
    client: httpx.AsyncClient, response_format: str, media_type: str, text: str
) -> None:
    reply = await hear(client, response_format=response_format)

    assert reply.headers["content-type"] == f"{media_type}; charset=utf-8"
    assert reply.text == text


async def test_the_verbose_form_has_one_segment(client: httpx.AsyncClient) -> None:
    body = (await hear(client, response_format="verbose_json")).json()

    assert (body["text"], body["language"], body["duration"]) == (
        WORDS,
        "indonesian",
        0.5,
    )
    (segment,) = body["segments"]
    assert (segment["start"], segment["end"], segment["text"]) == (0.0, 0.5, WORDS)
    assert -0.2 < segment["avg_logprob"] < 0


@pytest.mark.parametrize(
    ("response_format", "expected"),
    [
        ("text", "\n"),
        ("srt", ""),
        ("vtt", "WEBVTT\n\n"),
        ("json", '{"text":"","usage":{"type":"duration","seconds":0.5}}'),
    ],
)
async def test_silence_has_no_words_and_the_engine_is_not_asked(
    client: httpx.AsyncClient, parts: FakeParts, response_format: str, expected: str
) -> None:
    reply = await hear(client, silence(), response_format=response_format)

    assert (reply.status_code, reply.text) == (200, expected)
    assert parts.sound.stt.heard == []


async def test_words_are_streamed(client: httpx.AsyncClient) -> None:
    reply = await hear(client, stream="true")

    assert reply.headers["content-type"].startswith("text/event-stream")
    assert data_of(reply.text) == [
        {"type": "transcript.text.delta", "delta": WORDS},
        {"type": "transcript.text.done", "text": WORDS},
    ]


@pytest.mark.parametrize(
    ("sent", "heard"),
    [("id", "id"), ("EN", "en"), ("id-ID", "id"), ("in_ID", "id"), ("", None)],
)
async def test_the_language_reaches_the_engine(
    client: httpx.AsyncClient, parts: FakeParts, sent: str, heard: str | None
) -> None:
    await hear(client, language=sent)

    assert parts.sound.stt.languages == [heard]


async def test_what_real_clients_send_beside_the_sound_is_taken(
    client: httpx.AsyncClient,
) -> None:
    reply = await hear(
        client,
        model="whisper-1",
        prompt="Universitas Lentera Samudra",
        temperature="0",
        chunking_strategy="auto",
        **LISTS,
    )

    assert reply.status_code == 200, reply.text


@pytest.mark.parametrize(
    ("fields", "status", "code", "param"),
    [
        ({"model": "gpt-4o"}, 404, "model_not_found", "model"),
        ({"model": ""}, 400, "validation_failed", "model"),
        ({"language": "fr"}, 400, "validation_failed", "language"),
        ({"response_format": "diarized_json"}, 400, "validation_failed", None),
        ({"stream": "perhaps"}, 400, "validation_failed", "stream"),
        ({"stream": "true", "response_format": "srt"}, 400, "validation_failed", None),
        ({"timestamp_granularities[]": ["word"]}, 400, "validation_failed", None),
    ],
)
async def test_what_cannot_be_done_is_refused(
    client: httpx.AsyncClient,
    parts: FakeParts,
    fields: dict[str, Any],
    status: int,
    code: str,
    param: str | None,
) -> None:
    reply = await hear(client, **fields)

    assert_error(reply, status, code, param=param or reply.json()["error"]["param"])
    assert parts.sound.stt.heard == []


@pytest.mark.parametrize(
    ("audio", "code"),
    [
        (recording()[:30], "audio_unreadable"),
        (b"%PDF-1.7 no sound", "audio_type_unsupported"),
        (b"", "validation_failed"),
    ],
)
async def test_what_is_no_sound_is_a_bad_request(
    client: httpx.AsyncClient, audio: bytes, code: str
) -> None:
    param = None if audio else "file"

    assert_error(await hear(client, audio), 400, code, param=param)


async def test_the_file_must_be_one(client: httpx.AsyncClient) -> None:
    fields = {"model": "tanya-transcribe", "file": "not a file"}

    no_file = await client.post(HEAR, files={"other": ("a.wav", recording())})
    a_text = await client.post(HEAR, data=fields)
    json_body = await client.post(HEAR, json=fields)

    assert_error(no_file, 400, "validation_failed", param="model")
    assert_error(a_text, 400, "media_type_unsupported")
    assert_error(json_body, 400, "media_type_unsupported")


@pytest.mark.parametrize("stream", ["true", "false"])
async def test_an_engine_that_fails_is_told_with_its_status(
    client: httpx.AsyncClient, parts: FakeParts, stream: str
) -> None:
    parts.sound.stt.failure = RecognitionFailed()
    failed = await hear(client, stream=stream)
    parts.sound.stt.failure = SpeechEngineUnavailable("Install pocketsphinx.")
    missing = await hear(client, stream=stream)

    assert_error(failed, 502, "stt_failed")
    assert_error(missing, 503, "speech_engine_unavailable")
    assert missing.json()["error"]["message"] == "Install pocketsphinx."


@pytest.mark.parametrize("audio_format", sorted(AUDIO_MEDIA_TYPES))
async def test_a_text_is_read_out_in_the_wanted_format(
    client: httpx.AsyncClient, parts: FakeParts, audio_format: str
) -> None:
    reply = await client.post(SAY, json=SAYING | {"response_format": audio_format})

    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"] == AUDIO_MEDIA_TYPES[audio_format]
    said = [words for words, _ in parts.sound.tts.spoken]
    assert said == [
        "Pendaftaran dibuka satu Maret.",
        "Biayanya tiga ratus ribu rupiah saja.",
    ]
    expected = sum(len(words) for words in said) * 0.06
    if audio_format == "pcm":
        assert len(reply.content) / 2 / 24_000 == pytest.approx(expected, abs=0.01)
    else:
        assert sniff(reply.content) == SNIFFED[audio_format]
        assert seconds_of(reply.content) == pytest.approx(expected, abs=0.15)


async def test_mp3_is_what_nobody_asked_for(client: httpx.AsyncClient) -> None:
    reply = await client.post(SAY, json=SAYING)

    assert reply.headers["content-type"] == "audio/mpeg"


async def test_a_wav_is_whole_unless_a_stream_is_named(
    client: httpx.AsyncClient,
) -> None:
    saying = SAYING | {"response_format": "wav"}

    whole = (await client.post(SAY, json=saying)).content
    streamed = (
        await client.post(SAY, json=saying | {"stream_format": "audio"})
    ).content

    assert struct.unpack("<I", whole[4:8])[0] == len(whole) - 8
    assert streamed[4:8] == streamed[40:44] == b"\xff\xff\xff\xff"
    assert parse_wav(whole) == parse_wav(streamed)
    assert parse_wav(whole).rate_hz == 24_000


async def test_sound_comes_as_events(client: httpx.AsyncClient) -> None:
    saying = SAYING | {"response_format": "pcm"}

    plain = await client.post(SAY, json=saying)
    events = data_of(
        (await client.post(SAY, json=saying | {"stream_format": "sse"})).text
    )

    assert {event["type"] for event in events[:-1]} == {"speech.audio.delta"}
    sound = b"".join(base64.b64decode(event["audio"]) for event in events[:-1])
    assert sound == plain.content
    assert events[-1]["type"] == "speech.audio.done"
    assert events[-1]["usage"]["input_tokens"] > 0


@pytest.mark.parametrize("voice", ["id+f3", {"id": "id+f3"}])
async def test_voice_and_pace_reach_the_engine(
    client: httpx.AsyncClient, parts: FakeParts, voice: object
) -> None:
    await client.post(SAY, json=SAYING | {"voice": voice, "speed": 1.5})

    styles = {(style.voice, style.speed) for _, style in parts.sound.tts.spoken}
    assert styles == {("id+f3", 1.5)}


async def test_what_has_no_sound_is_a_moment_of_silence(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    reply = await client.post(
        SAY, json=SAYING | {"input": "🎉", "response_format": "wav"}
    )

    clip = parse_wav(reply.content)
    assert (clip.seconds, set(clip.pcm)) == (0.1, {0})
    assert parts.sound.tts.spoken == []


@pytest.mark.parametrize(
    ("more", "status", "code", "param"),
    [
        ({"model": "tanya"}, 404, "model_not_found", "model"),
        ({"input": ""}, 400, "validation_failed", "input"),
        ({"input": "k" * 4097}, 400, "validation_failed", "input"),
        ({"response_format": "ogg"}, 400, "validation_failed", "response_format"),
        ({"speed": 0.2}, 400, "validation_failed", "speed"),
        ({"speed": 5}, 400, "validation_failed", "speed"),
        ({"stream_format": "ws"}, 400, "validation_failed", "stream_format"),
    ],
)
async def test_what_cannot_be_said_is_refused(
    client: httpx.AsyncClient,
    parts: FakeParts,
    more: dict[str, Any],
    status: int,
    code: str,
    param: str,
) -> None:
    reply = await client.post(SAY, json=SAYING | more)

    assert_error(reply, status, code, param=param)
    assert parts.sound.tts.spoken == []


@pytest.mark.parametrize("more", [{}, {"response_format": "wav"}])
async def test_a_voice_that_fails_at_once_is_told_with_its_status(
    client: httpx.AsyncClient, parts: FakeParts, more: dict[str, str]
) -> None:
    parts.sound.tts.failure = SynthesisFailed()

    assert_error(await client.post(SAY, json=SAYING | more), 502, "tts_failed")


async def test_events_that_break_off_end_with_the_error(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    parts.sound.tts.failure, parts.sound.tts.fail_after = SynthesisFailed(), 1

    reply = await client.post(SAY, json=SAYING | {"stream_format": "sse"})

    events = data_of(reply.text)
    assert events[0]["type"] == "speech.audio.delta"
    assert events[-1]["error"]["code"] == "tts_failed"


async def test_sound_that_breaks_off_never_ends_well(parts: FakeParts) -> None:
    parts.sound.tts.failure, parts.sound.tts.fail_after = SynthesisFailed(), 1
    call = make_speech_call()

    await make_bridge(parts)(call.scope, call.receive, call.send)

    assert call.status == 200
    assert call.body
    assert not call.is_complete


async def test_the_first_sentence_is_heard_before_the_second_is_made(
    parts: FakeParts,
) -> None:
    tts = parts.sound.tts = HesitantTTS()
    call = make_speech_call()
    serving = asyncio.create_task(
        make_bridge(parts)(call.scope, call.receive, call.send)
    )

    async with asyncio.timeout(5):
        await call.wait_for_body()
        assert not call.is_complete
        tts.may_go_on.set()
        await serving

    assert call.is_complete


@pytest.mark.parametrize(
    "more", [{}, {"stream_format": "sse"}, {"response_format": "wav"}]
)
async def test_a_voice_stops_when_its_listener_leaves(
    parts: FakeParts, more: dict[str, str]
) -> None:
    tts = parts.sound.tts = HesitantTTS()
    call = make_speech_call(**more)
    serving = asyncio.create_task(
        make_bridge(parts)(call.scope, call.receive, call.send)
    )

    async with asyncio.timeout(5):
        await tts.hesitates.wait()
        call.leave()
        await serving

    assert tts.stopped
    assert not call.is_complete


async def test_models_of_engines_that_are_there_are_listed(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    listed = (await client.get("/v1/models")).json()["data"]

    assert [model["id"] for model in listed] == [
        "tanya",
        "tanya-transcribe",
        "tanya-speech",
    ]


async def test_without_engines_sound_is_away_and_words_are_not(
    parts: FakeParts,
) -> None:
    services = parts.services()
    services.speech = None
    transport = httpx.ASGITransport(Bridge(create_app(make_settings(), services)))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://tanya.test", headers=AUTH
    ) as client:
        heard = await hear(client)
        said = await client.post(SAY, json=SAYING)
        listed = (await client.get("/v1/models")).json()["data"]

    assert_error(heard, 503, "speech_engine_unavailable")
    assert_error(said, 503, "speech_engine_unavailable")
    assert [model["id"] for model in listed] == ["tanya"]
