"""The realtime door behind real gunicorn: handshakes, frames, drains."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_socket
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from tests.fakes.services import KEY
from tests.fakes.speech import tone
from tests.service import RunningService, start_service

APP = "tests.fakes.api_app:app"


@pytest.fixture(scope="module")
def service() -> Iterator[RunningService]:
    with start_service({"CORS_ORIGINS": "https://good.example"}, app=APP) as running:
        yield running


def address(service: RunningService, query: str = "") -> str:
    return f"ws{service.url.removeprefix('http')}/v1/realtime{query}"


@asynccontextmanager
async def connected(
    service: RunningService, *, query: str = "", **options: Any
) -> AsyncIterator[ClientConnection]:
    options.setdefault("additional_headers", {"Authorization": f"Bearer {KEY}"})
    async with open_socket(
        address(service, query), proxy=None, max_size=None, **options
    ) as socket:
        yield socket


async def say(socket: ClientConnection, **event: Any) -> None:
    await socket.send(json.dumps(event))


async def next_event(socket: ClientConnection, kind: str | None = None) -> Any:
    async with asyncio.timeout(20):
        while True:
            event = json.loads(await socket.recv())
            if kind in {None, event["type"]}:
                return event


async def ask(socket: ClientConnection, text: str = "Kapan?") -> Any:
    content = [{"type": "input_text", "text": text}]
    item = {"type": "message", "role": "user", "content": content}
    await say(socket, type="conversation.item.create", item=item)
    await say(socket, type="response.create")
    return await next_event(socket, "response.done")


async def test_a_conversation_over_a_real_socket(service: RunningService) -> None:
    protocol = Subprotocol("realtime")
    key = Subprotocol(f"openai-insecure-api-key.{KEY}")
    async with connected(
        service,
        additional_headers={},
        subprotocols=[protocol, key],
        origin="https://good.example",
    ) as socket:
        assert socket.subprotocol == "realtime"
        assert socket.response is not None
        assert socket.response.headers["X-Request-ID"]
        created = await next_event(socket)
        assert created["type"] == "session.created"
        audio = base64.b64encode(tone(0.6, rate_hz=24_000) + bytes(48_000)).decode()
        await say(socket, type="input_audio_buffer.append", audio=audio)
        delta = await next_event(socket, "response.output_audio.delta")
        assert base64.b64decode(delta["delta"])
        done = await next_event(socket, "response.done")
        assert done["response"]["status"] == "completed"


@pytest.mark.parametrize(
    ("headers", "origin", "status"),
    [
        ({}, None, 401),
        ({"Authorization": "Bearer wrong"}, None, 401),
        ({"X_API_Key": KEY}, None, 401),
        ({"Authorization": f"Bearer {KEY}"}, "https://evil.example", 403),
        ({"X-API-Key": KEY, "X-Conversation-Id": "a b"}, None, 400),
    ],
)
async def test_a_refusal_is_a_problem_before_the_upgrade(
    service: RunningService, headers: dict[str, str], origin: Any, status: int
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connected(service, additional_headers=headers, origin=origin):
            pass

    response = refused.value.response
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    assert json.loads(response.body)["status"] == status
    assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_secret_of_the_http_door_opens_the_socket(
    service: RunningService,
) -> None:
    async with httpx.AsyncClient(base_url=service.url, trust_env=False) as client:
        reply = await client.post(
            "/v1/realtime/client_secrets",
            json={"session": {"type": "realtime", "output_modalities": ["text"]}},
            headers={"X-API-Key": KEY, "X-Conversation-Id": "desk-9"},
        )
    secret = reply.json()["value"]
    headers = {"Authorization": f"Bearer {secret}"}

    async with connected(service, additional_headers=headers) as socket:
        session = (await next_event(socket))["session"]

    assert session["x.conversation_id"] == "desk-9"
    assert session["output_modalities"] == ["text"]


async def test_a_plain_request_is_no_socket(service: RunningService) -> None:
    async with httpx.AsyncClient(base_url=service.url, trust_env=False) as client:
        reply = await client.get("/v1/realtime", headers={"X-API-Key": KEY})
    assert reply.status_code in {404, 426}


async def test_a_message_of_many_megabytes_closes_with_its_own_code(
    service: RunningService,
) -> None:
    async with connected(service) as socket:
        await next_event(socket)
        with contextlib.suppress(ConnectionClosed):
            await say(socket, type="x", audio="A" * 3_000_000)
        with pytest.raises(ConnectionClosed):
            await next_event(socket, "never")
    assert socket.close_code == 1009


async def until_none_is_open(service: RunningService) -> None:
    async with httpx.AsyncClient(base_url=service.url, trust_env=False) as client:
        async with asyncio.timeout(10):
            while True:
                counts = (await client.get("/metrics")).text
                if "tanya_realtime_sessions 0.0" in counts:
                    return
                await asyncio.sleep(0.1)


async def test_fifty_broken_connections_leave_none_open(
    service: RunningService,
) -> None:
    async def break_off(number: int) -> None:
        async with connected(service) as socket:
            audio = base64.b64encode(tone(0.2 * (number % 5), rate_hz=24_000)).decode()
            await say(socket, type="input_audio_buffer.append", audio=audio)
            if number % 2:
                await say(socket, type="input_audio_buffer.commit")
            socket.transport.abort()

    # One key may have 32 at once.
    for start in range(0, 50, 10):
        await asyncio.gather(*(break_off(start + n) for n in range(10)))
        await until_none_is_open(service)

    async with connected(service) as socket:
        assert (await ask(socket))["response"]["status"] == "completed"


async def test_health_answers_while_many_speak(service: RunningService) -> None:
    loop, waits = asyncio.get_running_loop(), []
    piece = base64.b64encode(tone(0.1, rate_hz=24_000)).decode()

    async def talk() -> None:
        async with connected(service) as socket:
            for _ in range(20):
                await say(socket, type="input_audio_buffer.append", audio=piece)
                await asyncio.sleep(0.1)

    talks = [asyncio.create_task(talk()) for _ in range(12)]
    async with httpx.AsyncClient(base_url=service.url, trust_env=False) as client:
        while not all(task.done() for task in talks):
            begun = loop.time()
            assert (await client.get("/health", timeout=10)).status_code == 200
            waits.append(loop.time() - begun)
            await asyncio.sleep(0.05)
    await asyncio.gather(*talks)

    assert sorted(waits)[len(waits) // 2] < 1.0


async def test_a_server_that_stops_says_so_and_closes() -> None:
    with start_service(app=APP) as running:
        async with connected(running) as socket:
            await next_event(socket)
            assert (await ask(socket))["response"]["status"] == "completed"

            running.send_signal(signal.SIGTERM)

            error = await next_event(socket, "error")
            assert error["error"]["code"] == "server_restarting"
            with pytest.raises(ConnectionClosed):
                await next_event(socket)
            assert socket.close_code == 1012
        assert await asyncio.to_thread(running.wait, 30) == 0
