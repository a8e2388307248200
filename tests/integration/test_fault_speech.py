"""Engines of speech fail in a spoken turn: what is said, and what is kept."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web

from tests.fakes.emotion_server import EmotionServer
from tests.fakes.fault_stage import ANSWER, QUESTION, Guest, Stage, set_stage
from tests.fakes.speech_server import SpeechServer
from tests.fakes.transcription_server import TranscriptionServer

RECORDING = (
    Path(__file__).resolve().parents[2] / "samples" / "speech" / "az_weather.wav"
)


@dataclass
class Vendor:
    """One address with every remote engine behind it."""

    stt: TranscriptionServer = field(default_factory=TranscriptionServer)
    tts: SpeechServer = field(default_factory=SpeechServer)
    emotion: EmotionServer = field(default_factory=EmotionServer)
    url: str = ""


@contextlib.asynccontextmanager
async def running_vendor() -> AsyncIterator[Vendor]:
    vendor = Vendor()
    vendor.stt.answer = {"text": QUESTION, "language": "indonesian", "segments": []}
    app = web.Application(client_max_size=16 * 1024 * 1024)
    app.router.add_post("/v1/audio/transcriptions", vendor.stt.transcribe)
    app.router.add_post("/v1/audio/speech", vendor.tts.speak)
    app.router.add_post("/predict", vendor.emotion.predict)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    vendor.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield vendor
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def running_stage(folder: Path, vendor: Vendor) -> AsyncIterator[Stage]:
    """Run the service beside the loop that answers for the vendor."""
    env = {
        "STT_ENGINE": "openai",
        "TTS_ENGINE": "openai",
        "EMOTION_ENGINE": "http",
        "EMOTION_URL": vendor.url,
        "OPENAI_BASE_URL": f"{vendor.url}/v1",
        "OPENAI_API_KEY": "key-of-the-vendor",
    }
    with contextlib.ExitStack() as stack:
        opened = set_stage(folder, env=env)
        stage = await asyncio.to_thread(stack.enter_context, opened)
        try:
            yield stage
        finally:
            await asyncio.to_thread(stack.close)


async def speak(stage: Stage, conversation: str, *, key: str) -> httpx.Response:
    def post() -> httpx.Response:
        with Guest(stage.service, timeout=90) as guest:
            return guest.http.post(
                "/v1/audio",
                files={"audio": ("q.wav", RECORDING.read_bytes())},
                headers={"X-Conversation-Id": conversation, "Idempotency-Key": key},
            )

    return await asyncio.to_thread(post)


async def stored(stage: Stage, conversation: str) -> list[tuple[str, str]]:
    def read() -> list[tuple[str, str]]:
        with stage.guest() as guest:
            return guest.turns(conversation)

    return await asyncio.to_thread(read)


@pytest.mark.timeout(240)
async def test_engines_that_fail_cost_what_they_do_and_no_turn(tmp_path: Path) -> None:
    async with running_vendor() as vendor, running_stage(tmp_path, vendor) as stage:
        fine: dict[str, Any] = (await speak(stage, "fine", key="fine")).json()
        assert fine["transcript"] == QUESTION
        assert ANSWER in fine["answer"]
        assert fine["audio"]
        assert fine["warnings"] == []

        # Refused: the voice of the house speaks instead.
        vendor.tts.faults = [400] * 20
        own = (await speak(stage, "own", key="own")).json()
        assert own["warnings"] == []
        assert own["audio"]

        # Broken off in the middle of a word: the answer is there, in words.
        vendor.tts.faults = ["cut-late"] * 20
        silent = await speak(stage, "silent", key="silent")
        assert silent.status_code == 200, silent.text
        assert silent.json()["warnings"] == ["tts_failed"]
        assert silent.json()["audio"] == ""
        assert ANSWER in silent.json()["answer"]
        assert len(await stored(stage, "silent")) == 1
        vendor.tts.faults = []

        # No emotion service: the words are read here instead, or nothing is.
        vendor.emotion.faults = [500] * 4
        unmoved = await speak(stage, "unmoved", key="unmoved")
        assert unmoved.status_code == 200, unmoved.text
        assert ANSWER in unmoved.json()["answer"]
        assert unmoved.json()["audio"]
        assert len(await stored(stage, "unmoved")) == 1

        # Not heard there: the ears of the house take over, within the same turn.
        vendor.stt.faults = [500, 500, "cut", "cut"]
        heard = await speak(stage, "heard", key="heard")
        again = await speak(stage, "heard", key="heard")
        assert heard.status_code == 200, heard.text
        assert heard.json()["transcript"] != QUESTION
        assert again.headers["idempotency-replayed"] == "true"
        assert len(await stored(stage, "heard")) <= 1
