"""
A small Flask application behind the real bridge, for tests of serving.

`app` is served by real gunicorn (`start_service(app="tests.fakes.toy_app:app")`);
`build_toy()` gives the same in process. Every view says what happened to it in
`/events`, kept in the memory of one worker.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from flask import Flask, Response, g, jsonify, redirect, request
from flask.typing import ResponseReturnValue

from api.bridge import Bridge, BridgeLimits
from api.bridge_body import limits_by_path
from api.problems import problem_bytes, problem_headers
from api.streams import AsyncStream
from domain.errors import AppError, ConversationBusy

ON_DRAIN = b'event: error\ndata: {"code":"server_restarting"}\n\n'
SMALL_LIMIT = 100_000
LARGE_LIMIT = 2_000_000

_owner: ContextVar[str] = ContextVar("owner")


class Events:
    """What happened, by name; a list of Unix times each."""

    def __init__(self) -> None:
        self._times: dict[str, list[float]] = {}
        self._lock = threading.Lock()

    def note(self, name: str) -> None:
        """Remember that *name* happened now."""
        with self._lock:
            self._times.setdefault(name, []).append(time.time())

    def all(self) -> dict[str, list[float]]:
        """Return everything so far."""
        with self._lock:
            return {name: list(times) for name, times in self._times.items()}


def _number(name: str, default: float) -> float:
    return float(request.args.get(name, default))


def _add_plain_views(app: Flask, events: Events) -> None:
    @app.get("/plain")
    def plain() -> ResponseReturnValue:
        events.note("plain.began")
        time.sleep(_number("seconds", 0))
        return {"view": "plain", "id": request.environ["tanya.request_id"]}

    @app.post("/plain/echo")
    def plain_echo() -> ResponseReturnValue:
        return Response(request.get_data(), mimetype="application/octet-stream")

    @app.get("/plain/stream")
    def plain_stream() -> ResponseReturnValue:
        count, pause = int(_number("count", 3)), _number("pause", 0)

        def body() -> Iterator[bytes]:
            try:
                for number in range(count):
                    events.note("plain.chunk")
                    yield b"data: %d\n\n" % number
                    time.sleep(pause)
            finally:
                events.note("plain.closed")

        return Response(body(), mimetype="text/event-stream")

    @app.get("/plain/accent")
    def plain_accent() -> ResponseReturnValue:
        return Response("ok", headers={"X-Echo": "caf\u00e9", "X-Fine": "yes"})

    @app.get("/plain/boom")
    def plain_boom() -> ResponseReturnValue:
        raise ZeroDivisionError


def _add_async_views(app: Flask, events: Events) -> None:
    @app.get("/health")
    async def health() -> ResponseReturnValue:
        return {"status": "healthy", "pid": os.getpid()}

    @app.get("/ready")
    async def ready() -> ResponseReturnValue:
        if request.environ["tanya.draining"]:
            return {"status": "not_ready", "reasons": ["draining"]}, 503
        return {"status": "ready"}

    @app.get("/events")
    async def list_events() -> ResponseReturnValue:
        return jsonify(events.all())

    @app.get("/async")
    async def plain_async() -> ResponseReturnValue:
        seconds = _number("seconds", 0)
        owner = request.args.get("owner", "nobody")
        _owner.set(owner)
        g.owner = owner
        events.note("async.began")
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            events.note("async.cancelled")
            raise
        mixed = {_owner.get(), g.owner, request.args.get("owner", "nobody")}
        return {
            "view": "async",
            "owner": owner,
            "mixed": len(mixed) > 1,
            "id": request.environ["tanya.request_id"],
            "hook": g.hook,
        }

    @app.route("/async/echo", methods=["POST", "PUT"])
    async def async_echo() -> ResponseReturnValue:
        return Response(request.get_data(), mimetype="application/octet-stream")

    @app.post("/async/large")
    async def async_large() -> ResponseReturnValue:
        return {"bytes": len(request.get_data())}

    @app.get("/async/environ")
    async def async_environ() -> ResponseReturnValue:
        simple = {k: v for k, v in request.environ.items() if isinstance(v, str)}
        return jsonify(simple)

    @app.get("/async/accent")
    async def async_accent() -> ResponseReturnValue:
        return Response("ok", headers={"X-Echo": "caf\u00e9", "X-Fine": "yes"})

    @app.get("/async/boom")
    async def async_boom() -> ResponseReturnValue:
        raise ZeroDivisionError

    @app.get("/async/busy")
    async def async_busy() -> ResponseReturnValue:
        raise ConversationBusy

    @app.get("/async/redirect")
    async def async_redirect() -> ResponseReturnValue:
        return redirect("/async")

    @app.get("/async/page")
    async def async_page() -> ResponseReturnValue:
        headers = {"Cache-Control": "max-age=60", "Content-Security-Policy": "x"}
        return Response("<p>", headers=headers)

    @app.get("/async/file")
    async def async_file() -> ResponseReturnValue:
        def body() -> Iterator[bytes]:
            for _ in range(3):
                yield threading.current_thread().name.encode() + b"\n"

        return Response(body())


def _add_streams(app: Flask, events: Events) -> None:
    @app.get("/stream")
    async def stream() -> ResponseReturnValue:
        count, pause = int(_number("count", 3)), _number("pause", 0)
        silent = _number("silent", 0)

        async def body() -> AsyncIterator[bytes]:
            try:
                await asyncio.sleep(silent)
                for number in range(count):
                    events.note("stream.chunk")
                    yield b"data: %d\n\n" % number
                    await asyncio.sleep(pause)
            except asyncio.CancelledError:
                events.note("stream.cancelled")
                raise
            finally:
                events.note("stream.closed")

        return AsyncStream(body(), on_drain=ON_DRAIN)

    @app.get("/stream/early")
    async def early() -> ResponseReturnValue:
        async def body() -> AsyncIterator[bytes]:
            if request.args.get("fail", "1") == "1":
                raise ConversationBusy
            yield b"never"

        return AsyncStream(body())

    @app.get("/stream/late")
    async def late() -> ResponseReturnValue:
        async def body() -> AsyncIterator[bytes]:
            try:
                yield b"data: 0\n\n"
                raise ZeroDivisionError
            finally:
                events.note("late.closed")

        return AsyncStream(body())

    @app.get("/stream/flood")
    async def flood() -> ResponseReturnValue:
        async def body() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"x" * 65_536
            finally:
                events.note("flood.closed")

        return AsyncStream(body())


def _add_hooks(app: Flask, events: Events) -> None:
    @app.before_request
    async def mark() -> None:
        await asyncio.sleep(0)
        g.hook = "async"

    @app.after_request
    def sign(response: Response) -> Response:
        response.headers["X-Signed"] = "yes"
        return response

    @app.teardown_request
    def note_teardown(error: BaseException | None) -> None:
        kind = type(error).__name__ if error else "clean"
        events.note(f"teardown.{request.path}.{kind}")

    @app.errorhandler(AppError)
    def answer_error(error: AppError) -> ResponseReturnValue:
        body = problem_bytes(error, request_id=request.environ["tanya.request_id"])
        return Response(body, status=error.status, headers=problem_headers(error))


def build_flask() -> Flask:
    """Return the application without its bridge."""
    app = Flask(__name__)
    events = Events()
    _add_hooks(app, events)
    _add_plain_views(app, events)
    _add_async_views(app, events)
    _add_streams(app, events)
    return app


def build_toy(limits: BridgeLimits | None = None, **options: Any) -> Bridge:
    """Return the application behind a bridge."""
    return Bridge(
        build_flask(),
        body_limit=limits_by_path({"/async/large": LARGE_LIMIT}, default=SMALL_LIMIT),
        cors_origins=("https://good.example",),
        limits=limits,
        **options,
    )


def build_from_environment() -> Bridge:
    """Return the application as the variables of a test want it."""
    journal = os.environ.get("TOY_JOURNAL")

    async def start() -> None:
        if os.environ.get("TOY_FAIL_START"):
            raise ConnectionError("redis://user:secret@host")
        if journal:
            await asyncio.to_thread(_write, journal, f"start {os.getpid()}\n")

    async def close() -> None:
        if journal:
            await asyncio.to_thread(_write, journal, f"close {os.getpid()}\n")

    limits = BridgeLimits(
        threads=int(os.environ.get("TOY_THREADS", "48")),
        requests=int(os.environ.get("TOY_REQUESTS", "1000")),
        body_grace_seconds=float(os.environ.get("TOY_BODY_GRACE", "10")),
        body_bytes=int(os.environ.get("TOY_BODY_BYTES", str(64 * 1024 * 1024))),
    )
    return build_toy(limits, starters=[start], closers=[close])


def _write(path: str, line: str) -> None:
    with Path(path).open("a", encoding="utf-8") as journal:
        journal.write(line)


app = build_from_environment()
