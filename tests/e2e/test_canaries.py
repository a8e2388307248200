"""Secrets and what people say: in no log, header, metric or body but their own."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import SAMPLES, settle
from tests.e2e.hostile_cases import request
from tests.fakes.openai_server import OpenAIServer
from tests.fakes.raw_client import connect
from tests.service import RunningService, start_service

SECRETS = {
    "API_KEY": "tanya_canary-of-the-api-key-0001",
    "LLM_API_KEY": "canary-of-the-model-key-0002",
    "OPENAI_API_KEY": "canary-of-the-embedding-key-0003",
    "QDRANT_API_KEY": "canary-of-the-vector-key-0004",
    "PROSA_STT_API_KEY": "canary-of-the-speech-key-0005",
    "JWT_SECRET": "canary-of-the-token-secret-0006-with-its-32-bytes",
}
MESSAGE, SELECTED, PERSON = (
    "canary-message-11",
    "canary-selected-12",
    "canary-person-13",
)
FILE, TITLE, TEXT = "canary-file-14", "canary-title-15", "canary-text-16"
COMMENT, PATH, QUERY = "canary-comment-17", "canary-path-18", "canary-query-19"
STRANGER, ANSWER = "canary-stranger-key-20", "canary-answer-21"
SAID = (
    *(MESSAGE, SELECTED, PERSON, FILE, TITLE, TEXT, COMMENT, PATH, QUERY),
    *(STRANGER, ANSWER),
)
CHAT = {"X-Conversation-Id": "canaries"}


@dataclass
class Run:
    """What a mixed run of requests was answered, and what the service wrote."""

    replies: list[httpx.Response] = field(default_factory=list)
    transcript: str = ""
    log: str = ""
    public: str = ""

    def keep(self, reply: httpx.Response) -> httpx.Response:
        self.replies.append(reply)
        return reply


@pytest.fixture(scope="module")
def run() -> Run:
    model = OpenAIServer(script={"talker": f"Buka pukul 8 {ANSWER} [1]."})
    model.start()
    env = SECRETS | {
        "LLM_BASE_URL": model.url,
        "LLM_MODEL": "talker",
        "OPENAI_BASE_URL": model.url,
        "EMBEDDING_MODEL": "embed",
        "LOG_LEVEL": "DEBUG",
    }
    found = Run()
    with start_service(env) as service:
        with service.client(timeout=60) as client:
            _talk(client, found, model)
            _fail(client, found)
            _handshake(service)
            for path in (
                "/health",
                "/ready",
                "/metrics",
                "/openapi.json",
                "/",
                "/docs",
            ):
                found.public += client.get(path).text
        service.stop()
        found.log = service.log()
    model.stop()
    return found


def _talk(client: httpx.Client, run: Run, model: OpenAIServer) -> None:
    """Use every door as a person does."""
    reply = run.keep(
        client.post(
            "/v1/documents",
            files={"file": (f"{FILE}.txt", f"Kantin buka pukul 8. {TEXT}".encode())},
            data={"title": TITLE, "url": f"https://kampus.example/{PATH}"},
        )
    )
    settle(client, reply.json()["document_id"])
    body: dict[str, Any] = {
        "message": f"Pukul berapa kantin buka? {MESSAGE}",
        "selected_text": SELECTED,
        "page": {"title": SELECTED, "url": f"https://a.b/{QUERY}"},
        "user": {"name": PERSON, PERSON: PERSON},
    }
    for extra in ({}, {"stream": True}):
        run.keep(client.post("/v1/chat", json=body | extra, headers=CHAT))
    model.acting = "error"
    run.keep(client.post("/v1/chat", json=body, headers=CHAT))
    model.acting = None
    messages = [{"role": "user", "content": f"Kapan kantin buka? {MESSAGE}"}]
    facade = {"model": "tanya", "messages": messages}
    for extra in ({}, {"stream": True}):
        run.keep(client.post("/v1/chat/completions", json=facade | extra))
    speech = next((SAMPLES.parent / "speech").glob("*.wav"), None)
    speech = speech or next((SAMPLES.parent / "speech").iterdir())
    heard = run.keep(
        client.post(
            "/v1/audio",
            headers=CHAT,
            files={"audio": (f"{FILE}.wav", speech.read_bytes())},
        )
    )
    run.transcript = str(heard.json().get("transcript", ""))
    run.keep(client.post("/v1/audio/speech", json={"model": "x", "input": TEXT}))
    conversation = client.get("/v1/conversations/canaries").json()
    answers = [one["id"] for one in conversation["messages"] if one["role"] != "user"]
    feedback = {"message_id": answers[0], "kind": "negative", "comment": COMMENT}
    run.keep(client.post("/v1/conversations/canaries/feedback", json=feedback))
    run.keep(client.patch("/v1/conversations/canaries", json={"title": TITLE}))


def _fail(client: httpx.Client, run: Run) -> None:
    """Use every door as nobody should."""
    run.keep(client.get(f"/v1/{PATH}?{QUERY}={QUERY}"))
    run.keep(client.get(f"/v1/conversations/{PATH}"))
    run.keep(client.get(f"/v1/conversations?cursor={QUERY}"))
    run.keep(client.get("/v1/conversations", headers={"X-API-Key": STRANGER}))
    bearer = {"Authorization": f"Bearer {STRANGER}"}
    run.keep(client.get("/v1/conversations", headers=bearer | {"X-API-Key": ""}))
    run.keep(client.post("/v1/chat", content=f"{{{MESSAGE}", headers=CHAT))
    run.keep(client.post("/v1/chat", json={"message": [MESSAGE]}, headers=CHAT))
    run.keep(client.post("/v1/chat", json={MESSAGE: MESSAGE}, headers=CHAT))
    odd = {"X-Conversation-Id": f"{MESSAGE}!", "Idempotency-Key": f"{QUERY} x"}
    run.keep(client.post("/v1/chat", json={"message": MESSAGE}, headers=odd))
    broken = {"file": (f"{FILE}.pdf", b"%PDF-1.4 " + TEXT.encode())}
    settle(
        client,
        run.keep(client.post("/v1/documents", files=broken)).json()["document_id"],
    )
    foreign = {"file": (f"{FILE}.exe", b"MZ\x90\x00\x03\x00\x00\x00" + TEXT.encode())}
    run.keep(client.post("/v1/documents", files=foreign))
    sound = {"audio": (f"{FILE}.wav", TEXT.encode())}
    run.keep(client.post("/v1/audio", files=sound, headers=CHAT))
    run.keep(client.request(QUERY.upper(), "/v1/chat"))


def _handshake(service: RunningService) -> None:
    """Open WebSockets with canaries in path and query, and speak on one."""
    fields = (
        *("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"),
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    )
    for target in (f"/v1/realtime?model={QUERY}&key={QUERY}", f"/{PATH}?{QUERY}"):
        with connect(service.port, timeout=5) as sock:
            sock.sendall(request("GET", target, *fields, f"X-API-Key: {service.key}"))
            sock.recv(4096)
            sock.sendall(b"\x81\x91\x00\x00\x00\x00" + MESSAGE.encode())


def test_the_run_was_one(run: Run) -> None:
    statuses = [reply.status_code for reply in run.replies]

    assert statuses.count(200) >= 6
    assert sum(400 <= status < 500 for status in statuses) >= 10
    assert run.log.count("\n") > 40


def test_no_line_of_the_log_holds_a_secret_or_what_was_said(run: Run) -> None:
    for canary in (*SECRETS.values(), *SAID):
        assert canary not in run.log, canary
    if len(run.transcript.split()) > 2:
        assert run.transcript not in run.log
    for line in run.log.splitlines():
        if line.startswith("{"):
            json.loads(line)


def test_no_header_holds_a_secret_or_what_was_said(run: Run) -> None:
    for reply in run.replies:
        headers = str(reply.headers.multi_items())
        for canary in (*SECRETS.values(), *SAID):
            assert canary not in headers, (canary, reply.request.url)


def test_no_body_holds_a_secret_and_no_error_what_was_said(run: Run) -> None:
    for reply in run.replies:
        for secret in SECRETS.values():
            assert secret not in reply.text
        if reply.status_code >= 400:
            # The name of a refused field is the sender's own; no value is repeated.
            said = re.sub(r'"field":"[^"]*"', "", reply.text)
            for canary in SAID:
                assert canary not in said, (canary, reply.text)


def test_what_everybody_may_read_holds_neither(run: Run) -> None:
    for canary in (*SECRETS.values(), *SAID):
        assert canary not in run.public
