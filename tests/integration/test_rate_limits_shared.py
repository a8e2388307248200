from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from stores.breaker import Breaker
from stores.rate_limits import SharedRateLimiter
from stores.redis_client import RedisConnection
from tests.fakes.fault_proxy import FaultProxy
from tests.fakes.redis_server import RedisServer

# The middle of an hour, so that no window turns during a test.
NOW = 1_800_001_800.0


def _clock() -> float:
    return NOW


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis") as running:
        yield running


def _connect(port: int, *, seconds: float = 10.0) -> RedisConnection:
    """Return a connection that a busy machine does not take for an outage."""
    return RedisConnection(
        host="127.0.0.1",
        port=port,
        breaker=Breaker(cooldown_seconds=0.05),
        connect_timeout_seconds=seconds,
        timeout_seconds=seconds,
    )


async def _allowed(limiter: SharedRateLimiter, times: int, subject: str = "k") -> int:
    outcomes = await asyncio.gather(*(limiter.hit(subject) for _ in range(times)))
    return sum(all(one.allowed for one in outcome) for outcome in outcomes)


def _worker(job: tuple[int, int | None, int]) -> int:
    port, per_minute, times = job

    async def run() -> int:
        connection = _connect(port)
        limiter = SharedRateLimiter(
            connection, per_hour=100, per_minute=per_minute, clock=_clock
        )
        allowed = await _allowed(limiter, times)
        await connection.aclose()
        return allowed

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("per_minute", "expected"), [(None, 100), (60, 60)], ids=["hour", "minute"]
)
def test_processes_share_one_limit_exactly(
    server: RedisServer, per_minute: int | None, expected: int
) -> None:
    jobs = [(server.port, per_minute, 100)] * 8
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        allowed = sum(pool.map(_worker, jobs))

    assert allowed == expected


async def test_refused_requests_leave_no_count(server: RedisServer) -> None:
    connection = _connect(server.port)
    limiter = SharedRateLimiter(connection, per_hour=5, per_minute=3, clock=_clock)

    await _allowed(limiter, 50)

    redis = connection.async_client()
    counts = sorted([await redis.get(key) for key in await redis.keys("*")], key=str)
    assert counts == [b"3", b"3"]
    await connection.aclose()


async def test_counters_end_after_their_windows(server: RedisServer) -> None:
    connection = _connect(server.port)
    limiter = SharedRateLimiter(connection, per_hour=5, per_minute=3, clock=_clock)

    await limiter.hit("k")

    redis = connection.async_client()
    lives = sorted([await redis.ttl(key) for key in await redis.keys("*")])
    assert 100 < lives[0] <= 120
    assert 7000 < lives[1] <= 7200
    await connection.aclose()


@pytest.mark.parametrize(
    "fault", [{"up": False}, {"blackhole": True}], ids=["refused", "swallowed"]
)
async def test_the_limit_holds_through_an_outage_and_after_it(
    server: RedisServer, fault: dict[str, object]
) -> None:
    with FaultProxy(server.port) as proxy:
        connection = _connect(proxy.port, seconds=1.0)
        limiter = SharedRateLimiter(connection, per_hour=100, clock=_clock)
        before = await _allowed(limiter, 70)
        proxy.set(**fault)
        during = await _allowed(limiter, 70)
        proxy.heal()
        while not connection.available():  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0.01)
        after = await _allowed(limiter, 70)
        await connection.aclose()

    # What was allowed here while Redis was away is not known to Redis.
    assert (before, during, after) == (70, 30, 30)


async def test_without_redis_a_request_is_not_slowed_down(server: RedisServer) -> None:
    with FaultProxy(server.port) as proxy:
        connection = RedisConnection(host="127.0.0.1", port=proxy.port)
        limiter = SharedRateLimiter(connection, per_hour=100_000, clock=_clock)
        await limiter.hit("k")
        proxy.set(blackhole=True)
        began = time.monotonic()
        await limiter.hit("k")
        first = time.monotonic() - began

        began = time.monotonic()
        for _ in range(200):
            await limiter.hit("k")
        rest = time.monotonic() - began
        await connection.aclose()

    assert first < 2.5
    assert rest < 1


async def test_a_full_server_still_limits(tmp_path: Path) -> None:
    full = ("--maxmemory", "1mb", "--maxmemory-policy", "noeviction")
    with RedisServer(tmp_path / "full", options=full) as server:
        connection = _connect(server.port)
        limiter = SharedRateLimiter(connection, per_hour=10, clock=_clock)

        allowed = await _allowed(limiter, 50)

        await connection.aclose()
    assert allowed == 10


async def test_an_idle_subject_starts_afresh(server: RedisServer) -> None:
    connection = _connect(server.port)
    now = [NOW]
    limiter = SharedRateLimiter(connection, per_hour=5, clock=lambda: now[0])
    first = await _allowed(limiter, 9)
    now[0] += 7200

    assert (first, await _allowed(limiter, 9)) == (5, 5)
    await connection.aclose()
