"""`POST /v1/chat` answered whole."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from domain.errors import (
    ConversationBusy,
    RetrievalUnavailable,
    StateUnavailable,
    UpstreamError,
    UpstreamQuotaExhausted,
)
from tests.fakes.http import CHAT, make_bridge, make_client
from tests.fakes.problems import assert_problem
from tests.fakes.services import FakeParts

QUESTION = {"message": "Kapan pendaftaran dibuka?"}


async def test_an_answer_has_every_field_of_the_contract(
    client: httpx.AsyncClient,
) -> None:
    reply = await client.post("/v1/chat", json=QUESTION, headers=CHAT)

    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/json"
    body = reply.json()
    assert set(body) == {
        "answer",
        "sources",
        "citations",
        "answered",
        "confidence",
        "language",
        "conversation_id",
        "message_id",
        "degraded",
        "exec_time",
    }
    assert body["answer"] == "Pendaftaran dibuka 1 Maret 2026 [1]."
    assert body["sources"] == "https://example.ac.id/pmb"
    assert body["conversation_id"] == "kiosk-7"
    assert body["message_id"].startswith("msg_")
    assert {
        "index",
        "document_id",
        "title",
        "url",
        "section",
        "page",
        "quote",
        "score",
        "supported",
    } <= set(body["citations"][0])


async def test_a_refusal_has_no_citations_and_empty_sources(
    client: httpx.AsyncClient,
) -> None:
    reply = await client.post(
        "/v1/chat", json={"message": "unanswerable"}, headers=CHAT
    )

    body = reply.json()
    assert body["answered"] is False
    assert body["citations"] == []
    assert body["sources"] == ""


async def test_every_field_of_the_request_reaches_the_answerer(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    await client.post(
        "/v1/chat",
        headers=CHAT,
        json={
            "message": "  Kapan?\u00a0\u200b\n",
            "selected_text": "Jadwal",
            "page": {"url": "https://a.b/c", "title": "T", "headings": ["A", "B"]},
            "user": {"name": "Ani", "email": "a@b.c", "role": "student", "year": 2},
            "max_results": 3.0,
            "language": "id",
            "unknown": {"ignored": True},
        },
    )

    turn = parts.rag.turns[0]
    assert turn.caller.tenant == "default"
    assert turn.conversation_id == "kiosk-7"
    question = turn.question
    assert question.text == "Kapan?"
    assert question.selected_text == "Jadwal"
    assert question.page == {
        "url": "https://a.b/c",
        "title": "T",
        "headings": ["A", "B"],
    }
    assert question.user == {
        "name": "Ani",
        "email": "a@b.c",
        "role": "student",
        "year": 2,
    }
    assert question.max_results == 3
    assert question.language == "id"


async def test_a_turn_gets_the_configured_budget(parts: FakeParts) -> None:
    async with make_client(parts, turn_timeout=5) as client:
        await client.post("/v1/chat", json=QUESTION, headers=CHAT)

    assert parts.rag.turns[0].deadline.expires_at > 0


async def test_a_turn_that_outlives_its_budget_is_504_and_cancelled(
    parts: FakeParts,
) -> None:
    parts.rag.pause = asyncio.Event()
    async with make_client(parts, turn_timeout=0.1) as client:
        reply = await client.post("/v1/chat", json=QUESTION, headers=CHAT)

    assert_problem(reply, 504, "turn_timeout")
    assert parts.rag.cancelled == 1


@pytest.mark.parametrize(
    "error",
    [
        ConversationBusy(),
        StateUnavailable(),
        RetrievalUnavailable(),
        UpstreamError(),
        UpstreamQuotaExhausted(),
    ],
    ids=lambda error: error.code,
)
async def test_a_failed_turn_is_its_problem(
    client: httpx.AsyncClient, parts: FakeParts, error: Exception
) -> None:
    parts.rag.failure_first = error

    reply = await client.post("/v1/chat", json=QUESTION, headers=CHAT)

    assert_problem(reply, error.status, error.code)  # type: ignore[attr-defined]


async def test_an_unexpected_failure_tells_nothing(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    parts.rag.failure_midway = RuntimeError("/srv/secret: Kapan pendaftaran")

    reply = await client.post("/v1/chat", json=QUESTION, headers=CHAT)

    assert_problem(reply, 500, "internal_error")


@pytest.mark.parametrize("length", [5000, 5001])
async def test_a_message_has_at_most_5000_characters_after_trimming(
    client: httpx.AsyncClient, length: int
) -> None:
    reply = await client.post(
        "/v1/chat", json={"message": f"  {'é' * length}  "}, headers=CHAT
    )

    if length == 5000:
        assert reply.status_code == 200
    else:
        body = assert_problem(reply, 422, "validation_failed")
        assert body["errors"][0]["field"] == "message"


async def test_the_longest_message_is_a_setting(parts: FakeParts) -> None:
    async with make_client(parts, max_message_chars=10) as client:
        short = await client.post("/v1/chat", json={"message": "x" * 10}, headers=CHAT)
        long = await client.post("/v1/chat", json={"message": "x" * 11}, headers=CHAT)
        document = (await client.get("/openapi.json")).json()

    assert short.status_code == 200
    assert_problem(long, 422, "validation_failed")
    schema = document["components"]["schemas"]["ChatRequest"]
    assert schema["properties"]["message"]["maxLength"] == 10


async def test_a_client_that_leaves_cancels_the_turn(parts: FakeParts) -> None:
    parts.rag.pause = asyncio.Event()
    bridge = make_bridge(parts)
    gone = asyncio.Event()
    sent: list[object] = []

    async def receive() -> dict[str, object]:
        if not sent_body.is_set():
            sent_body.set()
            return {
                "type": "http.request",
                "body": b'{"message": "Kapan?"}',
                "more_body": False,
            }
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: object) -> None:
        sent.append(message)

    sent_body = asyncio.Event()
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
            (b"content-length", b"21"),
            *((k.lower().encode(), v.encode()) for k, v in CHAT.items()),
        ],
    }
    task = asyncio.create_task(bridge(scope, receive, send))
    async with asyncio.timeout(5):
        while not parts.rag.turns:  # noqa: ASYNC110 - the fake has no event for it.
            await asyncio.sleep(0)

    gone.set()
    async with asyncio.timeout(5):
        await task

    assert parts.rag.cancelled == 1
    assert sent == []
