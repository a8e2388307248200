"""`POST /v1/chat/completions` in this process, on fakes."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from domain.errors import (
    ConversationBusy,
    StateUnavailable,
    UpstreamError,
    UpstreamQuotaExhausted,
)
from tests.fakes.asgi import make_call
from tests.fakes.http import AUTH, make_bridge, make_client
from tests.fakes.services import KEY, FakeParts

PATH = "/v1/chat/completions"
QUESTION = {"role": "user", "content": "Kapan pendaftaran dibuka?"}
TEXT = "Pendaftaran dibuka 1 Maret 2026 [1]."


def ask(*messages: Any, **more: Any) -> dict[str, Any]:
    return {"model": "tanya", "messages": list(messages) or [QUESTION], **more}


def chunks(text: str) -> list[Any]:
    """Return the JSON of each event; the stream must end as OpenAI's do."""
    lines = [line for line in text.split("\n\n") if line]
    assert lines[-1] == "data: [DONE]"
    return [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]


def assert_error(
    reply: httpx.Response, status: int, code: str, *, param: str | None = None
) -> dict[str, Any]:
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["x-request-id"]
    error: dict[str, Any] = reply.json()["error"]
    assert set(error) == {"message", "type", "code", "param"}
    assert (error["code"], error["param"]) == (code, param)
    assert error["message"]
    return error


async def test_the_answer_is_that_of_the_documents(client: httpx.AsyncClient) -> None:
    reply = await client.post(PATH, json=ask())

    body = reply.json()
    assert reply.status_code == 200
    assert body["object"] == "chat.completion"
    assert body["model"] == "tanya"
    (choice,) = body["choices"]
    assert choice["message"]["role"] == "assistant"
    assert choice["message"]["content"] == TEXT
    assert choice["finish_reason"] == "stop"
    assert body["tanya"]["answer"] == TEXT
    assert body["tanya"]["answered"] is True
    assert body["tanya"]["citations"][0]["title"] == "Panduan PMB"
    usage = body["usage"]
    assert usage["prompt_tokens"] == 7
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


async def test_an_annotation_points_at_its_mark(client: httpx.AsyncClient) -> None:
    body = (await client.post(PATH, json=ask())).json()

    (annotation,) = body["choices"][0]["message"]["annotations"]
    cited = annotation["url_citation"]
    assert annotation["type"] == "url_citation"
    assert TEXT[cited["start_index"] : cited["end_index"]] == "[1]"
    assert cited["title"] == "Panduan PMB"
    assert cited["url"] == "https://example.ac.id/pmb"


async def test_a_refusal_is_an_answer_without_annotations(
    client: httpx.AsyncClient,
) -> None:
    question = {"role": "user", "content": "Something unanswerable"}

    body = (await client.post(PATH, json=ask(question))).json()

    assert body["tanya"]["answered"] is False
    assert body["choices"][0]["message"]["annotations"] == []


async def test_a_stream_has_the_role_the_text_the_sources_and_the_end(
    client: httpx.AsyncClient,
) -> None:
    reply = await client.post(PATH, json=ask(stream=True))

    assert reply.headers["content-type"].startswith("text/event-stream")
    assert reply.headers["x-accel-buffering"] == "no"
    found = chunks(reply.text)
    assert len({chunk["id"] for chunk in found}) == 1
    assert {chunk["object"] for chunk in found} == {"chat.completion.chunk"}
    deltas = [chunk["choices"][0]["delta"] for chunk in found]
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert "".join(delta.get("content", "") for delta in deltas) == TEXT
    assert deltas[-2]["annotations"][0]["url_citation"]["title"] == "Panduan PMB"
    assert found[-2]["tanya"]["answer"] == TEXT
    assert deltas[-1] == {}
    reasons = [chunk["choices"][0]["finish_reason"] for chunk in found]
    assert reasons == [None] * (len(found) - 1) + ["stop"]
    assert not any("usage" in chunk for chunk in found)


async def test_usage_ends_a_stream_that_asks_for_it(client: httpx.AsyncClient) -> None:
    body = ask(stream=True, stream_options={"include_usage": True})

    found = chunks((await client.post(PATH, json=body)).text)

    assert found[-1]["choices"] == []
    assert found[-1]["usage"]["total_tokens"] > 0
    assert all(chunk["usage"] is None for chunk in found[:-1])


async def test_earlier_messages_are_the_history_and_nothing_is_kept(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    body = ask(
        {"role": "system", "content": "You are a pirate."},
        {"role": "user", "content": [{"type": "text", "text": "Ada beasiswa?"}]},
        {"role": "assistant", "content": "Ada [1].", "tool_calls": None},
        {"role": "tool", "content": "42", "tool_call_id": "call_1"},
        {"role": "assistant", "content": None},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Kapan"},
                {"type": "text", "text": "pendaftarannya?"},
            ],
        },
        {"role": "assistant", "content": "Pendaftaran"},
    )

    await client.post(PATH, json=body)

    (turn,) = parts.rag.turns
    assert turn.question.text == "Kapan\npendaftarannya?"
    assert [(one.role, one.text) for one in turn.seed] == [
        ("user", "Ada beasiswa?"),
        ("assistant", "Ada [1]."),
    ]
    assert turn.kept is False
    assert parts.conversations.kept == {}


async def test_two_requests_share_no_conversation(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    for _ in range(2):
        await client.post(PATH, json=ask())

    first, second = parts.rag.turns
    assert first.conversation_id != second.conversation_id
    assert first.question_id != second.question_id


async def test_a_long_history_is_cut_at_its_old_end(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    said = [
        {"role": role, "content": f"{role} {number}"}
        for number in range(60)
        for role in ("user", "assistant")
    ]

    await client.post(PATH, json=ask(*said, QUESTION))

    seed = parts.rag.turns[0].seed
    assert (len(seed), seed[-1].text) == (40, "assistant 59")


async def test_a_named_conversation_is_kept_and_its_own_history_counts(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    earlier = {"role": "user", "content": "Ada beasiswa?"}

    reply = await client.post(
        PATH, json=ask(earlier, QUESTION), headers={"X-Conversation-Id": "kiosk-7"}
    )

    (turn,) = parts.rag.turns
    assert (turn.kept, turn.seed, turn.conversation_id) == (True, (), "kiosk-7")
    assert reply.json()["tanya"]["conversation_id"] == "kiosk-7"
    listed = (await client.get("/v1/conversations")).json()["items"]
    assert [item["id"] for item in listed] == ["kiosk-7"]


async def test_the_user_is_quoted_context(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    await client.post(PATH, json=ask(user="student-17"))

    assert parts.rag.turns[0].question.user == {"id": "student-17"}


async def test_what_real_clients_send_beside_the_question_is_taken(
    client: httpx.AsyncClient,
) -> None:
    body = ask(
        temperature=0.7,
        top_p=1,
        max_tokens=500,
        max_completion_tokens=500,
        frequency_penalty=0,
        presence_penalty=0.0,
        n=1,
        stop=None,
        seed=7,
        logprobs=False,
        logit_bias={},
        metadata={"chat_id": "1"},
        parallel_tool_calls=True,
        tools=[{"type": "function", "function": {"name": "f", "parameters": {}}}],
        tool_choice="auto",
        response_format={"type": "text"},
        modalities=["text"],
        stream=False,
        stream_options=None,
        user=None,
        reasoning_effort="low",
        store=False,
    )

    reply = await client.post(PATH, json=body)

    assert reply.status_code == 200, reply.text


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
SOUND = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}
CALL = {"type": "function", "function": {"name": "f"}}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (ask({"role": "user", "content": [IMAGE]}), "messages.0.content"),
        (ask({"role": "user", "content": [SOUND]}), "messages.0.content"),
        (ask({"role": "user", "content": [{"type": "text"}]}), "messages.0.content"),
        (ask({"role": "user", "content": "  \u200b"}), "messages.0.content"),
        (ask({"role": "user", "content": "a\x00b"}), "messages.0.content"),
        (ask({"role": "user", "content": None}), "messages.0.content"),
        (ask({"role": "user"}), "messages.0.content"),
        (ask({"role": "user", "content": 7}), "messages.0.content"),
        (ask({"role": "pirate", "content": "Arr"}), "messages.0.role"),
        (ask({"role": "system", "content": "Be brief."}), "messages"),
        (ask({"role": "user", "content": "k" * 5001}), "messages"),
        ({"model": "tanya", "messages": []}, "messages"),
        ({"model": "tanya"}, "messages"),
        ({"messages": [QUESTION]}, "model"),
        (ask(n=2), "n"),
        (ask(n=True), "n"),
        (ask(tool_choice="required"), "tool_choice"),
        (ask(tool_choice=CALL), "tool_choice"),
        (ask(response_format={"type": "json_object"}), "response_format"),
        (ask(response_format=SCHEMA), "response_format"),
        (ask(response_format=[None]), "response_format"),
        (ask(response_format={"type": []}), "response_format"),
        (ask(modalities=["text", "audio"]), "modalities"),
        (ask(stream="yes"), "stream"),
    ],
)
async def test_what_cannot_be_done_is_refused_with_its_field(
    client: httpx.AsyncClient, parts: FakeParts, body: Any, param: str
) -> None:
    reply = await client.post(PATH, json=body)

    error = assert_error(reply, 400, "validation_failed", param=param)
    assert error["type"] == "invalid_request_error"
    assert parts.rag.turns == []


async def test_an_image_is_refused_in_plain_words(client: httpx.AsyncClient) -> None:
    reply = await client.post(PATH, json=ask({"role": "user", "content": [IMAGE]}))

    assert "only text is read here" in reply.json()["error"]["message"]


async def test_an_unknown_model_is_not_found(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    reply = await client.post(PATH, json=ask() | {"model": "gpt-4o"})

    assert_error(reply, 404, "model_not_found", param="model")
    assert parts.rag.turns == []


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (ConversationBusy(), 409, "conversation_busy"),
        (UpstreamError(), 502, "upstream_error"),
        (StateUnavailable(retry_after_seconds=5), 503, "state_unavailable"),
        (ZeroDivisionError(), 500, "internal_error"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_failure_before_the_first_word_has_its_status(
    client: httpx.AsyncClient,
    parts: FakeParts,
    failure: Exception,
    status: int,
    code: str,
    stream: bool,
) -> None:
    parts.rag.failure_first = failure

    reply = await client.post(PATH, json=ask(stream=stream))

    assert_error(reply, status, code)
    assert ("retry-after" in reply.headers) is (status == 503)


async def test_clients_are_told_not_to_repeat_what_cannot_succeed(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    parts.rag.failure_first = UpstreamQuotaExhausted()
    hopeless = await client.post(PATH, json=ask())
    parts.rag.failure_first = UpstreamError()
    hopeful = await client.post(PATH, json=ask())

    assert hopeless.headers["x-should-retry"] == "false"
    assert "x-should-retry" not in hopeful.headers


async def test_a_failure_after_the_first_word_ends_the_stream_with_an_error(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    parts.rag.failure_midway = UpstreamError()

    reply = await client.post(PATH, json=ask(stream=True))

    last = reply.text.rstrip("\n").rpartition("\n\n")[2]
    error = json.loads(last.removeprefix("data: "))["error"]
    assert (error["code"], error["type"]) == ("upstream_error", "server_error")
    assert "[DONE]" not in reply.text


@pytest.mark.parametrize("stream", [False, True])
async def test_the_turn_is_cancelled_when_the_client_leaves(
    parts: FakeParts, stream: bool
) -> None:
    parts.rag.pause = asyncio.Event()
    call = make_call(
        PATH,
        method="POST",
        body=json.dumps(ask(stream=stream)).encode(),
        headers=[
            (b"content-type", b"application/json"),
            (b"authorization", f"Bearer {KEY}".encode()),
        ],
    )
    serving = asyncio.create_task(
        make_bridge(parts)(call.scope, call.receive, call.send)
    )
    async with asyncio.timeout(5):
        while not parts.rag.turns:  # noqa: ASYNC110 - the fake has no event for it.
            await asyncio.sleep(0)

        call.leave()
        await serving

    assert parts.rag.cancelled == 1
    assert not call.is_complete


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", PATH, 405, "method_not_allowed"),
        ("DELETE", "/v1/models", 405, "method_not_allowed"),
        ("GET", "/v1/models/gpt-4o", 404, "model_not_found"),
        ("GET", f"{PATH}/chatcmpl-1", 404, "not_found"),
        ("GET", "/v1/models/a/b", 404, "not_found"),
    ],
)
async def test_the_framework_refuses_in_the_same_shape(
    client: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    param = "model" if code == "model_not_found" else None

    assert_error(await client.request(method, path), status, code, param=param)


async def test_the_neighbours_keep_their_own_shape(client: httpx.AsyncClient) -> None:
    for path in ("/v1/chat", "/v1/modelsx", "/v1/audio/speechless", "/v1/embeddings"):
        reply = await client.get(path)
        assert reply.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer wrong"}, AUTH | {"X-API-Key": "wrong"}]
)
async def test_a_wrong_key_is_an_invalid_one(
    parts: FakeParts, headers: dict[str, str]
) -> None:
    async with make_client(parts, headers=headers) as client:
        reply = await client.post(PATH, json=ask())

    error = assert_error(reply, 401, "invalid_api_key")
    assert error["type"] == "invalid_request_error"
    assert reply.headers["www-authenticate"].startswith("Bearer")


async def test_a_full_budget_is_told_with_the_time_to_wait(parts: FakeParts) -> None:
    parts.limiter.limit = 1
    async with make_client(parts) as client:
        await client.post(PATH, json=ask())
        reply = await client.post(PATH, json=ask())

    error = assert_error(reply, 429, "rate_limit_exceeded")
    assert error["type"] == "requests"
    assert int(reply.headers["retry-after"]) > 0
    assert "ratelimit" in reply.headers


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (b"{", {"Content-Type": "application/json"}, 400, "body_malformed"),
        (b"{}", {"Content-Type": "text/plain"}, 400, "media_type_unsupported"),
        (
            b" " * 140_000,
            {"Content-Type": "application/json"},
            413,
            "payload_too_large",
        ),
        (
            b"{}",
            {"Content-Type": "application/json", "Content-Length": "x"},
            400,
            "bad_request",
        ),
    ],
)
async def test_the_bridge_refuses_in_the_same_shape(
    client: httpx.AsyncClient,
    content: bytes,
    headers: dict[str, str],
    status: int,
    code: str,
) -> None:
    assert_error(
        await client.post(PATH, content=content, headers=headers), status, code
    )


async def test_models_are_listed_and_read(client: httpx.AsyncClient) -> None:
    listed = (await client.get("/v1/models")).json()
    one = (await client.get("/v1/models/tanya")).json()

    assert listed["object"] == "list"
    assert one in listed["data"]
    assert one["id"] == "tanya"
    assert one["object"] == "model"


async def test_the_client_may_run_in_a_page(client: httpx.AsyncClient) -> None:
    sent = "authorization,content-type,x-stainless-os,x-stainless-retry-count"

    reply = await client.options(
        PATH,
        headers={
            "Origin": "https://kampus.example.ac.id",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": sent,
        },
    )

    allowed = reply.headers["access-control-allow-headers"].lower().split(", ")
    assert set(sent.split(",")) <= set(allowed)
