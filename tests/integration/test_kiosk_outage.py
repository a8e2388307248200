"""Sessions of visitors while Redis goes away and comes back, and over processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from multiprocessing import get_context
from pathlib import Path

import pytest

from auth.passes import Passes
from domain.callers import Caller
from domain.errors import LinkUsed, StateUnavailable, VisitorSessionEnded
from stores.breaker import Breaker
from stores.kiosk import KioskSessions
from stores.kiosk_records import FileRecords, RedisRecords
from stores.kiosk_shared import SharedRecords
from stores.redis_client import RedisConnection
from tests.fakes.redis_server import RedisServer

DEVICE = Caller("campus", "a", kind="device")
BACK_SECONDS = 20.0


async def _forget(_tenant: str, _conversation_id: str) -> None:
    """Leave everything as it is."""


def _connect(server: RedisServer) -> RedisConnection:
    return RedisConnection(url=server.url, breaker=Breaker(cooldown_seconds=0.05))


class Host:
    """One worker of one host: its connection, its file, its sessions."""

    def __init__(self, server: RedisServer, path: Path) -> None:
        self.connection = _connect(server)
        self.file = FileRecords(path)
        self.sessions = KioskSessions(
            SharedRecords(RedisRecords(self.connection), self.file),
            forget=_forget,
            passes=Passes(("0" * 64,)),
        )

    async def see_redis(self) -> None:
        """Wait until Redis is in use again."""
        async with asyncio.timeout(BACK_SECONDS):
            while not self.connection.available():  # noqa: ASYNC110 - It has no event.
                await asyncio.sleep(0.02)

    async def close(self) -> None:
        await self.connection.aclose()
        await self.file.aclose()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    options = ("--appendonly", "yes", "--appendfsync", "always")
    with RedisServer(tmp_path / "redis", options=options) as running:
        yield running


@pytest.fixture
async def host(server: RedisServer, tmp_path: Path) -> AsyncIterator[Host]:
    made = Host(server, tmp_path / "one" / "visitors.sqlite3")
    yield made
    await made.close()


@pytest.fixture
async def neighbour(server: RedisServer, tmp_path: Path) -> AsyncIterator[Host]:
    """Another worker of the same host."""
    made = Host(server, tmp_path / "one" / "visitors.sqlite3")
    yield made
    await made.close()


@pytest.fixture
async def far(server: RedisServer, tmp_path: Path) -> AsyncIterator[Host]:
    """A worker of another host: the same Redis, another file."""
    made = Host(server, tmp_path / "two" / "visitors.sqlite3")
    yield made
    await made.close()


async def test_a_session_goes_on_when_redis_goes_away(
    server: RedisServer, host: Host, neighbour: Host
) -> None:
    secret, session = await host.sessions.begin(DEVICE)
    server.kill()

    assert await host.sessions.load(DEVICE, secret)
    assert await neighbour.sessions.is_open("campus", session.conversation_id)


async def test_what_ended_during_the_outage_stays_ended_after_it(
    server: RedisServer, host: Host, neighbour: Host
) -> None:
    secret, session = await host.sessions.begin(DEVICE)
    link = await host.sessions.make_link(session)
    server.kill()
    await host.sessions.end(DEVICE, secret)
    server.start()
    await host.see_redis()

    # Redis still has both: nobody told it.
    assert server.command(
        "EXISTS", f"tanya:kiosk:session:campus:{session.conversation_id}"
    )
    for worker in (host, neighbour):
        with pytest.raises(VisitorSessionEnded):
            await worker.sessions.load(DEVICE, secret)
        with pytest.raises(LinkUsed):
            await worker.sessions.open_link(link.token)


async def test_what_began_during_the_outage_goes_on_after_it(
    server: RedisServer, host: Host, neighbour: Host
) -> None:
    server.kill()
    secret, session = await host.sessions.begin(DEVICE)
    visit = await host.sessions.open_link(
        (await host.sessions.make_link(session)).token
    )
    server.start()
    await host.see_redis()
    await neighbour.see_redis()

    assert await neighbour.sessions.load(DEVICE, secret)
    assert await neighbour.sessions.find_visitor(visit.token)
    await neighbour.sessions.end(DEVICE, secret)
    with pytest.raises(VisitorSessionEnded):
        await host.sessions.load(DEVICE, secret)


async def test_a_link_opens_once_across_an_outage(
    server: RedisServer, host: Host, neighbour: Host
) -> None:
    _, session = await host.sessions.begin(DEVICE)
    link = await host.sessions.make_link(session)
    server.kill()
    await host.sessions.open_link(link.token)
    server.start()
    await neighbour.see_redis()

    with pytest.raises(LinkUsed):
        await neighbour.sessions.open_link(link.token)


async def test_an_end_on_one_host_is_an_end_on_the_other(host: Host, far: Host) -> None:
    secret, session = await host.sessions.begin(DEVICE)
    await far.sessions.load(DEVICE, secret)

    await far.sessions.end(DEVICE, secret)

    with pytest.raises(VisitorSessionEnded):
        await host.sessions.load(DEVICE, secret)
    assert not await host.sessions.is_open("campus", session.conversation_id)


async def test_a_link_opens_on_one_host_only(host: Host, far: Host) -> None:
    for _ in range(10):
        _, session = await host.sessions.begin(DEVICE)
        link = await host.sessions.make_link(session)

        outcomes = await asyncio.gather(
            *(one.sessions.open_link(link.token) for one in (host, far, host, far)),
            return_exceptions=True,
        )

        assert sum(isinstance(outcome, LinkUsed) for outcome in outcomes) == 3


async def test_an_end_and_a_link_never_both_win(host: Host, far: Host) -> None:
    for _ in range(10):
        secret, session = await host.sessions.begin(DEVICE)
        link = await host.sessions.make_link(session)

        opened, _ = await asyncio.gather(
            far.sessions.open_link(link.token),
            host.sessions.end(DEVICE, secret),
            return_exceptions=True,
        )

        kept = await host.sessions.is_open("campus", session.conversation_id)
        assert kept == (not isinstance(opened, LinkUsed))


async def test_workers_without_any_redis_share_the_file(tmp_path: Path) -> None:
    files = [FileRecords(tmp_path / "visitors.sqlite3") for _ in range(2)]
    first, second = (
        KioskSessions(file, forget=_forget, passes=Passes(("0" * 64,)))
        for file in files
    )
    secret, session = await first.begin(DEVICE)
    link = await first.make_link(session)

    assert await second.load(DEVICE, secret)
    opened = await asyncio.gather(
        *(one.open_link(link.token) for one in (first, second) * 3),
        return_exceptions=True,
    )
    await second.end(DEVICE, secret)

    assert sum(isinstance(outcome, LinkUsed) for outcome in opened) == 5
    with pytest.raises(VisitorSessionEnded):
        await first.load(DEVICE, secret)
    for file in files:
        await file.aclose()


async def test_without_a_file_nothing_is_guessed(server: RedisServer) -> None:
    connection = _connect(server)
    sessions = KioskSessions(
        RedisRecords(connection), forget=_forget, passes=Passes(("0" * 64,))
    )
    secret, _ = await sessions.begin(DEVICE)
    server.kill()

    with pytest.raises(StateUnavailable):
        await sessions.load(DEVICE, secret)
    await connection.aclose()


def _end_elsewhere(url: str, path: str, secret: str) -> bool:
    async def end() -> bool:
        connection = RedisConnection(url=url)
        file = FileRecords(Path(path))
        sessions = KioskSessions(
            SharedRecords(RedisRecords(connection), file),
            forget=_forget,
            passes=Passes(("0" * 64,)),
        )
        try:
            await sessions.end(DEVICE, secret)
        except VisitorSessionEnded:
            return False
        finally:
            await connection.aclose()
            await file.aclose()
        return True

    return asyncio.run(end())


async def test_one_of_many_processes_ends_it(
    server: RedisServer, host: Host, tmp_path: Path
) -> None:
    secret, _ = await host.sessions.begin(DEVICE)
    path = str(tmp_path / "one" / "visitors.sqlite3")
    with get_context("spawn").Pool(3) as pool:
        jobs = [(server.url, path, secret)] * 3
        ended = await asyncio.to_thread(pool.starmap, _end_elsewhere, jobs)

    assert sorted(ended) == [False, False, True]
    with pytest.raises(VisitorSessionEnded):
        await host.sessions.load(DEVICE, secret)
