"""A local emotion service, of both wire shapes; it fails as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

PROSA = {
    "emotion": [
        {"sentences": "Saya kesal.", "emotion": [["Anger", 0.918], ["Joy", 0.02]]}
    ]
}


@dataclass
class EmotionServer:
    """
    Attributes:
        faults: What happens to the next calls, in order: a status, `cut`, `hang`,
            `garbage`, `list`, `huge`, `truncated`; then it answers.
        prediction: What `/predict` answers.
        prosa: What `/v2/text/emotion` answers.
        seen: What came: text, key, name and head of the file.
    """

    faults: list[int | str] = field(default_factory=list)
    prediction: dict[str, Any] = field(default_factory=lambda: {"prediction": "angry"})
    prosa: dict[str, Any] = field(default_factory=lambda: dict(PROSA))
    seen: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    async def predict(self, request: web.Request) -> web.StreamResponse:
        """Answer `POST /predict?text=` with a multipart `file`."""
        form = await request.post()
        file = form["file"]
        assert isinstance(file, web.FileField)
        data = file.file.read()
        file.file.close()
        self.seen.append(
            {
                "text": request.query["text"],
                "name": file.filename,
                "head": data[:12],
                "bytes": len(data),
            }
        )
        return await self._fail(request) or web.json_response(self.prediction)

    async def analyse(self, request: web.Request) -> web.StreamResponse:
        """Answer `POST /v2/text/emotion`."""
        body = await request.json()
        self.seen.append({**body, "key": request.headers.get("x-api-key")})
        return await self._fail(request) or web.json_response(self.prosa)

    async def _fail(self, request: web.Request) -> web.StreamResponse | None:
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, int):
            return web.json_response({"error": "no"}, status=fault)
        if fault == "hang":
            await asyncio.sleep(30)
        if fault == "cut":
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        if fault == "truncated":
            reply = web.StreamResponse(headers={"Content-Length": "1000"})
            await reply.prepare(request)
            await reply.write(b'{"prediction": "ang')
            assert request.transport is not None
            request.transport.close()
            return reply
        if fault == "garbage":
            return web.Response(body=b"<html>", content_type="text/html")
        if fault == "list":
            return web.json_response(["angry"])
        if fault == "huge":
            return web.Response(body=b'{"prediction": "' + b"x" * 1_000_000 + b'"}')
        return None


@asynccontextmanager
async def running_emotion_server() -> AsyncIterator[EmotionServer]:
    """Run the server on a free port of the loopback."""
    server = EmotionServer()
    app = web.Application(client_max_size=16 * 1024 * 1024)
    app.router.add_post("/predict", server.predict)
    app.router.add_post("/v2/text/emotion", server.analyse)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    await runner.cleanup()
