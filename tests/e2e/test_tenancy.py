"""What one tenant has does not exist for another, however it asks and whenever."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest

from tests.e2e.conftest import settle
from tests.service import RunningService, start_service

OTHER_KEY = "tanya_key-of-the-other-tenant-77aa01c9de"
MINE, THEIRS = "canary-mine-6f1c", "canary-theirs-93b0"
ATTEMPTS = int(os.environ.get("TENANCY_ATTEMPTS", "10000"))
CANCELLED = int(os.environ.get("TENANCY_CANCELLED", "5000"))
QUESTIONS = int(os.environ.get("TENANCY_QUESTIONS", "300"))
AT_ONCE = 16
TITLES = ("Jam layanan", "Biaya kuliah", "Kantin")


@pytest.fixture(scope="module")
def service() -> Iterator[RunningService]:
    digest = hashlib.sha256(OTHER_KEY.encode()).hexdigest()
    env = {"API_KEYS": f"other:{digest}", "RATE_LIMIT_PER_HOUR": "10000000"}
    with start_service(env) as running:
        yield running


@dataclass
class Belongings:
    """What a tenant has: ids, cursors, keys of requests."""

    conversations: list[str] = field(default_factory=list)
    documents: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    cursors: list[str] = field(default_factory=list)
    idempotency_keys: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def mine(service: RunningService) -> Belongings:
    with service.client() as client:
        return _furnish(client, MINE, "mine")


@pytest.fixture(scope="module")
def theirs(service: RunningService) -> Belongings:
    with service.client() as client:
        client.headers["X-API-Key"] = OTHER_KEY
        return _furnish(client, THEIRS, "theirs")


def _furnish(client: httpx.Client, canary: str, name: str) -> Belongings:
    """Give a tenant documents and conversations that all hold *canary*."""
    has = Belongings()
    for number, title in enumerate(TITLES):
        text = f"{title} buka pukul 0{number + 7}.00, kata kuncinya {canary}."
        reply = client.post("/v1/documents", json={"title": title, "text": text})
        has.documents.append(reply.json()["document_id"])
        settle(client, has.documents[-1])
    for number in range(6):
        conversation = f"shared-{number}" if number < 3 else f"{name}-{number}"
        key = f"once-{number}"
        headers = {"X-Conversation-Id": conversation, "Idempotency-Key": key}
        body = {"message": f"Pukul berapa {TITLES[number % 3]} buka? {canary}"}
        reply = client.post("/v1/chat", json=body, headers=headers)
        assert reply.status_code == 200, reply.text
        has.messages.append(reply.json()["message_id"])
        has.conversations.append(conversation)
        has.idempotency_keys.append(key)
    for place in ("conversations", "documents"):
        page = client.get(f"/v1/{place}?limit=1").json()
        has.cursors.append(page["next_cursor"])
    return has


@asynccontextmanager
async def other_tenant(service: RunningService) -> AsyncIterator[httpx.AsyncClient]:
    limits = httpx.Limits(max_connections=AT_ONCE)
    async with httpx.AsyncClient(
        base_url=service.url,
        headers={"X-API-Key": OTHER_KEY},
        timeout=60,
        limits=limits,
        trust_env=False,
    ) as client:
        yield client


Attempt = tuple[str, str, dict[str, str], bytes | None, set[int]]


def _attempts(mine: Belongings) -> Iterator[Attempt]:
    """Yield requests of the other tenant for what it does not have."""
    chance = random.Random(3)
    own = [name for name in mine.conversations if name.startswith("mine")]
    rename = json.dumps({"title": "taken"}).encode()
    as_json = {"Content-Type": "application/json"}
    kinds: list[Callable[[], Attempt]] = [
        lambda: ("GET", f"/v1/conversations/{chance.choice(own)}", {}, None, {404}),
        lambda: ("DELETE", f"/v1/conversations/{chance.choice(own)}", {}, None, {404}),
        lambda: (
            *("PATCH", f"/v1/conversations/{chance.choice(own)}"),
            *(as_json, rename, {404}),
        ),
        lambda: (
            *("POST", f"/v1/conversations/{chance.choice(own)}/feedback", as_json),
            *(_feedback(chance.choice(mine.messages)), {404}),
        ),
        lambda: (
            *("POST", f"/v1/conversations/shared-{chance.randrange(3)}/feedback"),
            *(as_json, _feedback(chance.choice(mine.messages)), {404}),
        ),
        lambda: (
            "GET",
            f"/v1/documents/{chance.choice(mine.documents)}",
            {},
            None,
            {404},
        ),
        lambda: (
            *("DELETE", f"/v1/documents/{chance.choice(mine.documents)}"),
            *({}, None, {404}),
        ),
        lambda: (
            *("GET", f"/v1/conversations?cursor={mine.cursors[0]}"),
            *({}, None, {404}),
        ),
        lambda: (
            *("GET", f"/v1/documents?cursor={mine.cursors[1]}"),
            *({}, None, {200, 404}),
        ),
        lambda: ("GET", "/v1/conversations?limit=100", {}, None, {200}),
        lambda: ("GET", "/v1/documents?limit=100", {}, None, {200}),
        lambda: (
            *("GET", f"/v1/conversations/default%2F{chance.choice(own)}"),
            *({}, None, {400, 404}),
        ),
    ]
    for number in range(ATTEMPTS):
        yield kinds[number % len(kinds)]()


def _feedback(message_id: str) -> bytes:
    return json.dumps({"message_id": message_id, "kind": "negative"}).encode()


@pytest.mark.timeout(600)
async def test_thousands_of_attempts_show_nothing_of_another_tenant(
    service: RunningService, mine: Belongings, theirs: Belongings
) -> None:
    attempts = _attempts(mine)
    statuses: Counter[int] = Counter()
    wrong: list[str] = []

    async def try_on(client: httpx.AsyncClient) -> None:
        for method, path, headers, body, allowed in attempts:
            reply = await client.request(method, path, headers=headers, content=body)
            statuses[reply.status_code] += 1
            said = reply.text + str(reply.headers)
            if reply.status_code not in allowed or MINE in said:
                wrong.append(f"{method} {path} {reply.status_code}")

    async with other_tenant(service) as client:
        await asyncio.gather(*(try_on(client) for _ in range(AT_ONCE)))

    assert wrong == []
    assert sum(statuses.values()) == ATTEMPTS
    with service.client() as owner:
        for conversation in mine.conversations:
            body = owner.get(f"/v1/conversations/{conversation}").json()
            assert body["turns"] == 1
            assert body["title"] != "taken"
        for document in mine.documents:
            assert owner.get(f"/v1/documents/{document}").json()["status"] == "ready"


async def test_a_key_for_replays_belongs_to_its_tenant(
    service: RunningService, mine: Belongings, theirs: Belongings
) -> None:
    async with other_tenant(service) as client:
        for number, key in enumerate(mine.idempotency_keys):
            body = {"message": f"Pukul berapa {TITLES[number % 3]} buka? {MINE}"}
            headers = {
                "X-Conversation-Id": mine.conversations[number],
                "Idempotency-Key": key,
            }
            reply = await client.post("/v1/chat", json=body, headers=headers)

            assert "idempotency-replayed" not in reply.headers
            assert reply.status_code in {200, 422}
            assert f"kata kuncinya {MINE}" not in reply.text


async def test_questions_are_answered_from_ones_own_documents(
    service: RunningService, mine: Belongings, theirs: Belongings
) -> None:
    numbers = iter(range(QUESTIONS))
    foreign: list[str] = []
    answered: Counter[bool] = Counter()

    async def ask(client: httpx.AsyncClient) -> None:
        for number in numbers:
            title = TITLES[number % len(TITLES)]
            reply = await client.post(
                "/v1/chat",
                json={"message": f"Pukul berapa {title} buka dan apa kata kuncinya?"},
                headers={"X-Conversation-Id": f"ask-{number}"},
            )
            answered[reply.json()["answered"]] += 1
            if MINE in reply.text or any(one in reply.text for one in mine.documents):
                foreign.append(reply.text)

    async with other_tenant(service) as client:
        await asyncio.gather(*(ask(client) for _ in range(8)))

    assert foreign == []
    assert answered[True] > QUESTIONS / 2


async def test_requests_that_are_given_up_leave_no_answer_for_the_next_one(
    service: RunningService, mine: Belongings, theirs: Belongings
) -> None:
    numbers = iter(range(CANCELLED))
    wrong: list[str] = []
    ended: list[str] = []
    chance = random.Random(5)
    paths = [f"/v1/conversations/{name}" for name in mine.conversations]
    paths += [f"/v1/documents/{name}" for name in mine.documents]
    paths += ["/v1/conversations?limit=100", "/v1/documents?limit=100"]

    async def give_up() -> None:
        for number in numbers:
            reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
            lines = (
                f"GET {paths[number % len(paths)]} HTTP/1.1",
                "Host: test",
                f"X-API-Key: {service.key}",
            )
            writer.write("\r\n".join([*lines, "", ""]).encode())
            await writer.drain()
            if number % 3:
                await asyncio.sleep(chance.random() * 0.004)
            writer.transport.abort()
            del reader

    async def look(client: httpx.AsyncClient, stop: asyncio.Event) -> None:
        while not stop.is_set():
            name = f"shared-{chance.randrange(3)}"
            try:
                reply = await client.get(f"/v1/conversations/{name}")
            except httpx.RemoteProtocolError:
                # A server may end an idle connection; a browser asks again.
                ended.append(name)
                continue
            if reply.status_code != 200 or MINE in reply.text:
                wrong.append(reply.text)
            if THEIRS not in reply.text or reply.json()["id"] != name:
                wrong.append(reply.text)

    async with other_tenant(service) as client:
        stop = asyncio.Event()
        looking = [asyncio.create_task(look(client, stop)) for _ in range(4)]
        await asyncio.gather(*(give_up() for _ in range(AT_ONCE)))
        stop.set()
        await asyncio.gather(*looking)

    assert wrong == []
    assert len(ended) <= 4
