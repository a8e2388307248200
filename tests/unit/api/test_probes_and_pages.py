"""Probes, metrics, pages, CORS: what needs no key."""

from __future__ import annotations

import re

import httpx
import pytest

from tests.fakes.http import CHAT, make_client
from tests.fakes.problems import assert_problem
from tests.fakes.services import FakeParts

PAGE = "https://kampus.example.ac.id"


async def test_health_has_the_fields_of_the_contract(client: httpx.AsyncClient) -> None:
    body = (await client.get("/health")).json()

    assert set(body) == {"status", "version", "redis", "timestamp", "components"}
    assert body["status"] == "healthy"
    assert isinstance(body["timestamp"], int)
    assert set(body["components"]) == {
        "qdrant",
        "database",
        "model",
        "speech_to_text",
        "text_to_speech",
    }


@pytest.mark.parametrize("mode", ["file", "unavailable"])
async def test_health_is_degraded_and_200_without_redis(
    client: httpx.AsyncClient, parts: FakeParts, mode: str
) -> None:
    parts.conversations.mode_now = mode  # type: ignore[assignment]

    reply = await client.get("/health")

    assert reply.status_code == 200
    assert reply.json()["status"] == "degraded"
    assert reply.json()["redis"] == mode


async def test_a_part_that_is_away_degrades_health(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    parts.health.parts["qdrant"] = "unavailable"

    assert (await client.get("/health")).json()["status"] == "degraded"


async def test_ready_says_why_not(client: httpx.AsyncClient, parts: FakeParts) -> None:
    ready = await client.get("/ready")
    parts.health.reasons.append("state_unavailable")
    not_ready = await client.get("/ready")

    assert (ready.status_code, ready.json()) == (200, {"status": "ready"})
    assert not_ready.status_code == 503
    assert not_ready.json() == {
        "status": "not_ready",
        "reasons": ["state_unavailable"],
    }


async def test_metrics_count_requests_turns_and_refusals(
    client: httpx.AsyncClient,
) -> None:
    for message in ("Kapan?", "unanswerable"):
        await client.post("/v1/chat", json={"message": message}, headers=CHAT)
    await client.post("/v1/chat", json={"message": "a", "stream": True}, headers=CHAT)
    await client.get("/v1/nothing/canary-path")

    reply = await client.get("/metrics")

    assert reply.headers["content-type"].startswith("text/plain")
    text = reply.text
    for line in (
        'tanya_http_requests_total{method="POST",route="/v1/chat",status="200"} 3.0',
        'tanya_http_requests_total{method="GET",route="unmatched",status="404"} 1.0',
        'tanya_turns_total{outcome="answered"} 2.0',
        'tanya_turns_total{outcome="refused"} 1.0',
        "tanya_open_streams 0.0",
        "tanya_retrieved_passages_count 3.0",
        'tanya_citations_total{supported="yes"} 2.0',
    ):
        assert line in text
    assert "canary-path" not in text
    assert "kiosk-7" not in text


@pytest.mark.parametrize("path", ["/", "/docs"])
async def test_pages_load_nothing_from_outside(
    client: httpx.AsyncClient, path: str
) -> None:
    reply = await client.get(path)

    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    policy = reply.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy.replace("'self'", "")
    links = re.findall(r'(?:src|href)="([^"]+)"', reply.text)
    assert links
    for link in links:
        assert not link.startswith(("http", "//"))
        if not link.startswith("data:"):
            assert (await client.get(f"/{link}")).status_code == 200


async def test_the_docs_page_finds_its_parts_and_no_others(
    client: httpx.AsyncClient,
) -> None:
    script = await client.get("/docs/swagger-ui-bundle.js")
    other = await client.get("/docs/swagger-ui-standalone-preset.js")

    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert len(script.content) > 1_000_000
    assert_problem(other, 404)


async def test_any_origin_is_a_star_without_credentials(
    client: httpx.AsyncClient,
) -> None:
    for path in ("/health", "/v1/nothing"):
        reply = await client.get(path, headers={"Origin": PAGE})

        assert reply.headers["access-control-allow-origin"] == "*"
        assert reply.headers["vary"] == "Origin"
        assert "access-control-allow-credentials" not in reply.headers


async def test_only_exact_origins_are_let_in(parts: FakeParts) -> None:
    async with make_client(parts, cors_origins=f"{PAGE}, http://localhost:3000") as c:
        known = await c.get("/health", headers={"Origin": PAGE})
        error = await c.post("/v1/chat", headers={"Origin": PAGE}, json={})
        none = await c.get("/health")
        for foreign in (
            "https://evil.example",
            f"{PAGE}.evil.example",
            "https://x.kampus.example.ac.id",
            "http://kampus.example.ac.id",
            f"{PAGE}:444",
            "null",
        ):
            reply = await c.get("/health", headers={"Origin": foreign})
            assert "access-control-allow-origin" not in reply.headers
            assert reply.headers["vary"] == "Origin"

    assert known.headers["access-control-allow-origin"] == PAGE
    assert error.headers["access-control-allow-origin"] == PAGE
    assert error.status_code == 400
    assert "access-control-allow-origin" not in none.headers
    assert none.headers["vary"] == "Origin"


async def test_a_preflight_is_answered_for_what_exists(
    parts: FakeParts,
) -> None:
    ask = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
    async with make_client(parts, headers={}, cors_origins=PAGE) as client:
        known = await client.options("/v1/chat", headers=ask)
        foreign = await client.options(
            "/v1/chat", headers=ask | {"Origin": "https://evil.example"}
        )
        absent = await client.options("/v1/nothing", headers=ask)
        plain = await client.options("/v1/chat")

    assert known.status_code == 204
    assert known.headers["access-control-allow-origin"] == PAGE
    assert "POST" in known.headers["access-control-allow-methods"]
    assert "X-Conversation-Id" in known.headers["access-control-allow-headers"]
    assert "access-control-allow-methods" not in foreign.headers
    assert_problem(absent, 404)
    assert plain.status_code == 204
    assert "POST" in plain.headers["allow"]


async def test_a_slash_at_the_end_changes_nothing(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/conversations/")).status_code == 200


async def test_head_is_answered_like_get(client: httpx.AsyncClient) -> None:
    reply = await client.head("/health")

    assert (reply.status_code, reply.content) == (200, b"")
