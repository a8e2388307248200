"""Who is calling, and how often."""

from __future__ import annotations

import httpx
import pytest

from api.limits import limit_headers
from api.standings import Standings
from domain.ports import Allowance
from tests.fakes.http import AUTH, CHAT, make_client
from tests.fakes.problems import assert_problem
from tests.fakes.services import KEY, OTHER_KEY, FakeParts, make_parts

QUESTION = {"message": "Kapan?"}


@pytest.mark.parametrize(
    "headers",
    [
        {"X-API-Key": KEY},
        {"Authorization": f"Bearer {KEY}"},
        {"Authorization": f"bearer  {KEY}"},
        {"X-API-Key": KEY, "Authorization": f"Bearer {KEY}"},
        {"X-API-Key": KEY, "Authorization": "Basic dGVzdDp0ZXN0"},
    ],
    ids=["x-api-key", "bearer", "lower-case", "both-the-same", "beside-basic"],
)
async def test_a_key_comes_in_either_header(
    parts: FakeParts, headers: dict[str, str]
) -> None:
    async with make_client(parts, headers=headers) as client:
        reply = await client.get("/v1/conversations")

    assert reply.status_code == 200


async def test_a_key_in_the_query_is_not_looked_at(parts: FakeParts) -> None:
    async with make_client(parts, headers={}) as client:
        reply = await client.get(f"/v1/conversations?api_key={KEY}&x-api-key={KEY}")

    assert_problem(reply, 401, "not_authenticated")


async def test_one_tenant_does_not_exist_for_another(parts: FakeParts) -> None:
    async with make_client(parts) as client:
        await client.post("/v1/chat", json=QUESTION, headers=CHAT)
        document = (
            await client.post("/v1/documents", json={"title": "T", "text": "x"})
        ).json()["document_id"]
        other = {"X-API-Key": OTHER_KEY}

        answers = [
            await client.get("/v1/conversations/kiosk-7", headers=other),
            await client.patch(
                "/v1/conversations/kiosk-7", headers=other, json={"title": "x"}
            ),
            await client.delete("/v1/conversations/kiosk-7", headers=other),
            await client.post(
                "/v1/conversations/kiosk-7/feedback",
                headers=other,
                json={"message_id": "m", "kind": "positive"},
            ),
            await client.get(f"/v1/documents/{document}", headers=other),
            await client.delete(f"/v1/documents/{document}", headers=other),
        ]
        lists = [
            await client.get("/v1/conversations", headers=other),
            await client.get("/v1/documents", headers=other),
        ]

    for answer in answers:
        assert_problem(answer, 404)
    for answer in lists:
        assert answer.json() == {"items": [], "next_cursor": None}


async def test_every_keyed_answer_tells_how_the_key_stands(parts: FakeParts) -> None:
    async with make_client(parts) as client:
        asked = await client.post("/v1/chat", json=QUESTION, headers=CHAT)
        read = await client.get("/v1/conversations")
        refused = await client.post("/v1/chat", json={}, headers=CHAT)

    for reply in (asked, read, refused):
        assert reply.headers["ratelimit-policy"] == '"hour";q=1000;w=3600'
        assert reply.headers["ratelimit"].startswith('"hour";r=99')


async def test_over_the_limit_is_429_with_the_time_to_wait() -> None:
    parts = make_parts(limit=2)
    async with make_client(parts) as client:
        replies = [
            await client.post("/v1/chat", json=QUESTION, headers=CHAT) for _ in range(3)
        ]

    assert [reply.status_code for reply in replies] == [200, 200, 429]
    assert_problem(replies[2], 429, "rate_limited")
    assert replies[2].headers["retry-after"] == "1800"
    assert replies[2].headers["ratelimit"] == '"hour";r=0;t=1800'
    assert len(parts.rag.turns) == 2


async def test_reads_are_free_but_for_the_one_that_learns() -> None:
    parts = make_parts(limit=5)
    async with make_client(parts) as client:
        replies = [await client.get("/v1/conversations") for _ in range(20)]

    assert {reply.status_code for reply in replies} == {200}
    assert sum(parts.limiter.counts.values()) == 1


async def test_a_key_over_its_limit_may_still_read() -> None:
    parts = make_parts(limit=1)
    async with make_client(parts) as client:
        await client.post("/v1/chat", json=QUESTION, headers=CHAT)
        refused = await client.post("/v1/chat", json=QUESTION, headers=CHAT)
        read = await client.get("/v1/conversations/kiosk-7")

    assert_problem(refused, 429)
    assert read.status_code == 200
    assert read.headers["ratelimit"].startswith('"hour";r=0')


async def test_guessing_ends_and_costs_the_true_key_nothing() -> None:
    parts = make_parts(limit=5)
    async with make_client(parts, headers={}) as client:
        guesses = [
            await client.get("/v1/conversations", headers={"X-API-Key": f"guess-{n}"})
            for n in range(8)
        ]
        true = await client.post("/v1/chat", json=QUESTION, headers=CHAT)

    assert [reply.status_code for reply in guesses] == [401] * 5 + [429] * 3
    assert true.status_code == 200


async def test_a_forged_address_has_no_budget_of_its_own() -> None:
    parts = make_parts(limit=2)
    async with make_client(parts, headers={}) as client:
        replies = [
            await client.get(
                "/v1/conversations", headers={"X-Forwarded-For": f"10.0.0.{n}"}
            )
            for n in range(4)
        ]

    assert [reply.status_code for reply in replies] == [401, 401, 429, 429]


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics", "/openapi.json"])
async def test_probes_need_no_key(parts: FakeParts, path: str) -> None:
    async with make_client(parts, headers={}) as client:
        reply = await client.get(path)

    assert reply.status_code == 200
    assert "ratelimit" not in reply.headers


def allowance(**changes: object) -> Allowance:
    values: dict[str, object] = {
        "allowed": True,
        "name": "hour",
        "limit": 100,
        "remaining": 40,
        "window_seconds": 3600,
        "reset_seconds": 60,
    }
    return Allowance(**(values | changes))  # type: ignore[arg-type]


def test_several_limits_are_members_of_one_list() -> None:
    headers = limit_headers(
        [allowance(), allowance(name="minute", limit=10, window_seconds=60)]
    )

    assert headers == [
        ("RateLimit-Policy", '"hour";q=100;w=3600, "minute";q=10;w=60'),
        ("RateLimit", '"hour";r=40;t=60, "minute";r=40;t=60'),
    ]


def test_a_standing_ages_and_is_forgotten_when_a_window_ends() -> None:
    now = [0.0]
    standings = Standings(clock=lambda: now[0])
    standings.remember("key:a", [allowance()])

    now[0] = 20.0
    known = standings.find("key:a")
    now[0] = 60.0
    forgotten = standings.find("key:a")

    assert known is not None
    assert known[0].reset_seconds == 40
    assert forgotten is None


async def test_a_request_id_is_echoed_when_it_is_one(client: httpx.AsyncClient) -> None:
    good = await client.get("/health", headers={"X-Request-ID": "trace-1.a_B"})
    bad = await client.get("/health", headers={"X-Request-ID": "a b"})
    long = await client.get("/health", headers={"X-Request-ID": "a" * 129})

    assert good.headers["x-request-id"] == "trace-1.a_B"
    assert bad.headers["x-request-id"] not in {"a b", ""}
    assert long.headers["x-request-id"] != "a" * 129
    assert AUTH["X-API-Key"] not in str(good.headers)
