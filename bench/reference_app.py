"""
The same three routes three times: what native ASGI costs, what the usual recipe costs.

`starlette_app` is the reference, `bridge_app` is Flask behind our bridge, `usual_app`
is Flask behind `WsgiToAsgi` alone. Every turn waits as a model would: 100 ms to the
first token, 10 ms for each further one.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator

import orjson
from asgiref.wsgi import WsgiToAsgi
from flask import Flask, Response, request
from flask.typing import ResponseReturnValue
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response as StarletteResponse
from starlette.responses import StreamingResponse
from starlette.routing import Route

from api.bridge import Bridge
from api.streams import AsyncStream

FIRST_TOKEN_SECONDS = 0.1
TOKEN_SECONDS = 0.01
TOKENS = 40
_EVENT = b'event: answer.delta\ndata: {"delta":"token "}\n\n'
_JSON = "application/json"
_SSE = "text/event-stream"


async def _tokens() -> AsyncIterator[bytes]:
    await asyncio.sleep(FIRST_TOKEN_SECONDS)
    for _ in range(TOKENS):
        yield _EVENT
        await asyncio.sleep(TOKEN_SECONDS)


def _answer(body: bytes) -> bytes:
    message = orjson.loads(body)["message"]
    return orjson.dumps({"answer": message, "citations": [], "answered": True})


async def _starlette_json(http: Request) -> StarletteResponse:
    body = await http.body()
    await asyncio.sleep(float(http.query_params.get("seconds", "0")))
    return StarletteResponse(_answer(body), media_type=_JSON)


async def _starlette_sse(http: Request) -> StarletteResponse:
    await http.body()
    return StreamingResponse(_tokens(), media_type=_SSE)


async def _starlette_pid(_http: Request) -> StarletteResponse:
    return StarletteResponse(str(os.getpid()))


starlette_app = Starlette(
    routes=[
        Route("/json", _starlette_json, methods=["POST"]),
        Route("/sse", _starlette_sse, methods=["POST"]),
        Route("/health", _starlette_pid),
    ]
)


def _build_bridge() -> Bridge:
    app = Flask("bench_bridge")

    @app.post("/json")
    async def answer_json() -> ResponseReturnValue:
        body = request.get_data()
        await asyncio.sleep(float(request.args.get("seconds", "0")))
        return Response(_answer(body), mimetype=_JSON)

    @app.post("/sse")
    async def answer_sse() -> ResponseReturnValue:
        request.get_data()
        return AsyncStream(_tokens())

    @app.get("/health")
    async def tell_pid() -> ResponseReturnValue:
        return str(os.getpid())

    return Bridge(app)


def _build_usual() -> WsgiToAsgi:
    app = Flask("bench_usual")

    @app.post("/json")
    def answer_json() -> ResponseReturnValue:
        body = request.get_data()
        time.sleep(float(request.args.get("seconds", "0")))
        return Response(_answer(body), mimetype=_JSON)

    @app.post("/sse")
    def answer_sse() -> ResponseReturnValue:
        request.get_data()

        def tokens() -> Iterator[bytes]:
            time.sleep(FIRST_TOKEN_SECONDS)
            for _ in range(TOKENS):
                yield _EVENT
                time.sleep(TOKEN_SECONDS)

        return Response(tokens(), mimetype=_SSE)

    @app.get("/health")
    def tell_pid() -> ResponseReturnValue:
        return str(os.getpid())

    return WsgiToAsgi(app)  # type: ignore[no-untyped-call]


bridge_app = _build_bridge()
usual_app = _build_usual()
