"""Small values with a life, wherever they are kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from stores.kiosk_parts import Records
from stores.kiosk_records import FileRecords, RedisRecords
from stores.kiosk_shared import SharedRecords
from stores.redis_client import RedisConnection
from tests.fakes.redis_server import RedisServer
from tests.fakes.visitors import MemoryRecords

LONG = 60.0
# Redis counts with its own clock, so these tests wait for real.
SHORT = 0.05
SECOND = 1.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(Path(tmp_path_factory.mktemp("redis"))) as running:
        yield running


@pytest.fixture(params=["fake", "file", "redis", "both"])
async def records(
    request: pytest.FixtureRequest, server: RedisServer, tmp_path: Path
) -> AsyncIterator[Records]:
    server.command("FLUSHALL")
    connection = RedisConnection(url=server.url)
    file = FileRecords(tmp_path / "visitors.sqlite3")
    kinds: dict[str, Records] = {
        "fake": MemoryRecords(),
        "file": file,
        "redis": RedisRecords(connection),
        "both": SharedRecords(RedisRecords(connection), file),
    }
    yield kinds[request.param]
    await connection.aclose()
    await file.aclose()


async def test_a_value_is_found_until_its_end(records: Records) -> None:
    await records.put("a", b"1", seconds=LONG)
    await records.put("b", b"2", seconds=SHORT)
    await asyncio.sleep(SHORT * 2)

    assert await records.find("a") == b"1"
    assert await records.find("b") is None
    assert await records.find("c") is None


async def test_looking_with_a_life_gives_it_that_life(records: Records) -> None:
    # Long enough for the next look of a busy machine.
    await records.put("longer", b"1", seconds=SECOND)
    await records.put("shorter", b"2", seconds=LONG)

    assert await records.find("longer", seconds=LONG) == b"1"
    assert await records.find("shorter", seconds=SHORT) == b"2"
    await asyncio.sleep(SECOND * 1.2)

    assert await records.find("longer") == b"1"
    assert await records.find("shorter") is None


async def test_nothing_that_ended_comes_back(records: Records) -> None:
    await records.put("ended", b"1", seconds=SHORT)
    await records.put("taken", b"2", seconds=LONG)
    await asyncio.sleep(SHORT * 2)
    await records.take("taken")

    for name in ("ended", "taken", "never"):
        assert await records.find(name, seconds=LONG) is None
        assert await records.find(name) is None
        assert await records.take(name) is None


async def test_one_of_many_takes_it(records: Records) -> None:
    await records.put("a", b"1", seconds=LONG)

    outcomes = await asyncio.gather(*(records.take("a") for _ in range(8)))

    assert (outcomes.count(b"1"), outcomes.count(None)) == (1, 7)


async def test_the_first_claim_holds(records: Records) -> None:
    claims = (b"opened", b"ended", b"opened", b"ended")

    held = await asyncio.gather(
        *(records.claim("fate", value, seconds=LONG) for value in claims)
    )

    assert len(set(held)) == 1
    assert await records.claim("fate", b"late", seconds=LONG) == held[0]
    assert await records.find("fate") == held[0]


async def test_a_claim_that_ended_is_free(records: Records) -> None:
    await records.claim("fate", b"opened", seconds=SHORT)
    await asyncio.sleep(SHORT * 2)

    assert await records.claim("fate", b"ended", seconds=LONG) == b"ended"


async def test_a_line_is_due_at_its_time_until_it_is_struck(records: Records) -> None:
    await records.note(b"now", due_in=-1.0)
    await records.note(b"later", due_in=LONG)
    await records.note(b"moved", due_in=-1.0)
    await records.note(b"moved", due_in=LONG)

    assert list(await records.due()) == [b"now"]
    assert list(await records.due()) == [b"now"]
    await records.strike(b"now")
    assert list(await records.due()) == []
