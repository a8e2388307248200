"""A local server with OpenAI's `POST /audio/transcriptions`; it fails as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.speech_server import settle

VERBOSE = {
    "task": "transcribe",
    "language": "english",
    "duration": 1.0,
    "text": " Where is the Mercusuar Hall? ",
    "segments": [
        {"text": "Where is the Mercusuar Hall?", "avg_logprob": -0.1, "extra": []}
    ],
}


@dataclass
class TranscriptionServer:
    """
    Attributes:
        faults: What happens to the next calls, in order: a status, `cut`, `hang`,
            `garbage`, `no-text`, `huge`; then it answers.
        strict: `verbose_json` is refused, as newer models do.
        seen: Fields of the forms that came.
    """

    faults: list[int | str] = field(default_factory=list)
    strict: bool = False
    retry_after: str | None = None
    answer: dict[str, Any] = field(default_factory=lambda: dict(VERBOSE))
    seen: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    async def transcribe(self, request: web.Request) -> web.StreamResponse:
        """Answer one call."""
        form = await request.post()
        file = form["file"]
        assert isinstance(file, web.FileField)
        self.seen.append(
            {
                **{name: value for name, value in form.items() if name != "file"},
                "name": file.filename,
                "head": file.file.read(12),
                "key": request.headers.get("Authorization"),
            }
        )
        file.file.close()
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, int):
            headers = {"Retry-After": self.retry_after} if self.retry_after else None
            return web.json_response(
                {"error": {"message": "no"}}, status=fault, headers=headers
            )
        if fault == "hang":
            await asyncio.sleep(30)
        if fault == "cut":
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        if fault == "garbage":
            return web.Response(body=b"<html>", content_type="text/html")
        if fault == "no-text":
            return web.json_response({"text": None})
        if fault == "huge":
            return web.Response(body=b'{"text": "' + b"x" * 2_000_000 + b'"}')
        if form["response_format"] == "verbose_json":
            if self.strict:
                return web.json_response({"error": {}}, status=400)
            return web.json_response(self.answer)
        return web.json_response({"text": self.answer["text"]})


@asynccontextmanager
async def running_transcription_server() -> AsyncIterator[TranscriptionServer]:
    """Run the server on a free port of the loopback."""
    server = TranscriptionServer()
    app = web.Application(client_max_size=16 * 1024 * 1024)
    app.router.add_post("/v1/audio/transcriptions", server.transcribe)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    yield server
    await settle()
    await runner.cleanup()
