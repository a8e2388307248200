"""
How soon does the realtime door answer? `python -m bench.realtime`.

Recordings are sent as a microphone would, in real time. Measured is the time from the
last sample of speech to the first sound of the answer, and its share by stage: silence
that ends the turn, the recogniser's last pass, the answer's first text, its first
sentence as sound. The same recordings through `POST /v1/audio`, sent when they are
over, tell what listening meanwhile is worth.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_socket

from bench.recordings import Recording, load_recordings
from bench.voice import SAMPLES
from domain.speech import AudioClip
from speech.encoding import encode_wav, resample
from speech.vad import FRAME_BYTES, THRESHOLD, SileroVAD
from tests.service import RunningService, start_service

RATE_HZ = 24_000
PIECE_SECONDS = 0.04
SILENCE_SECONDS = 2.0
SILENCE_MS = 500
"""The session's own, after which an utterance is over."""
ROUNDS = 3
STAGES = ("silence", "recognition", "text", "sound")
_INGEST_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Wait:
    """Seconds from the last word to the first sound, in all and by stage."""

    total: float
    stages: dict[str, float]


async def measure(service: RunningService, recording: Recording) -> Wait:
    """Speak one recording in real time and wait for the first sound."""
    pcm, spoken_until = _prepare(recording.clip)
    url = f"ws{service.url.removeprefix('http')}/v1/realtime"
    headers = {"X-API-Key": service.key}
    async with open_socket(
        url, additional_headers=headers, proxy=None, max_size=None
    ) as socket:
        await socket.send(
            json.dumps(
                {
                    "type": "session.update",
                    "session": {
                        "type": "realtime",
                        "audio": {"input": {"transcription": {"language": "en"}}},
                    },
                }
            )
        )
        speaking = asyncio.create_task(_speak(socket, pcm, spoken_until))
        first, metrics = await _listen(socket)
        spoken_at = await speaking
    total = first - spoken_at
    silence = SILENCE_MS / 1000
    stages = {
        "silence": silence,
        "recognition": metrics["stt_ms"] / 1000 - silence,
        "text": metrics["llm_ttft_ms"] / 1000,
        "sound": metrics["tts_ttfb_ms"] / 1000,
    }
    return Wait(total, stages)


async def upload(service: RunningService, recording: Recording) -> float:
    """Return the seconds from a whole recording to the first sound of its answer."""
    wav = encode_wav(recording.clip)
    headers = {
        "X-API-Key": service.key,
        "X-Conversation-Id": f"bench-{time.monotonic_ns()}",
        "Accept": "text/event-stream",
    }
    begun = time.monotonic()
    async with (
        httpx.AsyncClient(base_url=service.url, timeout=60, trust_env=False) as client,
        client.stream(
            "POST",
            "/v1/audio",
            files={"audio": ("question.wav", wav)},
            data={"language": "en"},
            headers=headers,
        ) as reply,
    ):
        async for line in reply.aiter_lines():
            if "speech.audio.delta" in line:
                return time.monotonic() - begun
    raise RuntimeError("no sound came")


def _prepare(clip: AudioClip) -> tuple[bytes, int]:
    """Return the sound at the wire's rate, and the byte after its last speech."""
    vad, last = SileroVAD(), 0
    for at in range(0, len(clip.pcm) - FRAME_BYTES + 1, FRAME_BYTES):
        if vad.probability(clip.pcm[at : at + FRAME_BYTES]) >= THRESHOLD:
            last = at + FRAME_BYTES
    pcm = resample(clip, rate_hz=RATE_HZ).pcm
    silence = bytes(int(SILENCE_SECONDS * RATE_HZ) * 2)
    return pcm + silence, last * RATE_HZ // clip.rate_hz


async def _speak(socket: ClientConnection, pcm: bytes, spoken_until: int) -> float:
    """Send *pcm* in real time; return when the last speech had been said."""
    step = int(RATE_HZ * PIECE_SECONDS) * 2
    started, spoken_at = time.monotonic(), 0.0
    for number, at in enumerate(range(0, len(pcm), step)):
        due = started + number * PIECE_SECONDS
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        audio = base64.b64encode(pcm[at : at + step]).decode()
        event = {"type": "input_audio_buffer.append", "audio": audio}
        await socket.send(json.dumps(event))
        if at < spoken_until:
            spoken_at = time.monotonic()
    return spoken_at


async def _listen(socket: ClientConnection) -> tuple[float, dict[str, float]]:
    first = 0.0
    while True:
        event: dict[str, Any] = json.loads(await socket.recv())
        if event["type"] == "response.output_audio.delta" and not first:
            first = time.monotonic()
        elif event["type"] == "x.metrics":
            return first, event
        elif event["type"] == "error":
            raise RuntimeError(event["error"]["code"])


def _fill(service: RunningService) -> None:
    with service.client() as client:
        for path in sorted((SAMPLES / "documents").iterdir()):
            files = {"file": (path.name, path.read_bytes())}
            client.post("/v1/documents", files=files).raise_for_status()
        end = time.monotonic() + _INGEST_SECONDS
        while time.monotonic() < end:
            items = client.get("/v1/documents?limit=100").json()["items"]
            if all(item["status"] in {"ready", "failed"} for item in items):
                return
            time.sleep(0.5)
    raise RuntimeError("the documents were not ready in time")


async def _run(service: RunningService, rounds: int) -> None:
    recordings = load_recordings(SAMPLES / "speech")
    # The models of the recogniser are loaded by the first who speaks.
    await measure(service, recordings[0])
    waits: list[Wait] = []
    uploads: list[float] = []
    print(f"{'recording':16} {'first sound':>11}  " + "  ".join(STAGES))
    for recording in recordings:
        found = [await measure(service, recording) for _ in range(rounds)]
        after = [await upload(service, recording) for _ in range(rounds)]
        waits += found
        uploads += after
        _print(recording.name, found, after)
    _print("all, median", waits, uploads)
    realtime = statistics.median(wait.total for wait in waits)
    sent = statistics.median(uploads) + SILENCE_MS / 1000
    print(f"uploaded after the same silence: {sent:.2f} s to the first sound")
    print(f"realtime / uploaded: {realtime / sent:.2f}")


def _print(name: str, waits: Sequence[Wait], uploads: Sequence[float]) -> None:
    total = statistics.median(wait.total for wait in waits)
    shares = [
        statistics.median(wait.stages[stage] for wait in waits) for stage in STAGES
    ]
    told = "  ".join(
        f"{stage} {seconds:.2f} ({seconds / total:.0%})"
        for stage, seconds in zip(STAGES, shares, strict=True)
    )
    told += f"  (uploaded: {statistics.median(uploads):.2f})"
    print(f"{Path(name).stem:16} {total:9.2f} s  {told}", flush=True)


def main() -> None:
    """Measure a service of our own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    with start_service() as service:
        _fill(service)
        asyncio.run(_run(service, options.rounds))


if __name__ == "__main__":
    main()
