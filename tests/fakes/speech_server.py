"""
A local server that speaks as remote engines do; it fails as it is told.

OpenAI's `POST /v1/audio/speech`, and Prosa's jobs and streams below `/v2/speech`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from tests.fakes.speech import SECONDS_A_CHARACTER, tone

KEY = "k"
# Odd on purpose: pieces of a stream end in the middle of a sample.
PART_BYTES = 4_801
WORDS = ("di", "mana", "perpustakaan")


def wav(pcm: bytes, *, rate_hz: int, size: int | None = None) -> bytes:
    """Return a WAV file whose header claims *size* (None: the truth)."""
    told = len(pcm) if size is None else size
    whole = min(0xFFFFFFFF, told + 36) if size is None else size
    head = struct.pack("<4sI4s4sI", b"RIFF", whole, b"WAVE", b"fmt ", 16)
    form = struct.pack("<HHIIHH", 1, 1, rate_hz, rate_hz * 2, 2, 16)
    return head + form + struct.pack("<4sI", b"data", told) + pcm


def sound(text: str, *, rate_hz: int) -> bytes:
    """Return the samples that *text* is spoken with: 60 ms a character."""
    return tone(len(text) * SECONDS_A_CHARACTER, rate_hz=rate_hz)


@dataclass
class SpeechServer:
    """
    Attributes:
        faults: What happens to the next calls, in order; then it answers. Everywhere: a
            status, `hang`, `cut`, `garbage`; others are named where they happen.
        retry_after: Header of refusals.
        rate_hz: Of OpenAI's samples.
        shape: `pcm`, `wav`, or `wavs` (a header before every part).
        size: What headers of WAV files claim; None: the truth.
        strict: `instructions` are refused.
        polls: Questions about a job before it is done.
        results: Of streamed recognition.
        seen: Payloads, in order; of streams the configuration.
        texts: What was to be spoken by streams.
        heard: Bytes of sound that came by streams.
        opened: Streams that were opened.
    """

    faults: list[int | str] = field(default_factory=list)
    retry_after: str | None = None
    rate_hz: int = 24_000
    shape: str = "pcm"
    size: int | None = None
    strict: bool = False
    polls: int = 0
    results: tuple[str, ...] = (" ".join(WORDS),)
    seen: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    heard: int = 0
    opened: int = 0
    asked: int = 0
    elsewhere: int = 0
    origin: str = ""
    _jobs: dict[str, int] = field(default_factory=dict)
    _made: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def openai_url(self) -> str:
        return f"{self.origin}/v1"

    @property
    def prosa_url(self) -> str:
        return f"{self.origin}/v2/speech"

    def stream_url(self, kind: str) -> str:
        return f"{self.prosa_url.replace('http', 'ws', 1)}/{kind}/streaming"

    # OpenAI.

    async def speak(self, request: web.Request) -> web.StreamResponse:
        """Faults besides: `cut-late`, `odd`, `empty`, `json`, `mp3`, `stall`."""
        payload = await request.json()
        self.seen.append(payload)
        self.keys.append(request.headers.get("Authorization"))
        fault = self._next()
        if (early := await self._fail(request, fault)) is not None:
            return early
        if self.strict and "instructions" in payload:
            return web.json_response({"error": {"message": "unknown key"}}, status=400)
        if fault == "json":
            return web.json_response({"error": "no"})
        pcm = sound(str(payload["input"]), rate_hz=self.rate_hz)
        body = self._shaped(pcm)
        kind = "audio/pcm" if self.shape == "pcm" else "audio/wav"
        if fault == "empty":
            body = b""
        if fault == "mp3":
            body, kind = b"ID3\x04" + bytes(5_000), "audio/mpeg"
        if fault == "odd":
            body = body[: len(body) // 2 | 1]
        reply = web.StreamResponse(headers={"Content-Type": kind})
        reply.enable_chunked_encoding()
        await reply.prepare(request)
        for start in range(0, len(body), PART_BYTES):
            await reply.write(body[start : start + PART_BYTES])
            if fault == "cut-late" and start > PART_BYTES:
                assert request.transport is not None
                request.transport.abort()
                return reply
            if fault == "stall" and start > PART_BYTES:
                await asyncio.sleep(30)
        await reply.write_eof()
        return reply

    def _shaped(self, pcm: bytes) -> bytes:
        if self.shape == "pcm":
            return pcm
        if self.shape == "wav":
            return wav(pcm, rate_hz=self.rate_hz, size=self.size)
        half = len(pcm) // 4 * 2
        parts = (pcm[:half], pcm[half:])
        return b"".join(
            wav(each, rate_hz=self.rate_hz, size=self.size) for each in parts
        )

    # Prosa's jobs.

    async def submit(self, request: web.Request) -> web.StreamResponse:
        """Faults besides: `failed`, `error`, `no-result`, `evil-id`, `empty`."""
        kind = request.match_info["kind"]
        payload = await request.json()
        self.seen.append(payload)
        self.keys.append(request.headers.get("x-api-key"))
        fault = self._next()
        if (early := await self._fail(request, fault)) is not None:
            return early
        job_id = f"job-{len(self._made) + 1}"
        self._made[job_id] = self._done(kind, payload, fault)
        self._jobs[job_id] = self.polls
        if fault == "evil-id":
            return web.json_response({"job_id": "../../elsewhere", "status": "queued"})
        return web.json_response(self._told(job_id))

    async def ask(self, request: web.Request) -> web.StreamResponse:
        """Tell how a job stands."""
        self.asked += 1
        fault = self._next()
        if (early := await self._fail(request, fault)) is not None:
            return early
        job_id = request.match_info["job_id"]
        self._jobs[job_id] -= 1
        return web.json_response(self._told(job_id))

    async def other(self, _request: web.Request) -> web.StreamResponse:
        """Count what should never be asked."""
        self.elsewhere += 1
        return web.Response(body=wav(bytes(3_200), rate_hz=16_000))

    def _told(self, job_id: str) -> dict[str, Any]:
        if self._jobs[job_id] > 0:
            return {"job_id": job_id, "status": "in_progress", "result": None}
        return {"job_id": job_id, **self._made[job_id]}

    def _done(
        self, kind: str, payload: dict[str, Any], fault: int | str | None
    ) -> dict[str, Any]:
        if fault in {"failed", "error"}:
            return {"status": fault, "result": None}
        if fault == "no-result":
            return {"status": "complete"}
        result: dict[str, Any]
        if kind == "stt":
            raw = base64.b64decode(payload["request"]["data"])
            assert raw[:4] == b"RIFF"
            result = {"data": [{"transcript": each, "final": True} for each in WORDS]}
            if fault == "empty":
                result = {"data": []}
            return {"status": "complete", "result": result}
        rate = int(payload["config"].get("sample_rate", 48_000))
        pcm = sound(payload["request"]["text"], rate_hz=rate)
        data = base64.b64encode(
            self._cut(wav(pcm, rate_hz=rate, size=self.size), fault)
        )
        result = {"data": data.decode(), "format": "wav", "samplerate": rate}
        if fault == "path":
            result = {"path": f"{self.origin}/elsewhere", "format": "wav"}
        if fault == "bad-base64":
            result["data"] = "*" + str(result["data"])
        return {"status": "complete", "result": result}

    @staticmethod
    def _cut(data: bytes, fault: int | str | None) -> bytes:
        if fault == "truncated":
            return data[: len(data) // 2 | 1]
        if fault == "bare":
            return data[:44]
        return data

    # Prosa's streams.

    async def hear(self, request: web.Request) -> web.StreamResponse:
        """
        Faults besides: `close-early`, `no-result`, `partials`, `stay`, `refused`,
        `redirect`.
        """
        self.keys.append(request.headers.get("x-api-key"))
        fault = self._next()
        if fault == "redirect":
            raise web.HTTPFound(f"{self.origin}/elsewhere")
        if (early := await self._fail(request, fault)) is not None:
            return early
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.opened += 1
        self.seen.append(json.loads((await socket.receive()).data))
        await socket.send_json({"type": "created", "id": "1"})
        if fault == "refused":
            await socket.send_json({"type": "error", "message": "quota"})
        if fault == "close-early":
            await socket.close(code=1011)
            return socket
        words = heard = 0
        async for message in socket:
            if message.type is not WSMsgType.BINARY:
                continue
            heard += len(message.data)
            if message.data and fault != "no-result":
                words = min(words + 1, len(WORDS))
                text = " ".join(WORDS[:words])
                await socket.send_json({"type": "partial", "transcript": text})
            if not message.data:
                break
        self.heard += heard
        if fault not in {"no-result", "partials"}:
            for text in self.results if heard else ("",):
                await socket.send_json({"type": "result", "transcript": text})
        if fault == "stay":
            await asyncio.sleep(30)
        await socket.close()
        return socket

    async def say(self, request: web.Request) -> web.StreamResponse:
        """Faults besides: `refused`, `close`, `truncated`, `chatty`, `bare`, `wait`."""
        fault = self._next()
        if (early := await self._fail(request, fault)) is not None:
            return early
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.opened += 1
        self.keys.append(json.loads((await socket.receive()).data)["token"])
        config = json.loads((await socket.receive()).data)
        self.seen.append(config)
        if fault == "refused":
            await socket.close(code=4_001)
            return socket
        await socket.send_json({"type": "created", "id": "1"})
        async for message in socket:
            text = json.loads(message.data)["text"]
            self.texts.append(text)
            if fault == "close":
                break
            if fault == "wait":
                await asyncio.sleep(30)
            if fault == "chatty":
                await socket.send_json({"type": "status", "progress": 1})
            rate = config["sample_rate"]
            data = wav(sound(text, rate_hz=rate), rate_hz=rate, size=self.size)
            await socket.send_bytes(self._cut(data, fault))
            fault = self._next()
            if fault == "leave":
                break
        await socket.close()
        return socket

    def _next(self) -> int | str | None:
        return self.faults.pop(0) if self.faults else None

    async def _fail(
        self, request: web.Request, fault: int | str | None
    ) -> web.StreamResponse | None:
        if isinstance(fault, int):
            headers = {"Retry-After": self.retry_after} if self.retry_after else None
            return web.json_response({"error": {}}, status=fault, headers=headers)
        if fault == "hang":
            await asyncio.sleep(30)
        if fault == "cut":
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if fault == "garbage":
            return web.Response(body=b"<html>", content_type="text/html")
        return None


@asynccontextmanager
async def running_speech_server() -> AsyncIterator[SpeechServer]:
    """Run the server on a free port of the loopback."""
    server = SpeechServer()
    app = web.Application(client_max_size=32 * 1024 * 1024)
    app.router.add_post("/v1/audio/speech", server.speak)
    app.router.add_get("/v2/speech/stt/streaming", server.hear)
    app.router.add_get("/v2/speech/tts/streaming", server.say)
    app.router.add_post("/v2/speech/{kind:stt|tts}", server.submit)
    app.router.add_get("/v2/speech/{kind:stt|tts}/{job_id}", server.ask)
    app.router.add_route("*", "/elsewhere", server.other)
    app.router.add_route("*", "/v2/elsewhere", server.other)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    await settle()
    await runner.cleanup()


async def settle() -> None:
    """Let connections that were just accepted become the server's, to be closed."""
    for _ in range(5):
        await asyncio.sleep(0)
