"""Recognition by a remote server: the wire format and its faults."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from domain.deadlines import Deadline
from domain.errors import RecognitionFailed
from domain.speech import AudioClip
from speech.openai_stt import OpenAISTT
from tests.fakes.transcription_server import (
    TranscriptionServer,
    running_transcription_server,
)

CLIP = AudioClip(bytes(32_000), 16_000)
SENTENCES = [
    "The Mercusuar Hall is open.",
    "Ask at the Mercusuar Hall or at Kota Lama.",
]


@pytest.fixture
async def server() -> AsyncIterator[TranscriptionServer]:
    async with running_transcription_server() as running:
        yield running


def _engine(server: TranscriptionServer, **options: Any) -> OpenAISTT:
    return OpenAISTT(base_url=server.url, api_key="k", **options)


async def test_a_recording_goes_out_as_a_named_wav_with_names_as_prompt(
    server: TranscriptionServer,
) -> None:
    engine = _engine(server, vocabulary=lambda: SENTENCES)

    heard = await engine.transcribe(CLIP, language="en", deadline=Deadline.after(10))
    await engine.close()

    assert heard.text == "Where is the Mercusuar Hall?"
    assert heard.language == "en"
    assert heard.confidence == pytest.approx(0.905, abs=0.001)
    (form,) = server.seen
    assert form["name"] == "speech.wav"
    assert form["head"][:4] == b"RIFF"
    assert form["key"] == "Bearer k"
    assert form["model"] == "whisper-1"
    assert form["language"] == "en"
    assert form["prompt"] == "Mercusuar Hall, Kota Lama"


async def test_unset_fields_are_left_out(server: TranscriptionServer) -> None:
    engine = _engine(server)

    await engine.transcribe(CLIP, language=None, deadline=Deadline.after(10))
    await engine.close()

    assert not {"language", "prompt"} & set(server.seen[0])


async def test_a_server_without_verbose_json_is_asked_for_json(
    server: TranscriptionServer,
) -> None:
    server.strict = True
    engine = _engine(server)

    first = await engine.transcribe(CLIP, language=None, deadline=Deadline.after(10))
    await engine.transcribe(CLIP, language=None, deadline=Deadline.after(10))
    await engine.close()

    assert first.text == "Where is the Mercusuar Hall?"
    assert first.language == "en"
    formats = [form["response_format"] for form in server.seen]
    assert formats == ["verbose_json", "json", "json"]


@pytest.mark.parametrize("fault", [429, 500, 503, "cut"])
async def test_a_passing_fault_is_tried_again(
    server: TranscriptionServer, fault: int | str
) -> None:
    server.faults = [fault]
    engine = _engine(server)

    heard = await engine.transcribe(CLIP, language=None, deadline=Deadline.after(10))
    await engine.close()

    assert heard.text
    assert len(server.seen) == 2


@pytest.mark.parametrize(
    ("faults", "calls"),
    [
        ([401], 1),
        ([403], 1),
        ([404], 1),
        ([413], 1),
        ([500, 500], 2),
        (["cut", "cut"], 2),
        (["garbage"], 1),
        (["no-text"], 1),
        (["huge"], 1),
    ],
)
async def test_other_faults_are_a_failed_recognition(
    server: TranscriptionServer, faults: list[int | str], calls: int
) -> None:
    server.faults = list(faults)
    engine = _engine(server)

    with pytest.raises(RecognitionFailed):
        await engine.transcribe(CLIP, language=None, deadline=Deadline.after(10))
    await engine.close()

    assert len(server.seen) == calls


async def test_a_server_that_hangs_is_given_up_in_time(
    server: TranscriptionServer,
) -> None:
    server.faults = ["hang"]
    engine = _engine(server, timeout_seconds=0.3)

    started = time.monotonic()
    with pytest.raises(RecognitionFailed):
        await engine.transcribe(CLIP, language=None, deadline=Deadline.after(10))
    await engine.close()

    assert time.monotonic() - started < 5


async def test_nobody_waits_for_a_long_retry_after(
    server: TranscriptionServer,
) -> None:
    server.faults, server.retry_after = [429], "60"
    engine = _engine(server)

    with pytest.raises(RecognitionFailed):
        await engine.transcribe(CLIP, language=None, deadline=Deadline.after(10))
    await engine.close()

    assert len(server.seen) == 1


async def test_nobody_there_is_a_failed_recognition() -> None:
    engine = OpenAISTT(base_url="http://127.0.0.1:9/v1")

    with pytest.raises(RecognitionFailed):
        await engine.transcribe(CLIP, language=None, deadline=Deadline.after(10))
    await engine.close()


async def test_listening_collects_and_asks_once(server: TranscriptionServer) -> None:
    engine = _engine(server)

    async with engine.listen(language="en") as listening:
        assert await listening.feed(bytes(3_200)) is None
        assert await listening.feed(bytes(3_200)) is None
        heard = await listening.finish(deadline=Deadline.after(10))
    await engine.close()

    assert heard.final
    assert heard.text
    assert len(server.seen) == 1


async def test_one_refused_recording_does_not_cost_the_others_their_confidence(
    server: TranscriptionServer,
) -> None:
    server.faults = [400, 400]
    engine = _engine(server)

    with pytest.raises(RecognitionFailed):
        await engine.transcribe(CLIP, language="en", deadline=Deadline.after(10))
    heard = await engine.transcribe(CLIP, language="en", deadline=Deadline.after(10))
    await engine.close()

    assert heard.confidence == pytest.approx(0.905, abs=0.001)
    formats = [form["response_format"] for form in server.seen]
    assert formats == ["verbose_json", "json", "verbose_json"]
