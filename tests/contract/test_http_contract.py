"""
The rules of the HTTP contract, over real HTTP, on the fakes and on the real parts.

One document is known, so that both sides have an answer with a citation.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.fakes.events import read_events
from tests.fakes.hostile import HOSTILE, Hostile
from tests.fakes.problems import assert_problem
from tests.fakes.services import KEY
from tests.service import RunningService, start_service

DOCUMENT = {
    "title": "Panduan PMB",
    "text": (
        "Jadwal pendaftaran\n\nPendaftaran mahasiswa baru dibuka pada 1 Maret 2026"
        " dan ditutup pada 30 April 2026.\n"
    ),
    "url": "https://example.ac.id/pmb",
}
QUESTION = "Kapan pendaftaran mahasiswa baru dibuka?"
SETTLE_SECONDS = 60.0


@pytest.fixture(scope="module", params=["fakes", "real"])
def service(request: pytest.FixtureRequest) -> Iterator[RunningService]:
    app = "tests.fakes.api_app:app" if request.param == "fakes" else "wsgi:app"
    with start_service({"API_KEY": KEY}, app=app) as running:
        if request.param == "real":
            _teach(running)
        yield running


def _teach(service: RunningService) -> None:
    with service.client() as client:
        reply = client.post("/v1/documents", json=DOCUMENT)
        location = reply.headers["location"]
        end = time.monotonic() + SETTLE_SECONDS
        while client.get(location).json()["status"] != "ready":
            assert time.monotonic() < end
            time.sleep(0.05)


@pytest.fixture
def client(service: RunningService) -> Iterator[httpx.Client]:
    with service.client() as made:
        yield made


@pytest.fixture
def conversation() -> dict[str, str]:
    return {"X-Conversation-Id": f"c-{uuid.uuid4().hex}"}


def ask(client: httpx.Client, headers: dict[str, str], **body: Any) -> httpx.Response:
    return client.post("/v1/chat", json={"message": QUESTION} | body, headers=headers)


def test_an_answer_has_the_fields_of_the_contract(
    client: httpx.Client, conversation: dict[str, str]
) -> None:
    reply = ask(client, conversation)

    assert reply.status_code == 200, reply.text
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
    assert "1 Maret 2026" in body["answer"]
    assert "[1]" in body["answer"]
    assert body["sources"] == "https://example.ac.id/pmb"
    assert body["answered"] is True
    assert 0 <= body["confidence"] <= 1
    assert body["language"] == "id"
    assert body["conversation_id"] == conversation["X-Conversation-Id"]
    assert body["message_id"].startswith("msg_")
    assert body["degraded"] == []
    assert body["exec_time"]["total"] >= 0
    (citation,) = body["citations"]
    assert citation["index"] == 1
    assert citation["title"] == "Panduan PMB"
    assert citation["url"] == "https://example.ac.id/pmb"
    assert "Maret 2026" in citation["quote"]
    assert citation["supported"] is True


def test_a_stream_has_the_events_of_the_contract(
    client: httpx.Client, conversation: dict[str, str]
) -> None:
    reply = ask(client, conversation, stream=True)

    assert reply.headers["content-type"].startswith("text/event-stream")
    assert reply.headers["cache-control"] == "no-cache, no-transform"
    assert reply.headers["x-accel-buffering"] == "no"
    events = read_events(reply.text)
    names = [name for name, _ in events]
    assert names[:2] == ["turn.started", "retrieval.completed"]
    assert names[-1] == "answer.completed"
    assert set(names[2:-1]) == {"answer.delta"}
    completed = events[-1][1]
    assert events[0][1] == {
        "conversation_id": conversation["X-Conversation-Id"],
        "message_id": completed["message_id"],
    }
    assert events[1][1]["passages"] >= 1
    deltas = "".join(data["delta"] for name, data in events if name == "answer.delta")
    assert deltas.strip() == completed["answer"].strip()


def test_a_refusal_says_so_and_cites_nothing(
    client: httpx.Client, conversation: dict[str, str]
) -> None:
    reply = ask(
        client,
        conversation,
        message="Who painted the Mona Lisa? (unanswerable)",
    )

    body = reply.json()
    assert body["answered"] is False
    assert (body["citations"], body["sources"]) == ([], "")
    assert body["answer"]


def test_a_conversation_remembers_can_be_renamed_and_forgotten(
    client: httpx.Client, conversation: dict[str, str]
) -> None:
    answers = [ask(client, conversation).json() for _ in range(2)]
    path = f"/v1/conversations/{conversation['X-Conversation-Id']}"

    body = client.get(path).json()
    assert body["turns"] == 2
    assert [message["role"] for message in body["messages"]] == [
        "user",
        "assistant",
    ] * 2
    assert [m["id"] for m in body["messages"] if m["role"] == "assistant"] == [
        answer["message_id"] for answer in answers
    ]
    assert body["messages"][1]["citations"][0]["title"] == "Panduan PMB"
    assert body["expires_at"] > body["updated_at"]

    listed = client.get("/v1/conversations?limit=1").json()
    assert listed["items"][0]["id"] == conversation["X-Conversation-Id"]

    renamed = client.patch(path, json={"title": "Pendaftaran"})
    assert renamed.json()["title"] == "Pendaftaran"
    assert client.get(path).json()["title"] == "Pendaftaran"

    feedback = {"message_id": answers[0]["message_id"], "kind": "positive"}
    assert client.post(f"{path}/feedback", json=feedback).status_code == 200

    assert client.delete(path).status_code == 204
    assert_problem(client.get(path), 404, "conversation_not_found")
    assert_problem(client.delete(path), 404, "conversation_not_found")


def test_every_conversation_is_on_exactly_one_page(client: httpx.Client) -> None:
    made = {f"page-{uuid.uuid4().hex}" for _ in range(5)}
    for name in made:
        ask(client, {"X-Conversation-Id": name})

    seen: list[str] = []
    cursor = None
    while True:
        params = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = client.get("/v1/conversations", params=params).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert len(seen) == len(set(seen))
    assert made <= set(seen)


def test_the_same_idempotency_key_is_one_turn(
    client: httpx.Client, conversation: dict[str, str]
) -> None:
    headers = conversation | {"Idempotency-Key": uuid.uuid4().hex}

    first, second = ask(client, headers), ask(client, headers)
    other = ask(client, headers, message="Apa?")

    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert second.json() == first.json()
    assert_problem(other, 422, "idempotency_key_reused")
    path = f"/v1/conversations/{conversation['X-Conversation-Id']}"
    assert client.get(path).json()["turns"] == 1


def test_a_document_goes_in_once_and_out(client: httpx.Client) -> None:
    content = f"Kantin buka pukul 07.00. {uuid.uuid4().hex}".encode()
    files = {"file": ("kantin.txt", content, "text/plain")}

    first = client.post("/v1/documents", files=files, data={"title": "Kantin"})
    again = client.post("/v1/documents", files=files)

    assert first.status_code == 202
    assert set(first.json()) == {"document_id", "status"}
    location = first.headers["location"]
    assert location == f"/v1/documents/{first.json()['document_id']}"
    assert again.status_code == 200
    assert again.json()["document_id"] == first.json()["document_id"]
    body = client.get(location).json()
    assert body["title"] == "Kantin"
    assert body["file"] == "kantin.txt"
    assert body["status"] in {"queued", "parsing", "embedding", "ready"}
    assert 0 <= body["progress"] <= 1
    listed = client.get("/v1/documents?limit=100").json()["items"]
    assert body["document_id"] in {item["document_id"] for item in listed}
    assert client.delete(location).status_code == 204
    assert_problem(client.get(location), 404, "document_not_found")


def test_probes_answer_without_a_key(service: RunningService) -> None:
    with httpx.Client(base_url=service.url, trust_env=False) as nobody:
        health = nobody.get("/health").json()
        ready = nobody.get("/ready")
        metrics = nobody.get("/metrics")

    assert set(health) == {"status", "version", "redis", "timestamp", "components"}
    assert health["status"] == "healthy"
    assert health["redis"] in {"ok", "embedded"}
    assert (ready.status_code, ready.json()) == (200, {"status": "ready"})
    assert "tanya_http_requests_total" in metrics.text


def test_every_answer_carries_the_common_headers(
    client: httpx.Client, conversation: dict[str, str]
) -> None:
    sent = {"X-Request-ID": "trace-1", "Origin": "https://kampus.example.ac.id"}
    replies = [
        ask(client, conversation | sent),
        ask(client, conversation | sent, stream=True),
        ask(client, sent),
        client.get("/v1/nothing", headers=sent),
        client.get("/health", headers=sent),
        client.get("/docs", headers=sent),
    ]

    for reply in replies:
        headers = reply.headers
        assert headers["x-request-id"] == "trace-1"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["access-control-allow-origin"] == "*"
        assert "Origin" in headers["vary"]
        assert "access-control-allow-credentials" not in headers
        for name in ("x-request-id", "vary", "content-security-policy"):
            assert len(headers.get_list(name)) == 1
    assert replies[0].headers["cache-control"] == "no-store"
    assert replies[0].headers["ratelimit"].startswith('"hour";r=')
    assert replies[0].headers["ratelimit-policy"].startswith('"hour";q=')


def test_the_docs_page_and_its_document_are_there(client: httpx.Client) -> None:
    page = client.get("/docs")
    document = client.get("/openapi.json").json()

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert json.dumps(document).count('"$ref"') > 10


# What h11 refuses, in the client or in the server, never reaches us as written.
_NOT_HTTP = {"headers/too-large", "key/bearer-empty"}


_SENT = [case for case in HOSTILE if case.name not in _NOT_HTTP]


@pytest.mark.parametrize("case", _SENT, ids=str)
def test_a_hostile_request_is_refused(service: RunningService, case: Hostile) -> None:
    headers = [
        (name.encode(), value.encode("latin-1"))
        for name, value in case.merged(service.headers).items()
    ]
    with httpx.Client(base_url=service.url, trust_env=False, timeout=30) as client:
        reply = client.request(
            case.method, case.path, headers=headers, content=case.content
        )

    assert_problem(reply, case.status, case.code)
