"""Flask's request cycle on the loop: hooks, handlers, streams, teardown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from contextvars import ContextVar

import pytest
from flask import Blueprint, Flask, Response, after_this_request, g, request, session
from flask.typing import ResponseReturnValue
from flask.views import MethodView
from werkzeug.exceptions import Conflict

from api.bridge import Bridge
from api.streams import AsyncStream
from domain.errors import AppError, ConfigurationError, ConversationBusy
from tests.fakes.asgi import Call, ask, make_call


@pytest.fixture
def app() -> Flask:
    return Flask("native")


async def test_hooks_of_both_kinds_run_around_the_view_in_order(app: Flask) -> None:
    steps: list[str] = []
    pages = Blueprint("pages", __name__)

    @app.url_value_preprocessor
    def fill(_endpoint: str | None, values: dict[str, object] | None) -> None:
        steps.append(f"values {values}")

    @app.before_request
    async def before_async() -> None:
        await asyncio.sleep(0)
        steps.append("before async")

    @pages.before_request
    def before_plain() -> None:
        steps.append("before plain")

    @app.after_request
    async def after_async(response: Response) -> Response:
        steps.append("after async")
        return response

    @pages.after_request
    def after_plain(response: Response) -> Response:
        steps.append("after plain")
        return response

    @app.teardown_request
    def end(error: BaseException | None) -> None:
        steps.append(f"teardown {error}")

    @app.teardown_appcontext
    def end_app(error: BaseException | None) -> None:
        steps.append(f"app teardown {error}")

    @pages.get("/item/<name>")
    async def view(name: str) -> ResponseReturnValue:
        @after_this_request
        def last(response: Response) -> Response:
            steps.append("after this")
            return response

        steps.append(f"view {name}")
        return {"name": name}

    app.register_blueprint(pages)

    call = await ask(Bridge(app), "/item/x")

    assert call.json() == {"name": "x"}
    assert steps == [
        "values {'name': 'x'}",
        "before async",
        "before plain",
        "view x",
        "after this",
        "after plain",
        "after async",
        "teardown None",
        "app teardown None",
    ]


async def test_a_hook_that_answers_replaces_the_view(app: Flask) -> None:
    @app.before_request
    async def stop() -> ResponseReturnValue:
        return "no", 418

    @app.get("/")
    async def view() -> ResponseReturnValue:
        raise AssertionError

    assert (await ask(Bridge(app), "/")).status == 418


@pytest.mark.parametrize("stage", ["before", "view", "after"])
async def test_an_error_of_any_stage_reaches_its_handler(
    app: Flask, stage: str
) -> None:
    def fail_at(here: str) -> None:
        if stage == here:
            raise ConversationBusy

    @app.before_request
    def before() -> None:
        fail_at("before")

    @app.after_request
    def after(response: Response) -> Response:
        fail_at("after")
        return response

    @app.errorhandler(AppError)
    def handle(error: AppError) -> ResponseReturnValue:
        return error.code, error.status

    @app.get("/")
    async def view() -> ResponseReturnValue:
        fail_at("view")
        return "fine"

    call = await ask(Bridge(app), "/")

    # Flask asks no handler about a failing after-request hook: that is a plain 500.
    expected = 500 if stage == "after" else 409
    assert call.status == expected
    if stage == "after":
        assert call.json()["code"] == "internal_error"


async def test_blueprint_and_status_handlers_are_found(app: Flask) -> None:
    pages = Blueprint("pages", __name__, url_prefix="/p")

    @pages.errorhandler(409)
    def handle(_error: Exception) -> ResponseReturnValue:
        return "blueprint", 409

    @pages.get("/")
    async def view() -> ResponseReturnValue:
        raise Conflict

    app.register_blueprint(pages)

    assert (await ask(Bridge(app), "/p/")).body == b"blueprint"


async def test_an_own_handler_of_500_is_used(app: Flask) -> None:
    @app.errorhandler(500)
    def handle(_error: Exception) -> ResponseReturnValue:
        return "mine", 500

    @app.get("/")
    async def view() -> ResponseReturnValue:
        raise ZeroDivisionError

    assert (await ask(Bridge(app), "/")).body == b"mine"


async def test_a_failing_error_handler_still_gives_a_problem(app: Flask) -> None:
    @app.errorhandler(Exception)
    def handle(_error: Exception) -> ResponseReturnValue:
        raise ZeroDivisionError

    @app.errorhandler(500)
    def handle_500(_error: Exception) -> ResponseReturnValue:
        raise ZeroDivisionError

    @app.get("/")
    async def view() -> ResponseReturnValue:
        raise KeyError

    call = await ask(Bridge(app), "/")

    assert (call.status, call.json()["code"]) == (500, "internal_error")


async def test_sessions_are_opened_and_saved(app: Flask) -> None:
    app.secret_key = "s" * 32

    @app.get("/")
    async def view() -> ResponseReturnValue:
        session["seen"] = True
        return "x"

    assert "session=" in (await ask(Bridge(app), "/")).headers["set-cookie"]


async def test_class_views_and_plain_views_work_beside(app: Flask) -> None:
    class Item(MethodView):
        async def get(self) -> ResponseReturnValue:
            return "async method"

        def post(self) -> ResponseReturnValue:
            return request.get_data()

    app.add_url_rule("/item", view_func=Item.as_view("item"))
    bridge = Bridge(app)

    assert (await ask(bridge, "/item")).body == b"async method"
    posted = await ask(bridge, "/item", method="POST", body=[b"a", b"b"])
    assert posted.body == b"ab"


async def test_slash_redirects_are_answered(app: Flask) -> None:
    @app.get("/folder/")
    async def view() -> ResponseReturnValue:
        return "x"

    call = await ask(Bridge(app), "/folder?a=1")

    assert call.status == 308
    assert call.headers["location"].endswith("/folder/?a=1")


async def test_requests_at_once_keep_their_own_context(app: Flask) -> None:
    owner: ContextVar[str] = ContextVar("owner")

    @app.get("/<name>")
    async def view(name: str) -> ResponseReturnValue:
        assert owner.get("") == ""
        owner.set(name)
        g.name = name
        await asyncio.sleep(0.001 * (len(name) % 3))
        return f"{owner.get()} {g.name} {request.view_args}"

    bridge = Bridge(app)
    names = ["x" * n for n in range(1, 30)]

    calls = await asyncio.gather(*(ask(bridge, f"/{name}") for name in names))

    assert [call.body.decode() for call in calls] == [
        f"{name} {name} {{'name': '{name}'}}" for name in names
    ]


async def test_a_stream_runs_inside_the_request_context(app: Flask) -> None:
    order: list[str] = []

    @app.teardown_request
    def end(_error: BaseException | None) -> None:
        order.append("teardown")

    @app.get("/")
    async def view() -> ResponseReturnValue:
        async def body() -> AsyncIterator[bytes]:
            yield request.path.encode()
            order.append("end of body")

        return AsyncStream(body()), 201

    call = await ask(Bridge(app), "/")

    assert (call.status, call.body, call.is_complete) == (201, b"/", True)
    assert order == ["end of body", "teardown"]


async def test_a_stream_is_closed_when_a_hook_fails_after_it(app: Flask) -> None:
    closed: list[str] = []

    async def body() -> AsyncIterator[bytes]:
        try:
            yield b"x"
        finally:
            closed.append("yes")

    @app.get("/")
    async def view() -> ResponseReturnValue:
        return AsyncStream(body())

    @app.after_request
    def fail(response: Response) -> Response:
        if isinstance(response, AsyncStream):
            raise ZeroDivisionError
        return response

    assert (await ask(Bridge(app), "/")).status == 500
    assert closed == ["yes"]


async def test_leaving_cancels_and_tears_down(app: Flask) -> None:
    seen: list[str] = []
    started = asyncio.Event()

    @app.teardown_request
    def end(error: BaseException | None) -> None:
        seen.append(type(error).__name__)

    @app.get("/")
    async def view() -> ResponseReturnValue:
        started.set()
        await asyncio.sleep(60)
        return "never"

    call = make_call("/")
    bridge = Bridge(app)
    task = asyncio.create_task(_serve(bridge, call))
    await started.wait()

    call.leave()
    await asyncio.wait_for(task, 1)

    assert seen == ["CancelledError"]
    assert call.sent == []
    assert bridge.in_progress == 0


async def test_views_can_see_that_the_client_left(app: Flask) -> None:
    started = asyncio.Event()
    seen: list[bool] = []

    @app.get("/")
    async def view() -> ResponseReturnValue:
        gone: asyncio.Event = request.environ["tanya.disconnected"]
        started.set()
        try:
            await asyncio.sleep(60)
        finally:
            seen.append(gone.is_set())
        return "never"

    call = make_call("/")
    task = asyncio.create_task(_serve(Bridge(app), call))
    await started.wait()
    call.leave()
    await asyncio.wait_for(task, 1)

    assert seen == [True]


async def test_a_view_that_swallows_its_cancel_sends_to_nobody(app: Flask) -> None:
    started = asyncio.Event()

    @app.get("/")
    async def view() -> ResponseReturnValue:
        started.set()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        return "too late"

    call = make_call("/")
    task = asyncio.create_task(_serve(Bridge(app), call))
    await started.wait()
    call.leave()
    await asyncio.wait_for(task, 1)

    assert call.sent == []


async def test_stopping_the_server_cancels_the_work(app: Flask) -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    @app.get("/")
    async def view() -> ResponseReturnValue:
        started.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()
        return "never"

    task = asyncio.create_task(_serve(Bridge(app), make_call("/")))
    await started.wait()

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await asyncio.wait_for(ended.wait(), 1)


async def test_a_cut_stream_says_its_last_bytes(app: Flask) -> None:
    closed: list[str] = []

    @app.get("/")
    async def view() -> ResponseReturnValue:
        async def body() -> AsyncIterator[bytes]:
            try:
                yield b"first "
                await asyncio.sleep(60)
            finally:
                closed.append("yes")

        return AsyncStream(body(), on_drain=b"last")

    call = make_call("/")
    bridge = Bridge(app)
    task = asyncio.create_task(_serve(bridge, call))
    await call.wait_for_body()

    bridge.begin_drain()
    bridge.end_streams()
    await asyncio.wait_for(task, 1)

    assert (call.body, call.is_complete) == (b"first last", True)
    assert closed == ["yes"]


async def test_an_error_in_the_middle_leaves_the_body_incomplete(app: Flask) -> None:
    @app.get("/")
    async def view() -> ResponseReturnValue:
        async def body() -> AsyncIterator[bytes]:
            yield b"first"
            raise ZeroDivisionError

        return AsyncStream(body())

    call = await asyncio.wait_for(ask(Bridge(app), "/"), 1)

    assert (call.body, call.is_complete) == (b"first", False)


@pytest.mark.parametrize("kind", ["handler", "teardown", "app teardown"])
def test_functions_that_flask_would_not_await_are_refused(
    app: Flask, kind: str
) -> None:
    async def wrong(_error: object) -> str:
        return "x"

    if kind == "handler":
        app.register_error_handler(404, wrong)
    elif kind == "teardown":
        app.teardown_request(wrong)  # type: ignore[type-var]
    else:
        app.teardown_appcontext(wrong)  # type: ignore[type-var]

    with pytest.raises(ConfigurationError, match="plain functions"):
        Bridge(app)


async def _serve(bridge: Bridge, call: Call) -> None:
    await bridge(call.scope, call.receive, call.send)
