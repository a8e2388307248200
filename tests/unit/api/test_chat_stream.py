"""`POST /v1/chat` answered as events."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import httpx
import pytest

from api import event_streams, sse
from domain.errors import ConversationBusy, UpstreamError
from tests.fakes.events import read_events
from tests.fakes.http import CHAT, make_bridge, make_client
from tests.fakes.problems import assert_problem
from tests.fakes.services import FakeParts

QUESTION = {"message": "Kapan pendaftaran dibuka?", "stream": True}


async def test_events_come_in_the_order_of_the_contract(
    client: httpx.AsyncClient,
) -> None:
    reply = await client.post("/v1/chat", json=QUESTION, headers=CHAT)

    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert reply.headers["cache-control"] == "no-cache, no-transform"
    assert reply.headers["x-accel-buffering"] == "no"
    events = read_events(reply.text)
    names = [name for name, _ in events]
    assert names == [
        "turn.started",
        "retrieval.completed",
        *["answer.delta"] * 6,
        "answer.completed",
    ]
    started, completed = events[0][1], events[-1][1]
    assert started == {
        "conversation_id": "kiosk-7",
        "message_id": completed["message_id"],
    }
    assert events[1][1] == {"passages": 5}
    text = "".join(data["delta"] for name, data in events if name == "answer.delta")
    assert text == completed["answer"]


async def test_the_completed_event_is_the_body_of_the_whole_answer(
    client: httpx.AsyncClient,
) -> None:
    streamed = await client.post("/v1/chat", json=QUESTION, headers=CHAT)
    whole = await client.post("/v1/chat", json={"message": "Kapan?"}, headers=CHAT)

    assert set(read_events(streamed.text)[-1][1]) == set(whole.json())


@pytest.mark.parametrize(
    ("accept", "streams"),
    [
        ("text/event-stream", True),
        ("text/event-stream, application/json;q=0.5", True),
        ("application/json", False),
        ("application/json, text/event-stream", False),
        ("*/*", False),
        ("text/event-stream;q=0.9, */*;q=0.1", True),
        ("", False),
    ],
)
async def test_accept_chooses_the_form(
    client: httpx.AsyncClient, accept: str, streams: bool
) -> None:
    reply = await client.post(
        "/v1/chat", json={"message": "Kapan?"}, headers=CHAT | {"Accept": accept}
    )

    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("text/event-stream") is streams


async def test_stream_true_wins_over_accept(client: httpx.AsyncClient) -> None:
    reply = await client.post(
        "/v1/chat", json=QUESTION, headers=CHAT | {"Accept": "application/json"}
    )

    assert reply.headers["content-type"].startswith("text/event-stream")


async def test_what_nobody_can_write_is_406(client: httpx.AsyncClient) -> None:
    reply = await client.post(
        "/v1/chat", json={"message": "Kapan?"}, headers=CHAT | {"Accept": "text/html"}
    )

    assert_problem(reply, 406, "not_acceptable")


async def test_a_failure_before_the_first_event_has_its_own_status(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    parts.rag.failure_first = ConversationBusy()

    reply = await client.post("/v1/chat", json=QUESTION, headers=CHAT)

    assert_problem(reply, 409, "conversation_busy")


@pytest.mark.parametrize(
    ("failure", "code"),
    [(UpstreamError(), "upstream_error"), (RuntimeError("x"), "internal_error")],
)
async def test_a_later_failure_is_the_last_event(
    client: httpx.AsyncClient, parts: FakeParts, failure: Exception, code: str
) -> None:
    parts.rag.failure_midway = failure

    reply = await client.post("/v1/chat", json=QUESTION, headers=CHAT)

    assert reply.status_code == 200
    names = [name for name, _ in read_events(reply.text)]
    assert names == ["turn.started", "retrieval.completed", "answer.delta", "error"]
    problem = read_events(reply.text)[-1][1]
    assert problem["code"] == code
    assert problem["request_id"] == reply.headers["x-request-id"]


async def test_a_turn_over_its_budget_ends_with_an_error_event(
    parts: FakeParts,
) -> None:
    parts.rag.pause = asyncio.Event()
    async with make_client(parts, turn_timeout=0.1) as client:
        reply = await client.post("/v1/chat", json=QUESTION, headers=CHAT)

    name, problem = read_events(reply.text)[-1]
    assert (name, problem["code"]) == ("error", "turn_timeout")
    assert parts.rag.cancelled == 1


class Stream:
    """Drives one streamed request by hand, message by message."""

    def __init__(self, parts: FakeParts, **settings: Any) -> None:
        self.bridge = make_bridge(parts, **settings)
        self.sent: asyncio.Queue[Any] = asyncio.Queue()
        self.gone = asyncio.Event()
        self._asked = False
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/v1/chat",
            "raw_path": b"/v1/chat",
            "query_string": b"",
            "http_version": "1.1",
            "scheme": "http",
            "headers": [
                (b"host", b"tanya.test"),
                (b"content-type", b"application/json"),
                (b"accept", b"text/event-stream"),
                *((k.lower().encode(), v.encode()) for k, v in CHAT.items()),
            ],
        }
        self.task = asyncio.create_task(
            self.bridge(scope, self._receive, self.sent.put)
        )

    async def next(self) -> Any:
        async with asyncio.timeout(5):
            return await self.sent.get()

    async def end(self) -> None:
        async with asyncio.timeout(5):
            with contextlib.suppress(asyncio.CancelledError):
                await self.task

    async def _receive(self) -> Any:
        if not self._asked:
            self._asked = True
            return {
                "type": "http.request",
                "body": b'{"message": "Kapan?"}',
                "more_body": False,
            }
        await self.gone.wait()
        return {"type": "http.disconnect"}


async def test_the_first_event_leaves_before_the_answer_is_ready(
    parts: FakeParts,
) -> None:
    parts.rag.pause = asyncio.Event()
    stream = Stream(parts)

    start, first = await stream.next(), await stream.next()

    assert start["status"] == 200
    assert first["body"].startswith(b"event: turn.started\n")
    parts.rag.pause.set()
    await stream.end()


async def test_a_reader_that_leaves_closes_the_turn(parts: FakeParts) -> None:
    parts.rag.pause = asyncio.Event()
    stream = Stream(parts)
    await stream.next()
    await stream.next()

    stream.gone.set()
    await stream.end()

    assert parts.rag.cancelled == 1
    assert parts.conversations.kept == {}


async def test_silence_is_filled_with_comments(
    parts: FakeParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, "HEARTBEAT_SECONDS", 0.02)
    parts.rag.pause = asyncio.Event()
    stream = Stream(parts)

    bodies = [(await stream.next()).get("body", b"") for _ in range(8)]

    assert sse.HEARTBEAT in bodies
    parts.rag.pause.set()
    await stream.end()


async def test_a_long_wait_in_line_begins_with_a_comment(
    parts: FakeParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_streams, "FIRST_EVENT_SECONDS", 0.02)
    parts.rag.wait_first = asyncio.Event()
    stream = Stream(parts)

    start, first = await stream.next(), await stream.next()

    assert start["status"] == 200
    assert first["body"] == sse.HEARTBEAT
    parts.rag.wait_first.set()
    await stream.end()


async def test_a_stopping_server_says_so_at_the_end_of_a_stream(
    parts: FakeParts,
) -> None:
    parts.rag.pause = asyncio.Event()
    stream = Stream(parts)
    await stream.next()
    await stream.next()

    stream.bridge.end_streams()
    await stream.end()

    bodies = b""
    while not stream.sent.empty():
        bodies += stream.sent.get_nowait().get("body", b"")
    name, problem = read_events(bodies.decode())[-1]
    assert (name, problem["code"]) == ("error", "server_restarting")
    assert problem["retryable"] is True
    assert parts.rag.cancelled == 1
