from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.errors import IdempotencyKeyReused, TurnStillRunning
from domain.ports import StoredReply
from stores.breaker import Breaker
from stores.idempotency import RedisIdempotencyStore
from stores.redis_client import RedisConnection
from tests.fakes.fault_proxy import FaultProxy
from tests.fakes.redis_server import RedisServer

WHO = ("t", "/v1/chat", "k")
STORED = (
    b'{"v":1,"tenant":"t","route":"/v1/chat","fingerprint":"f","status":200,'
    b'"headers":{}}'
)
REPLY = StoredReply(200, {"Content-Type": "application/json"}, b'{"answer": "ya"}')
WITHIN = StoredReply(200, {}, b"{}", "kiosk-7")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis") as running:
        yield running


@pytest.fixture
def proxy(server: RedisServer) -> Iterator[FaultProxy]:
    with FaultProxy(server.port) as running:
        yield running


class Worker:
    """One process of the service, as far as these tests go."""

    def __init__(
        self, port: int, *, lease_seconds: float = 15.0, seconds: float = 10.0
    ) -> None:
        # The time limits are such that a busy machine is not taken for an outage.
        self.connection = RedisConnection(
            host="127.0.0.1",
            port=port,
            breaker=Breaker(cooldown_seconds=0.05),
            connect_timeout_seconds=seconds,
            timeout_seconds=seconds,
        )
        self.store = RedisIdempotencyStore(
            self.connection, lease_seconds=lease_seconds, max_reply_bytes=10_000
        )

    async def begin(self, fingerprint: str = "f") -> StoredReply | None:
        return await self.store.begin(*WHO, fingerprint=fingerprint)

    async def finish(self, reply: StoredReply = REPLY) -> None:
        await self.store.finish(*WHO, reply=reply)

    async def reach(self) -> None:
        for _ in range(1000):
            if self.connection.available():
                return
            await asyncio.sleep(0.01)
        pytest.fail("the server was not found again")

    async def die(self) -> None:
        await self.store.aclose()
        await self.connection.aclose()


@pytest.fixture
async def workers(proxy: FaultProxy) -> AsyncIterator[list[Worker]]:
    made = [Worker(proxy.port), Worker(proxy.port)]
    yield made
    for worker in made:
        await worker.die()


async def test_workers_see_each_others_claims_and_answers(
    workers: list[Worker],
) -> None:
    one, other = workers
    await one.begin()

    with pytest.raises(TurnStillRunning):
        await other.begin()
    with pytest.raises(IdempotencyKeyReused):
        await other.begin("another body")
    await one.finish()

    assert await other.begin() == REPLY


async def test_of_two_workers_one_wins(workers: list[Worker]) -> None:
    outcomes = await asyncio.gather(
        *(worker.begin() for worker in workers), return_exceptions=True
    )

    assert sorted(map(type, outcomes), key=str) == sorted(
        [type(None), TurnStillRunning], key=str
    )


async def test_the_claim_of_a_dead_worker_ends_with_its_lease(
    proxy: FaultProxy, workers: list[Worker]
) -> None:
    dying = Worker(proxy.port, lease_seconds=0.3)
    await dying.begin()
    await dying.die()
    with pytest.raises(TurnStillRunning):
        await workers[0].begin()

    await asyncio.sleep(0.4)

    assert await workers[0].begin() is None


async def test_the_claim_of_a_living_worker_outlasts_its_lease(
    proxy: FaultProxy, workers: list[Worker]
) -> None:
    slow = Worker(proxy.port, lease_seconds=0.3)
    await slow.begin()

    await asyncio.sleep(1)

    with pytest.raises(TurnStillRunning):
        await workers[0].begin()
    await slow.finish()
    assert await workers[0].begin() == REPLY
    await slow.die()


def _wait_for_a_key(server: RedisServer) -> None:
    while server.command("DBSIZE").startswith(b":0\r"):
        time.sleep(0.005)


async def test_a_request_cancelled_while_it_claims_frees_the_key(
    server: RedisServer, proxy: FaultProxy, workers: list[Worker]
) -> None:
    await workers[0].connection.async_client().ping()
    proxy.set(delay=0.8)
    claiming = asyncio.create_task(workers[0].begin())
    await asyncio.to_thread(_wait_for_a_key, server)
    claiming.cancel()
    proxy.heal()
    await asyncio.gather(claiming, return_exceptions=True)
    await workers[0].store.aclose()

    assert await workers[1].begin() is None


async def test_a_client_that_leaves_as_the_answer_is_kept_can_have_it_again(
    proxy: FaultProxy, workers: list[Worker]
) -> None:
    await workers[0].begin()
    proxy.set(delay=0.3)
    finishing = asyncio.create_task(workers[0].finish())
    await asyncio.sleep(0)
    finishing.cancel()
    await asyncio.gather(finishing, return_exceptions=True)
    await workers[0].store.abandon(*WHO)
    await workers[0].store.aclose()

    assert await workers[1].begin() == REPLY


async def test_without_redis_one_process_still_answers_once(
    proxy: FaultProxy, workers: list[Worker]
) -> None:
    proxy.set(up=False)
    worker = workers[0]

    assert await worker.begin() is None
    with pytest.raises(TurnStillRunning):
        await worker.begin()
    await worker.finish()
    with pytest.raises(IdempotencyKeyReused):
        await worker.begin("another body")
    assert await worker.begin() == REPLY


@pytest.mark.parametrize("fault", [{"up": False}, {"blackhole": True}, {"reset": True}])
async def test_an_answer_given_during_an_outage_is_replayed_after_it(
    proxy: FaultProxy, fault: dict[str, object]
) -> None:
    worker = Worker(proxy.port, seconds=1)
    await worker.begin()
    proxy.set(**fault)
    await worker.finish()
    during = await worker.begin()

    proxy.heal()
    await worker.reach()

    assert during == REPLY
    assert await worker.begin() == REPLY
    await worker.die()


async def test_an_answer_given_before_an_outage_is_replayed_after_it(
    proxy: FaultProxy, workers: list[Worker]
) -> None:
    await workers[0].begin()
    await workers[0].finish()
    proxy.set(up=False)
    # This worker does not know better now, and must not disturb what is stored.
    assert await workers[1].begin() is None
    await workers[1].store.abandon(*WHO)

    proxy.heal()
    await workers[1].reach()

    assert await workers[1].begin() == REPLY


async def test_a_claim_made_during_an_outage_is_known_to_all_after_it(
    proxy: FaultProxy, workers: list[Worker]
) -> None:
    slow = Worker(proxy.port, lease_seconds=0.3)
    proxy.set(up=False)
    await slow.begin()
    proxy.heal()
    await slow.reach()

    await asyncio.sleep(0.3)

    with pytest.raises(TurnStillRunning):
        await workers[0].begin()
    await slow.die()


async def test_a_key_freed_during_an_outage_runs_again(
    proxy: FaultProxy, workers: list[Worker]
) -> None:
    proxy.set(up=False)
    await workers[0].begin()
    await workers[0].store.abandon(*WHO)

    assert await workers[0].begin() is None


async def test_a_worker_that_came_late_does_not_free_the_claim_of_another(
    proxy: FaultProxy, workers: list[Worker]
) -> None:
    late = Worker(proxy.port, lease_seconds=0.2)
    await late.begin()
    await late.store.aclose()
    await asyncio.sleep(0.3)
    await workers[0].begin()

    await late.store.abandon(*WHO)

    with pytest.raises(TurnStillRunning):
        await workers[1].begin()
    await late.die()


async def test_an_answer_beyond_the_bound_is_not_kept(workers: list[Worker]) -> None:
    await workers[0].begin()
    await workers[0].finish(StoredReply(200, {}, b"x" * 10_001))

    assert await workers[1].begin() is None


async def _keys(redis: Any) -> list[bytes]:
    return list(await redis.keys("*"))


async def test_what_is_stored_ends_after_its_time(
    server: RedisServer, workers: list[Worker]
) -> None:
    await workers[0].begin()
    await workers[0].finish()
    redis = workers[0].connection.async_client()

    lives = {key: await redis.pttl(key) for key in await _keys(redis)}

    assert {key.rpartition(b":")[2] for key in lives} == {b"claim", b"reply"}
    assert all(0 < life <= 86_400_000 for life in lives.values())
    assert max(lives.values()) > 86_000_000


async def test_keys_of_clients_do_not_appear_in_redis(workers: list[Worker]) -> None:
    await workers[0].store.begin("t", "/v1/chat", "secret}{*\n", fingerprint="f")

    keys = await workers[0].connection.async_client().keys("*")

    assert len(keys) == 1
    assert b"secret" not in keys[0]


@pytest.mark.parametrize(
    "stored",
    [
        b"",
        b"garbage",
        b"{}\nbody",
        b'{"v":9,"tenant":"t","route":"/v1/chat"}\n',
        STORED.replace(b'"t"', b'"u"') + b"\nof another tenant",
        STORED.replace(b"200", b'"x"') + b"\n",
        STORED.replace(b"{}", b"[]") + b"\n",
        b"[1]\n",
    ],
)
async def test_a_damaged_or_foreign_answer_is_not_replayed(
    workers: list[Worker], stored: bytes
) -> None:
    await workers[0].begin()
    await workers[0].finish()
    redis = workers[0].connection.async_client()
    keys = [key for key in await _keys(redis) if key.endswith(b":reply")]
    await redis.set(keys[0], stored)
    await redis.delete(keys[0].replace(b":reply", b":claim"))

    assert await workers[1].begin() is None
    await workers[1].finish()
    assert await workers[0].begin() == REPLY


async def test_a_full_server_does_not_fail_the_request(tmp_path: Path) -> None:
    full = ("--maxmemory", "1mb", "--maxmemory-policy", "noeviction")
    with RedisServer(tmp_path / "full", options=full) as server:
        worker = Worker(server.port)

        assert await worker.begin() is None
        await worker.finish()

        assert await worker.begin() == REPLY
        await worker.die()


async def test_a_conversation_deleted_during_an_outage_loses_its_answers_after_it(
    proxy: FaultProxy, workers: list[Worker]
) -> None:
    one, other = workers
    await one.begin()
    await one.finish(WITHIN)
    proxy.set(up=False)
    await one.store.forget_conversation("t", "kiosk-7")
    proxy.heal()
    await one.reach()

    await one.store.begin("t", "/v1/chat", "another", fingerprint="f")

    await other.reach()
    assert await other.begin() is None


async def test_the_list_of_a_conversations_answers_ends_with_them(
    server: RedisServer, workers: list[Worker]
) -> None:
    await workers[0].begin()
    await workers[0].finish(WITHIN)
    redis = workers[0].connection.async_client()

    (listed,) = [key for key in await _keys(redis) if b":once-in:" in key]

    assert await redis.type(listed) == b"zset"
    assert 86_000_000 < await redis.pttl(listed) <= 86_400_000
    assert b"kiosk" not in listed
