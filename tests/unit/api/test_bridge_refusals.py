"""What the bridge refuses itself is counted and logged; probes see that it is full."""

from __future__ import annotations

import asyncio
import logging

import pytest
from flask import Flask, request

from api.bridge import Bridge, BridgeLimits
from tests.fakes.asgi import ask, make_call


@pytest.fixture
def counted() -> list[tuple[str, int]]:
    return []


@pytest.fixture
def bridge(counted: list[tuple[str, int]]) -> Bridge:
    app = Flask("refusals")
    app.config["GO"] = asyncio.Event()

    @app.get("/slow")
    async def slow() -> dict[str, str]:
        await app.config["GO"].wait()
        return {}

    @app.get("/ready")
    async def ready() -> dict[str, bool]:
        return {"saturated": request.environ["tanya.saturated"]}

    return Bridge(
        app,
        limits=BridgeLimits(requests=2),
        on_refused=lambda method, status, _seconds: counted.append((method, status)),
    )


async def test_a_refusal_is_counted_and_logged_once_without_its_path(
    bridge: Bridge, counted: list[tuple[str, int]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    fields = [(b"x-filler", b"x" * 40_000)]

    call = await ask(bridge, "/secret-path", headers=fields)

    assert call.status == 431
    assert counted == [("GET", 431)]
    (line,) = [one for one in caplog.records if one.message == "request_refused"]
    assert line.__dict__["code"] == "headers_too_large"
    assert line.__dict__["request_id"] == call.headers["x-request-id"]
    assert "secret-path" not in str(line.__dict__)


async def test_an_answered_request_is_no_refusal(
    bridge: Bridge, counted: list[tuple[str, int]]
) -> None:
    assert (await ask(bridge, "/nothing")).status == 404
    assert (await ask(bridge, "/ready")).json() == {"saturated": False}

    assert counted == []


async def test_ready_is_answered_and_told_when_every_place_is_taken(
    bridge: Bridge, counted: list[tuple[str, int]]
) -> None:
    calls = [make_call("/slow") for _ in range(2)]
    tasks = [
        asyncio.create_task(bridge(call.scope, call.receive, call.send))
        for call in calls
    ]
    while bridge.in_progress < 2:  # noqa: ASYNC110 - two steps of the loop
        await asyncio.sleep(0)

    refused = await ask(bridge, "/slow")
    ready = await ask(bridge, "/ready")
    bridge.flask_app.config["GO"].set()
    await asyncio.gather(*tasks)

    assert refused.status == 503
    assert refused.json()["code"] == "overloaded"
    assert ready.json() == {"saturated": True}
    assert counted == [("GET", 503)]
    assert [call.status for call in calls] == [200, 200]
    assert (await ask(bridge, "/ready")).json() == {"saturated": False}
