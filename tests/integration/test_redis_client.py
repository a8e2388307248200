from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import random
import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.exceptions import ResponseError

from domain.errors import StateFull, StateUnavailable
from stores.breaker import Breaker
from stores.redis_client import RedisConnection
from tests.fakes.fault_proxy import FaultProxy
from tests.fakes.redis_server import RedisServer


@pytest.fixture(params=["tcp", "unix"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis", unix=request.param == "unix") as running:
        yield running


@pytest.fixture
def tcp_server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis") as running:
        yield running


@pytest.fixture
async def connection(server: RedisServer) -> AsyncIterator[RedisConnection]:
    # With time limits that a busy machine keeps.
    made = RedisConnection(
        url=server.url,
        breaker=Breaker(cooldown_seconds=0.05),
        connect_timeout_seconds=10,
        timeout_seconds=10,
    )
    yield made
    await made.aclose()
    made.close()


async def _until_available(connection: RedisConnection) -> None:
    for _ in range(1000):
        if connection.available():
            return
        await asyncio.sleep(0.01)
    pytest.fail("the server was not found again")


async def _get(connection: RedisConnection, name: str) -> object:
    async with connection.use() as redis:
        return await redis.get(name)


async def _count(connection: RedisConnection) -> int:
    async with connection.use() as redis:
        return int(await redis.incr("n"))


async def _fill(connection: RedisConnection) -> None:
    for number in range(100):
        async with connection.use() as redis:
            await redis.set(f"k{number}", b"x" * 100_000)


async def test_bytes_go_in_and_come_out(connection: RedisConnection) -> None:
    async with connection.use() as redis:
        await redis.set("k", b"\x00\xff")

        assert await redis.get("k") == b"\x00\xff"
    assert connection.sync_client().get("k") == b"\x00\xff"


async def test_cancelled_commands_leave_no_answer_for_the_next_caller(
    connection: RedisConnection,
) -> None:
    # The fault that showed people of another service each other's titles.
    redis = connection.async_client()
    names = [f"k{number}" for number in range(50)]
    for name in names:
        await redis.set(name, name * 200)
    dice = random.Random(7)
    foreign = answered = 0

    async def ask(name: str) -> None:
        nonlocal foreign, answered
        async with connection.use() as client:
            answer = await client.get(name)
        answered += 1
        foreign += answer != (name * 200).encode()

    async def ask_in_a_batch(name: str) -> None:
        nonlocal foreign, answered
        async with connection.use() as client:
            batch = client.pipeline(transaction=dice.random() < 0.5)
            batch.get(name)
            batch.get(names[0])
            answers = await batch.execute()
        answered += 1
        foreign += answers != [(name * 200).encode(), (names[0] * 200).encode()]

    for _ in range(100):
        tasks = [
            asyncio.create_task(dice.choice((ask, ask_in_a_batch))(dice.choice(names)))
            for _ in range(50)
        ]
        for task in dice.sample(tasks, 25):
            await asyncio.sleep(dice.random() * 0.0005)
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    assert foreign == 0
    assert answered > 1000


async def test_cancelled_commands_leave_no_connection_behind(
    server: RedisServer,
) -> None:
    connection = RedisConnection(url=server.url, max_connections=2, timeout_seconds=10)
    for _ in range(200):
        tasks = [asyncio.create_task(_get(connection, "k")) for _ in range(6)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    answers = await asyncio.gather(*(_get(connection, "k") for _ in range(20)))

    assert answers == [None] * 20
    await connection.aclose()


async def test_more_tasks_than_connections_wait_their_turn(server: RedisServer) -> None:
    connection = RedisConnection(url=server.url, max_connections=4, timeout_seconds=10)
    redis = connection.async_client()

    await asyncio.gather(*(redis.incr("n") for _ in range(500)))

    assert await redis.get("n") == b"500"
    clients = [line for line in await redis.client_list() if line["name"] != "x"]
    assert len(clients) <= 4
    await connection.aclose()


async def test_a_dead_server_fails_at_once_and_then_costs_nothing(
    server: RedisServer, connection: RedisConnection
) -> None:
    await connection.async_client().set("k", "v")
    server.kill()

    began = time.monotonic()
    with pytest.raises(StateUnavailable):
        async with connection.use() as redis:
            await redis.get("k")
    first = time.monotonic() - began
    began = time.monotonic()
    for _ in range(100):
        with pytest.raises(StateUnavailable):
            async with connection.use():
                raise AssertionError("nobody should get here")

    assert first < 2
    assert time.monotonic() - began < 1


async def test_a_server_that_comes_back_is_found(
    server: RedisServer, connection: RedisConnection
) -> None:
    await connection.async_client().set("k", "v")
    server.kill()
    with pytest.raises(StateUnavailable):
        async with connection.use() as redis:
            await redis.get("k")

    server.start()
    await _until_available(connection)

    async with connection.use() as redis:
        assert await redis.get("k") == b"v"


async def test_a_server_restarted_between_two_requests_is_not_noticed(
    server: RedisServer, connection: RedisConnection
) -> None:
    async with connection.use() as redis:
        await asyncio.gather(*(redis.set(f"k{n}", "v") for n in range(20)))
    server.restart()

    async with connection.use() as redis:
        answers = await asyncio.gather(*(redis.get(f"k{n}") for n in range(20)))

    assert answers == [b"v"] * 20


async def test_a_server_that_hangs_is_given_up(server: RedisServer) -> None:
    connection = RedisConnection(
        url=server.url, breaker=Breaker(cooldown_seconds=0.05), timeout_seconds=1.0
    )
    await connection.async_client().ping()
    server.pause()

    began = time.monotonic()
    with pytest.raises(StateUnavailable):
        async with connection.use() as redis:
            await redis.get("k")
    took = time.monotonic() - began
    server.resume()

    assert took < 3
    await _until_available(connection)
    await connection.aclose()


async def test_a_host_that_swallows_packets_is_given_up() -> None:
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        for _ in range(4):
            # With its queue full the kernel drops whoever knocks.
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        connection = RedisConnection(host="127.0.0.1", port=port)

        began = time.monotonic()
        with pytest.raises(StateUnavailable):
            async with connection.use() as redis:
                await redis.get("k")

        assert time.monotonic() - began < 2
        assert not connection.available()
        await connection.aclose()


@pytest.mark.parametrize(
    "faults",
    [
        {"up": False},
        {"reset": True},
        {"blackhole": True},
        {"delay": 3.0},
        {"drip": 0.2},
        {"garbage": 1.0},
        {"cut_after": 3},
    ],
    ids=lambda faults: next(iter(faults)),
)
async def test_every_fault_of_a_network_ends_within_the_bound_and_heals(
    tcp_server: RedisServer, faults: dict[str, object]
) -> None:
    with FaultProxy(tcp_server.port) as proxy:
        connection = RedisConnection(
            host="127.0.0.1", port=proxy.port, breaker=Breaker(cooldown_seconds=0.05)
        )
        async with connection.use() as redis:
            await redis.set("k", "value" * 100)
        proxy.set(**faults)

        began = time.monotonic()
        with pytest.raises(StateUnavailable):
            async with connection.use() as redis:
                await redis.get("k")
        took = time.monotonic() - began
        proxy.heal()
        await _until_available(connection)

        assert took < 3
        async with connection.use() as redis:
            assert await redis.get("k") == b"value" * 100
        await connection.aclose()


async def test_a_full_server_says_so_and_still_reads(tmp_path: Path) -> None:
    full = ("--maxmemory", "2mb", "--maxmemory-policy", "noeviction")
    with RedisServer(tmp_path, options=full) as server:
        connection = RedisConnection(url=server.url)
        async with connection.use() as redis:
            await redis.set("k", "v")
        with pytest.raises(StateFull):
            await _fill(connection)

        assert connection.available()
        async with connection.use() as redis:
            assert await redis.get("k") == b"v"
        await connection.aclose()


async def test_a_wrong_password_is_a_state_that_cannot_be_reached(
    tmp_path: Path,
) -> None:
    with RedisServer(tmp_path) as server:
        server.command("CONFIG", "SET", "requirepass", "right")
        wrong = RedisConnection(url=server.url, password="wrong")
        right = RedisConnection(url=server.url, password="right")

        with pytest.raises(StateUnavailable):
            async with wrong.use() as redis:
                await redis.get("k")
        async with right.use() as redis:
            assert await redis.get("k") is None
        await wrong.aclose()
        await right.aclose()


async def test_our_own_mistakes_do_not_look_like_an_outage(
    connection: RedisConnection,
) -> None:
    async with connection.use() as redis:
        await redis.set("k", "v")

    with pytest.raises(ResponseError):
        async with connection.use() as redis:
            await redis.hget("k", "field")

    assert connection.available()


def test_each_loop_has_its_own_client(tcp_server: RedisServer) -> None:
    connection = RedisConnection(url=tcp_server.url)
    clients = []

    async def count() -> int:
        clients.append(connection.async_client())
        value = int(await clients[-1].incr("n"))
        await connection.aclose()
        return value

    counts = [asyncio.run(count()) for _ in range(3)]

    assert counts == [1, 2, 3]
    assert len(set(map(id, clients))) == 3


def test_clients_of_closed_loops_are_let_go(tcp_server: RedisServer) -> None:
    connection = RedisConnection(url=tcp_server.url)

    async def open_and_close() -> None:
        await connection.async_client().ping()
        await connection.async_client().aclose()

    for _ in range(5):
        asyncio.run(open_and_close())
    gc.collect()

    assert len(connection._clients) <= 1


async def test_a_child_process_opens_its_own_sockets(
    server: RedisServer, connection: RedisConnection
) -> None:
    redis = connection.async_client()
    await redis.set("k", "parent")
    connection.sync_client().get("k")

    child = os.fork()
    if child == 0:
        status = 1
        with contextlib.suppress(BaseException):
            client = connection.sync_client()
            for _ in range(200):
                client.set("child", "1")
            same = client.get("k") == b"parent" and client is connection.sync_client()
            status = 0 if same and not connection._clients else 2
        os._exit(status)
    answers = {await redis.get("k") for _ in range(500)}
    _, status = await asyncio.to_thread(os.waitpid, child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert answers == {b"parent"}
    assert await redis.get("child") == b"1"
    assert connection.sync_client().get("k") == b"parent"


def test_a_child_may_run_a_loop_of_its_own(tcp_server: RedisServer) -> None:
    connection = RedisConnection(url=tcp_server.url)

    async def in_parent() -> int:
        await _count(connection)
        child = os.fork()
        if child == 0:
            # As a pre-forking server does it: the parent's loop is left alone.
            asyncio.events._set_running_loop(None)
            status = 1
            with contextlib.suppress(BaseException):
                loop = asyncio.new_event_loop()
                status = 0 if loop.run_until_complete(_count(connection)) == 2 else 2
            os._exit(status)
        _, status = await asyncio.to_thread(os.waitpid, child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        value = await _count(connection)
        await connection.aclose()
        return value

    assert asyncio.run(in_parent()) == 3
