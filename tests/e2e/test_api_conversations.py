"""Conversations over HTTP: kept over a restart, apart for each tenant."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from typing import Any

import httpx

from tests.e2e.conftest import settle
from tests.fakes.problems import assert_problem
from tests.service import RunningService, start_service

OTHER_KEY = "e2e-key-of-the-other-tenant"
TEXT = {
    "title": "Kantin",
    "text": "Kantin Melati buka pukul 07.00 sampai 16.00 setiap hari kerja.",
}


def ask(client: httpx.Client, conversation: str, message: str) -> Any:
    reply = client.post(
        "/v1/chat",
        json={"message": message},
        headers={"X-Conversation-Id": conversation},
    )
    assert reply.status_code == 200, reply.text
    return reply.json()


def teach(client: httpx.Client) -> None:
    reply = client.post("/v1/documents", json=TEXT)
    assert settle(client, reply.json()["document_id"])["status"] == "ready"


def test_a_restart_keeps_conversation_title_and_documents() -> None:
    with start_service() as service:
        with service.client() as client:
            teach(client)
            first = ask(client, "kiosk-7", "Pukul berapa Kantin Melati buka?")
            client.patch("/v1/conversations/kiosk-7", json={"title": "Kantin"})

        service.restart()

        with service.client() as client:
            body = client.get("/v1/conversations/kiosk-7").json()
            second = ask(client, "kiosk-7", "Pukul berapa Kantin Melati buka?")
            documents = client.get("/v1/documents").json()["items"]

    assert "07.00" in first["answer"]
    assert second["answer"] == first["answer"]
    assert body["title"] == "Kantin"
    assert [message["id"] for message in body["messages"]][1] == first["message_id"]
    assert [item["status"] for item in documents] == ["ready"]


def test_tenants_see_nothing_of_each_other() -> None:
    digest = hashlib.sha256(OTHER_KEY.encode()).hexdigest()
    with (
        start_service({"API_KEYS": f"other:{digest}"}) as service,
        service.client() as mine,
        service.client() as theirs,
    ):
        theirs.headers["X-API-Key"] = OTHER_KEY
        teach(mine)
        own = ask(mine, "shared-name", "Pukul berapa Kantin Melati buka?")
        foreign = ask(theirs, "shared-name", "Pukul berapa Kantin Melati buka?")
        document = mine.get("/v1/documents").json()["items"][0]["document_id"]

        assert own["answered"] is True
        assert foreign["answered"] is False
        assert theirs.get("/v1/documents").json()["items"] == []
        assert_problem(theirs.get(f"/v1/documents/{document}"), 404)
        assert_problem(theirs.delete(f"/v1/documents/{document}"), 404)
        assert len(theirs.get("/v1/conversations").json()["items"]) == 1
        messages = theirs.get("/v1/conversations/shared-name").json()["messages"]
        assert "07.00" not in str(messages)
        assert theirs.delete("/v1/conversations/shared-name").status_code == 204
        kept = mine.get("/v1/conversations/shared-name")
        assert kept.json()["turns"] == 1


def test_parallel_turns_of_one_conversation_stand_in_line(
    api_service: RunningService,
) -> None:
    statuses: Counter[int] = Counter()

    def turn() -> None:
        with api_service.client() as client:
            reply = client.post(
                "/v1/chat",
                json={"message": "Apa itu ULS?"},
                headers={"X-Conversation-Id": "crowd"},
            )
        statuses[reply.status_code] += 1

    threads = [threading.Thread(target=turn) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(statuses) <= {200, 409}
    with api_service.client() as client:
        body = client.get("/v1/conversations/crowd").json()
    assert body["turns"] == statuses[200] >= 5
    roles = [message["role"] for message in body["messages"]]
    assert roles == ["user", "assistant"] * statuses[200]


def test_the_same_request_sent_six_times_at_once_is_one_turn(
    api_service: RunningService,
) -> None:
    answers: list[httpx.Response] = []

    def send() -> None:
        with api_service.client() as client:
            answers.append(
                client.post(
                    "/v1/chat",
                    json={"message": "Apa itu ULS?"},
                    headers={
                        "X-Conversation-Id": "double-click",
                        "Idempotency-Key": "one-click",
                    },
                )
            )

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {answer.status_code for answer in answers} <= {200, 409}
    ids = {answer.json()["message_id"] for answer in answers if answer.is_success}
    assert len(ids) == 1
    with api_service.client() as client:
        assert client.get("/v1/conversations/double-click").json()["turns"] == 1
