"""One turn for one Idempotency-Key."""

from __future__ import annotations

import asyncio

import httpx

from api.idempotency import Claim, fingerprint
from domain.errors import UpstreamError
from tests.fakes.events import read_events
from tests.fakes.http import CHAT, make_client
from tests.fakes.problems import assert_problem
from tests.fakes.services import OTHER_KEY, FakeIdempotency, FakeParts

ONCE = CHAT | {"Idempotency-Key": "0f8d2c9e"}
QUESTION = {"message": "Kapan?"}


async def test_the_same_key_and_body_replays_the_stored_answer(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    first = await client.post("/v1/chat", json=QUESTION, headers=ONCE)
    second = await client.post("/v1/chat", json=QUESTION, headers=ONCE)

    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert second.content == first.content
    assert len(parts.rag.turns) == 1


async def test_a_stream_replays_as_one_completed_sequence(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    body = QUESTION | {"stream": True}
    first = await client.post("/v1/chat", json=body, headers=ONCE)
    second = await client.post("/v1/chat", json=body, headers=ONCE)

    assert second.headers["idempotency-replayed"] == "true"
    assert second.headers["content-type"].startswith("text/event-stream")
    before, after = read_events(first.text), read_events(second.text)
    assert [name for name, _ in after] == [
        "turn.started",
        "retrieval.completed",
        "answer.delta",
        "answer.completed",
    ]
    assert after[0] == before[0]
    assert after[1] == before[1]
    assert after[2][1]["delta"] == after[3][1]["answer"]
    assert after[-1] == before[-1]
    assert len(parts.rag.turns) == 1


async def test_an_answer_given_whole_replays_as_a_stream_when_asked_by_accept(
    client: httpx.AsyncClient,
) -> None:
    await client.post("/v1/chat", json=QUESTION, headers=ONCE)
    again = await client.post(
        "/v1/chat", json=QUESTION, headers=ONCE | {"Accept": "text/event-stream"}
    )

    assert read_events(again.text)[-1][0] == "answer.completed"


async def test_the_order_of_names_is_not_another_body(
    client: httpx.AsyncClient,
) -> None:
    one = b'{"message": "Kapan?", "language": "id"}'
    two = b'{"language":"id","message":"Kapan?"}'
    headers = ONCE | {"Content-Type": "application/json"}
    await client.post("/v1/chat", content=one, headers=headers)
    again = await client.post("/v1/chat", content=two, headers=headers)

    assert again.headers["idempotency-replayed"] == "true"


async def test_another_body_is_422(client: httpx.AsyncClient) -> None:
    await client.post("/v1/chat", json=QUESTION, headers=ONCE)
    other = await client.post("/v1/chat", json={"message": "Apa?"}, headers=ONCE)

    assert_problem(other, 422, "idempotency_key_reused")


async def test_another_conversation_is_another_request(
    client: httpx.AsyncClient,
) -> None:
    await client.post("/v1/chat", json=QUESTION, headers=ONCE)
    other = await client.post(
        "/v1/chat", json=QUESTION, headers=ONCE | {"X-Conversation-Id": "other"}
    )

    assert_problem(other, 422, "idempotency_key_reused")


async def test_a_key_of_one_tenant_is_not_that_of_another(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    await client.post("/v1/chat", json=QUESTION, headers=ONCE)
    other = await client.post(
        "/v1/chat", json={"message": "Apa?"}, headers=ONCE | {"X-API-Key": OTHER_KEY}
    )

    assert other.status_code == 200
    assert len(parts.rag.turns) == 2


async def test_a_running_turn_is_409_for_the_second_request(parts: FakeParts) -> None:
    parts.rag.pause = asyncio.Event()
    async with make_client(parts) as client:
        first = asyncio.create_task(
            client.post("/v1/chat", json=QUESTION, headers=ONCE)
        )
        async with asyncio.timeout(5):
            while not parts.rag.turns:  # noqa: ASYNC110 - the fake has no event for it.
                await asyncio.sleep(0)
        second = await client.post("/v1/chat", json=QUESTION, headers=ONCE)
        parts.rag.pause.set()
        answer = await first

    assert_problem(second, 409, "turn_still_running")
    assert answer.status_code == 200


async def test_a_failure_is_not_kept_and_the_retry_has_the_same_ids(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    parts.rag.failure_midway = UpstreamError()
    failed = await client.post("/v1/chat", json=QUESTION, headers=ONCE)
    parts.rag.failure_midway = None
    again = await client.post("/v1/chat", json=QUESTION, headers=ONCE)

    assert_problem(failed, 502)
    assert again.status_code == 200
    assert "idempotency-replayed" not in again.headers
    first, second = parts.rag.turns
    assert first.question_id == second.question_id
    assert first.message_id == second.message_id


async def test_without_a_key_every_request_is_a_turn(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    for _ in range(2):
        await client.post("/v1/chat", json=QUESTION, headers=CHAT)

    first, second = parts.rag.turns
    assert first.question_id != second.question_id


async def test_a_request_that_was_refused_leaves_the_key_free(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    refused = await client.post("/v1/chat", json={"message": ""}, headers=ONCE)
    accepted = await client.post("/v1/chat", json=QUESTION, headers=ONCE)

    assert_problem(refused, 422, "validation_failed")
    assert accepted.status_code == 200
    assert len(parts.rag.turns) == 1


def test_the_same_values_have_the_same_fingerprint_in_any_order() -> None:
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": "1"})


def test_ids_of_a_key_depend_on_what_was_asked() -> None:
    def ids(digest: str, conversation: str) -> tuple[str, str]:
        claim = Claim(
            store=FakeIdempotency(), tenant="t", route="r", key="k", digest=digest
        )
        return claim.message_ids(conversation)

    assert ids("a", "c") == ids("a", "c")
    assert len({*ids("a", "c"), *ids("b", "c"), *ids("a", "d")}) == 6
