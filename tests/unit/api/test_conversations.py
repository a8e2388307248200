"""`/v1/conversations` on fakes."""

from __future__ import annotations

import httpx
import pytest

from domain.errors import StateUnavailable
from tests.fakes.http import CHAT
from tests.fakes.problems import assert_problem
from tests.fakes.services import FakeParts


async def ask(client: httpx.AsyncClient, conversation: str, message: str) -> str:
    reply = await client.post(
        "/v1/chat",
        json={"message": message},
        headers=CHAT | {"X-Conversation-Id": conversation},
    )
    return str(reply.json()["message_id"])


async def test_the_list_is_newest_first_and_paged(client: httpx.AsyncClient) -> None:
    for name in ("a", "b", "c"):
        await ask(client, name, f"Apa itu {name}?")

    first = (await client.get("/v1/conversations?limit=2")).json()
    second = (
        await client.get(f"/v1/conversations?limit=2&cursor={first['next_cursor']}")
    ).json()

    assert [item["id"] for item in first["items"]] == ["c", "b"]
    assert [item["id"] for item in second["items"]] == ["a"]
    assert second["next_cursor"] is None
    assert set(first["items"][0]) == {
        "id",
        "title",
        "turns",
        "updated_at",
        "expires_at",
    }


async def test_messages_come_in_order_with_their_citations(
    client: httpx.AsyncClient,
) -> None:
    message_id = await ask(client, "kiosk-7", "Kapan pendaftaran dibuka?")

    body = (await client.get("/v1/conversations/kiosk-7")).json()

    question, answer = body["messages"]
    assert (question["role"], answer["role"]) == ("user", "assistant")
    assert question["text"] == "Kapan pendaftaran dibuka?"
    assert answer["id"] == message_id
    assert answer["citations"][0]["title"] == "Panduan PMB"
    assert body["turns"] == 1


async def test_a_title_can_be_changed(client: httpx.AsyncClient) -> None:
    await ask(client, "kiosk-7", "Kapan?")

    reply = await client.patch(
        "/v1/conversations/kiosk-7", json={"title": "  Pendaftaran 2026 "}
    )

    assert reply.status_code == 200
    assert reply.json()["title"] == "Pendaftaran 2026"
    listed = (await client.get("/v1/conversations")).json()["items"]
    assert listed[0]["title"] == "Pendaftaran 2026"


async def test_a_deleted_conversation_is_gone_with_its_feedback(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    message_id = await ask(client, "kiosk-7", "Kapan?")
    await client.post(
        "/v1/conversations/kiosk-7/feedback",
        json={"message_id": message_id, "kind": "negative"},
    )

    reply = await client.delete("/v1/conversations/kiosk-7")

    assert reply.status_code == 204
    assert reply.content == b""
    assert_problem(
        await client.get("/v1/conversations/kiosk-7"), 404, "conversation_not_found"
    )
    assert parts.feedback.kept == {}


async def test_feedback_belongs_to_an_answer(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    message_id = await ask(client, "kiosk-7", "Kapan?")
    question_id = parts.rag.turns[0].question_id
    path = "/v1/conversations/kiosk-7/feedback"

    kept = await client.post(
        path, json={"message_id": message_id, "kind": "positive", "comment": "Jelas."}
    )
    again = await client.post(path, json={"message_id": message_id, "kind": "negative"})
    foreign = await client.post(path, json={"message_id": "msg_x", "kind": "positive"})
    question = await client.post(
        path, json={"message_id": question_id, "kind": "positive"}
    )

    assert kept.json() == {
        "conversation_id": "kiosk-7",
        "message_id": message_id,
        "kind": "positive",
        "comment": "Jelas.",
    }
    assert again.status_code == 200
    assert [item.kind for item in parts.feedback.kept.values()] == ["negative"]
    assert_problem(foreign, 404, "message_not_found")
    assert_problem(question, 404, "message_not_found")


async def test_a_state_that_is_away_is_never_an_empty_list(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    parts.conversations.failure = StateUnavailable()

    for path in ("/v1/conversations", "/v1/conversations/kiosk-7"):
        assert_problem(await client.get(path), 503, "state_unavailable")


async def test_a_title_keeps_nothing_that_nobody_sees(
    client: httpx.AsyncClient,
) -> None:
    await ask(client, "kiosk-7", "Kapan?")
    title = "\u202eA\u0007B\n\u2066C\u200b \x1b[31mD\u0085"

    reply = await client.patch("/v1/conversations/kiosk-7", json={"title": title})
    unseen = await client.patch(
        "/v1/conversations/kiosk-7", json={"title": "\u202e\u0001\u200f"}
    )

    assert reply.json()["title"] == "AB C [31mD"
    assert_problem(unseen, 422, "validation_failed")


async def test_a_deleted_conversation_takes_its_replays_with_it(
    client: httpx.AsyncClient,
) -> None:
    headers = CHAT | {"X-Conversation-Id": "kiosk-7", "Idempotency-Key": "once"}
    body = {"message": "Kapan?"}
    first = await client.post("/v1/chat", json=body, headers=headers)
    await client.delete("/v1/conversations/kiosk-7")

    again = await client.post("/v1/chat", json=body, headers=headers)

    assert first.status_code == again.status_code == 200
    assert "Idempotency-Replayed" not in again.headers


@pytest.mark.parametrize("name", [".", ".."])
async def test_a_name_that_no_path_can_hold_is_refused(
    client: httpx.AsyncClient, name: str
) -> None:
    headers = CHAT | {"X-Conversation-Id": name}

    reply = await client.post("/v1/chat", json={"message": "a"}, headers=headers)

    assert_problem(reply, 400, "conversation_id_invalid")
