"""Plain views: one thread each, a bound on them, bodies closed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

from flask import Flask, Response, request
from flask.typing import ResponseReturnValue

from api.bridge import Bridge, BridgeLimits
from tests.fakes.asgi import ask, make_call


async def test_a_body_arrives_whole_with_its_length() -> None:
    app = Flask("threads")

    @app.post("/")
    def view() -> ResponseReturnValue:
        return f"{request.content_length} {request.get_data()!r}"

    chunked = [(b"transfer-encoding", b"chunked")]
    call = await ask(
        Bridge(app), "/", method="POST", body=[b"a", b"bc"], headers=chunked
    )

    assert call.body == b"3 b'abc'"


async def test_the_environ_knows_request_id_and_disconnect() -> None:
    app = Flask("threads")

    @app.get("/")
    def view() -> ResponseReturnValue:
        left = request.environ["tanya.disconnected"].is_set()
        return f"{request.environ['tanya.request_id']} {left}"

    call = await ask(Bridge(app), "/", headers=[(b"x-request-id", b"r7")])

    assert call.body == b"r7 False"


async def test_a_thread_too_many_is_refused_and_the_slot_comes_back() -> None:
    app = Flask("threads")
    go, busy = threading.Event(), threading.Event()

    @app.get("/wait")
    def wait() -> ResponseReturnValue:
        busy.set()
        go.wait(10)
        return "done"

    bridge = Bridge(app, limits=BridgeLimits(threads=1))
    first = asyncio.create_task(ask(bridge, "/wait"))
    await asyncio.to_thread(busy.wait, 5)

    refused = await ask(bridge, "/wait")
    go.set()

    assert refused.json()["code"] == "overloaded"
    assert refused.headers["retry-after"] == "1"
    assert (await first).body == b"done"
    assert (await ask(bridge, "/wait")).body == b"done"


async def test_a_stream_whose_client_left_is_closed() -> None:
    app = Flask("threads")
    closed, step = threading.Event(), threading.Event()

    @app.get("/")
    def view() -> ResponseReturnValue:
        def body() -> Iterator[bytes]:
            try:
                yield b"one"
                step.wait(10)
                yield b"two"
                yield b"three"
            finally:
                closed.set()

        return Response(body())

    call = make_call("/")
    bridge = Bridge(app)
    task = asyncio.create_task(bridge(call.scope, call.receive, call.send))
    await call.wait_for_body()

    call.leave()
    await asyncio.sleep(0)
    step.set()
    await asyncio.wait_for(task, 5)

    assert closed.is_set()
    assert call.body == b"one"


async def test_a_value_that_cannot_be_encoded_costs_only_itself() -> None:
    app = Flask("threads")

    @app.get("/")
    def view() -> ResponseReturnValue:
        return Response("ok", headers={"X-A": "caf\u00e9", "X-B": "b"})

    call = await ask(Bridge(app), "/")

    assert (call.status, call.body) == (200, b"ok")
    assert "x-a" not in call.headers
    assert call.headers["x-b"] == "b"
