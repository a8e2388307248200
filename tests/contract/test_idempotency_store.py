from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from domain.errors import IdempotencyKeyReused, TurnStillRunning
from domain.ports import IdempotencyStore, StoredReply
from stores.idempotency import RedisIdempotencyStore
from stores.redis_client import RedisConnection
from tests.fakes.idempotency import FakeIdempotencyStore
from tests.fakes.redis_server import RedisServer

REPLY = StoredReply(
    200, {"Content-Type": "application/json"}, b'{"answer": "ya\\n"}\n\x00\xff'
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(Path(tmp_path_factory.mktemp("redis"))) as running:
        yield running


@pytest.fixture(params=["fake", "memory", "redis"])
async def store(
    request: pytest.FixtureRequest, server: RedisServer
) -> AsyncIterator[IdempotencyStore]:
    if request.param == "fake":
        yield FakeIdempotencyStore()
        return
    if request.param == "memory":
        yield RedisIdempotencyStore(None)
        return
    server.command("FLUSHALL")
    connection = RedisConnection(url=server.url)
    kept = RedisIdempotencyStore(connection)
    yield kept
    await kept.aclose()
    await connection.aclose()


async def test_a_new_key_is_claimed(store: IdempotencyStore) -> None:
    assert await store.begin("t", "/v1/chat", "k", fingerprint="f") is None


async def test_an_answer_is_replayed_byte_for_byte(store: IdempotencyStore) -> None:
    await store.begin("t", "/v1/chat", "k", fingerprint="f")
    await store.finish("t", "/v1/chat", "k", reply=REPLY)

    replays = [await store.begin("t", "/v1/chat", "k", fingerprint="f") for _ in "ab"]

    assert replays == [REPLY, REPLY]


async def test_a_running_request_refuses_its_twin(store: IdempotencyStore) -> None:
    await store.begin("t", "/v1/chat", "k", fingerprint="f")

    with pytest.raises(TurnStillRunning) as refused:
        await store.begin("t", "/v1/chat", "k", fingerprint="f")

    assert refused.value.retry_after_seconds


async def test_another_body_is_refused_while_running(store: IdempotencyStore) -> None:
    await store.begin("t", "/v1/chat", "k", fingerprint="f")

    with pytest.raises(IdempotencyKeyReused):
        await store.begin("t", "/v1/chat", "k", fingerprint="other")


async def test_another_body_is_refused_after_the_answer(
    store: IdempotencyStore,
) -> None:
    await store.begin("t", "/v1/chat", "k", fingerprint="f")
    await store.finish("t", "/v1/chat", "k", reply=REPLY)

    with pytest.raises(IdempotencyKeyReused):
        await store.begin("t", "/v1/chat", "k", fingerprint="other")

    assert await store.begin("t", "/v1/chat", "k", fingerprint="f") == REPLY


async def test_a_refused_twin_does_not_free_the_key(store: IdempotencyStore) -> None:
    await store.begin("t", "/v1/chat", "k", fingerprint="f")

    for _ in range(2):
        with pytest.raises(TurnStillRunning):
            await store.begin("t", "/v1/chat", "k", fingerprint="f")

    await store.finish("t", "/v1/chat", "k", reply=REPLY)
    assert await store.begin("t", "/v1/chat", "k", fingerprint="f") == REPLY


async def test_a_failed_request_runs_anew(store: IdempotencyStore) -> None:
    await store.begin("t", "/v1/chat", "k", fingerprint="f")
    await store.abandon("t", "/v1/chat", "k")

    assert await store.begin("t", "/v1/chat", "k", fingerprint="other") is None


async def test_abandoning_what_was_never_begun_is_nothing(
    store: IdempotencyStore,
) -> None:
    await store.abandon("t", "/v1/chat", "k")

    assert await store.begin("t", "/v1/chat", "k", fingerprint="f") is None


async def test_abandoning_after_the_answer_keeps_it(store: IdempotencyStore) -> None:
    await store.begin("t", "/v1/chat", "k", fingerprint="f")
    await store.finish("t", "/v1/chat", "k", reply=REPLY)

    await store.abandon("t", "/v1/chat", "k")

    assert await store.begin("t", "/v1/chat", "k", fingerprint="f") == REPLY


@pytest.mark.parametrize(
    "other",
    [
        ("u", "/v1/chat", "k"),
        ("t", "/v1/audio", "k"),
        ("t", "/v1/chat", "l"),
        ("t:/v1", "/chat", "k"),
        ("t", "/v1/cha", "tk"),
        ("t", "/v1/chat", "{k}:*\x00\ud800"),
    ],
)
async def test_tenants_routes_and_keys_do_not_meet(
    store: IdempotencyStore, other: tuple[str, str, str]
) -> None:
    await store.begin("t", "/v1/chat", "k", fingerprint="f")
    await store.finish("t", "/v1/chat", "k", reply=REPLY)

    assert await store.begin(*other, fingerprint="f") is None


async def test_of_many_at_once_one_runs(store: IdempotencyStore) -> None:
    outcomes = await asyncio.gather(
        *(store.begin("t", "/v1/chat", "k", fingerprint="f") for _ in range(20)),
        return_exceptions=True,
    )

    assert outcomes.count(None) == 1
    assert sum(isinstance(one, TurnStillRunning) for one in outcomes) == 19


async def _keep(store: IdempotencyStore, tenant: str, key: str, within: str) -> None:
    reply = StoredReply(200, {}, b"{}", within)
    await store.begin(tenant, "/v1/chat", key, fingerprint="f")
    await store.finish(tenant, "/v1/chat", key, reply=reply)


async def test_a_forgotten_conversation_takes_its_answers_with_it(
    store: IdempotencyStore,
) -> None:
    for key in ("k1", "k2"):
        await _keep(store, "t", key, "c")

    await store.forget_conversation("t", "c")

    assert await store.begin("t", "/v1/chat", "k1", fingerprint="f") is None
    assert await store.begin("t", "/v1/chat", "k2", fingerprint="other") is None


async def test_other_conversations_and_tenants_keep_their_answers(
    store: IdempotencyStore,
) -> None:
    await _keep(store, "t", "k1", "d")
    await _keep(store, "u", "k1", "c")

    await store.forget_conversation("t", "c")

    assert await store.begin("t", "/v1/chat", "k1", fingerprint="f") is not None
    assert await store.begin("u", "/v1/chat", "k1", fingerprint="f") is not None


async def test_forgetting_a_conversation_without_answers_is_nothing(
    store: IdempotencyStore,
) -> None:
    await store.forget_conversation("t", "never")
