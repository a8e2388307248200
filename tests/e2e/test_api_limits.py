"""Limits and logs of a real service."""

from __future__ import annotations

import json

import httpx

from tests.fakes.problems import assert_problem
from tests.service import start_service

CANARY = "canary-51c9"
CHAT = {"X-Conversation-Id": "kiosk-7"}


def test_the_hourly_limit_holds_and_says_when_to_come_back() -> None:
    with (
        start_service({"RATE_LIMIT_PER_HOUR": "3"}) as service,
        service.client() as client,
    ):
        replies = [
            client.post("/v1/chat", json={"message": "Apa?"}, headers=CHAT)
            for _ in range(4)
        ]
        read = client.get("/v1/conversations")
        health = client.get("/health")

    assert [reply.status_code for reply in replies] == [200, 200, 200, 429]
    assert_problem(replies[3], 429, "rate_limited")
    assert 1 <= int(replies[3].headers["retry-after"]) <= 7200
    assert replies[0].headers["ratelimit-policy"] == '"hour";q=3;w=3600'
    assert replies[0].headers["ratelimit"].startswith('"hour";r=2;t=')
    assert (read.status_code, health.status_code) == (200, 200)


def test_no_line_of_the_log_holds_what_was_said_or_a_key() -> None:
    with start_service({"LOG_LEVEL": "DEBUG"}) as service:
        with service.client() as client:
            body = {"message": f"Apa itu {CANARY}?", "user": {"name": CANARY}}
            client.post("/v1/chat", json=body, headers=CHAT)
            client.post("/v1/chat", json=body | {"stream": True}, headers=CHAT)
            client.post("/v1/chat", json=body | {"language": CANARY}, headers=CHAT)
            client.get(f"/v1/{CANARY}?q={CANARY}")
            client.post(
                "/v1/documents",
                files={"file": (f"{CANARY}.txt", f"Ini {CANARY}.".encode())},
                data={"title": CANARY},
            )
            client.post(
                "/v1/documents", files={"file": (f"{CANARY}.pdf", b"%PDF-1.4 broken")}
            )
            client.get("/v1/conversations", headers={"X-API-Key": CANARY})
        key = service.key
        service.stop()
        log = service.log()

    lines = [line for line in log.splitlines() if line.startswith("{")]
    for line in lines:
        json.loads(line)
    assert len(lines) > 10
    assert CANARY not in log
    assert key not in log


def test_a_misspelt_variable_stops_the_start_by_name() -> None:
    service = start_service({"RATE_LIMIT_PER_HUOR": "3"}, wait=False)

    assert service.wait(30) == 2
    assert "RATE_LIMIT_PER_HUOR" in service.log()
    assert "Traceback" not in service.log()


def test_a_page_of_another_origin_may_read_errors_too() -> None:
    page = "https://kampus.example.ac.id"
    with (
        start_service({"CORS_ORIGINS": page}) as service,
        httpx.Client(base_url=service.url, trust_env=False) as client,
    ):
        unknown = client.post("/v1/chat", headers={"Origin": page})
        large = client.post(
            "/v1/chat", headers={"Origin": page}, content=b"a" * 200_000
        )
        foreign = client.get("/health", headers={"Origin": "https://evil.example"})

    assert_problem(unknown, 401)
    assert unknown.headers["access-control-allow-origin"] == page
    assert_problem(large, 413)
    assert large.headers["access-control-allow-origin"] == page
    assert "access-control-allow-origin" not in foreign.headers
