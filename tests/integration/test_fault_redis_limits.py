"""A Redis that is full, locked, damaged or unsteady, seen over HTTP."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator

import pytest

from stores.checkpoint_keys import KeySpace
from tests.fakes.fault_stage import Guest, Stage, set_stage, wait_until
from tests.fakes.problems import assert_problem
from tests.fakes.redis_server import RedisServer


@pytest.fixture(scope="module", params=["file", "refuse"])
def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("limits")
    with (
        # Every second: a server that writes always ends itself on a full disk.
        RedisServer(folder / "redis", options=("--appendfsync", "everysec")) as redis,
        set_stage(folder, redis=redis, env={"STATE_FALLBACK": request.param}) as one,
    ):
        yield one


@pytest.fixture
def redis(stage: Stage) -> RedisServer:
    assert stage.redis is not None
    return stage.redis


@pytest.fixture
def guest(stage: Stage) -> Iterator[Guest]:
    with stage.guest() as one:
        yield one
        wait_until(lambda: one.health()["redis"] == "ok")


def test_a_full_redis_is_told_before_a_turn_and_keeps_older_ones(
    guest: Guest, redis: RedisServer
) -> None:
    before = guest.told("full", key="full-1")
    redis.command("CONFIG", "SET", "maxmemory", "1")
    try:
        refused = guest.ask("full", key="full-2")
        read = guest.turns("full")
    finally:
        redis.command("CONFIG", "SET", "maxmemory", "0")
    after = guest.told("full", key="full-2")

    assert_problem(refused, 503, "state_full")
    assert [answer for _, answer in read] == [before["message_id"]]
    assert [answer for _, answer in guest.turns("full")] == [
        before["message_id"],
        after["message_id"],
    ]


def test_a_redis_whose_disk_is_full_is_told_and_keeps_older_turns(
    guest: Guest, redis: RedisServer
) -> None:
    before = guest.told("disk", key="disk-1")
    assert redis.process is not None
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.prlimit(
        redis.process.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY)
    )
    try:
        # The write that meets the full disk is still taken; the next ones are not.
        wait_until(
            lambda: redis.command("SET", "probe", "1").startswith(b"-MISCONF"),
            pause=0.2,
        )
        refused = guest.ask("disk", key="disk-2")
        read = guest.turns("disk")
    finally:
        resource.prlimit(redis.process.pid, resource.RLIMIT_FSIZE, unlimited)
    wait_until(lambda: redis.command("SET", "probe", "1") == b"+OK\r\n", pause=0.2)
    after = guest.told("disk", key="disk-2")

    assert_problem(refused, 503, "state_full")
    assert [answer for _, answer in read] == [before["message_id"]]
    assert [answer for _, answer in guest.turns("disk")] == [
        before["message_id"],
        after["message_id"],
    ]


@pytest.mark.parametrize(
    ("name", "spoil", "heal", "logged"),
    [
        (
            "password",
            ("CONFIG", "SET", "requirepass", "another"),
            ("CONFIG", "SET", "requirepass", ""),
            '"error":"AuthenticationError"',
        ),
        (
            "clients",
            ("CONFIG", "SET", "maxclients", "1"),
            ("CONFIG", "SET", "maxclients", "1000"),
            '"error":"ConnectionError"',
        ),
    ],
)
def test_a_redis_that_lets_nobody_in_is_away_and_the_log_says_why(
    stage: Stage,
    guest: Guest,
    redis: RedisServer,
    name: str,
    spoil: tuple[str, ...],
    heal: tuple[str, ...],
    logged: str,
    request: pytest.FixtureRequest,
) -> None:
    falls_back = "file" in request.node.callspec.params["stage"]
    before = guest.told(name, key=f"{name}-1")
    assert stage.redis_way is not None
    with redis.connected() as own:
        own.send(*spoil)
        # Connections that are open stay welcome; the next ones are not.
        stage.redis_way.set(reset=True)
        stage.redis_way.heal()
        during = guest.ask(name, key=f"{name}-2")
        again = guest.ask(name, key=f"{name}-2")
        own.send(*heal)
    wait_until(lambda: guest.health()["redis"] == "ok")
    after = guest.told(name, key=f"{name}-2")

    if falls_back:
        assert again.json()["degraded"] == ["state"]
    else:
        assert_problem(during, 503, "state_unavailable")
        assert_problem(again, 503, "state_unavailable")
    assert [answer for _, answer in guest.turns(name)] == [
        before["message_id"],
        after["message_id"],
    ]
    assert logged in stage.service.log()


def test_a_damaged_conversation_is_told_once_and_set_aside(
    guest: Guest, redis: RedisServer
) -> None:
    guest.told("damaged")
    keys = KeySpace("tanya").thread("default/damaged")
    redis.command("HSET", keys.state.decode(), "h", "garbage")

    refused = guest.ask("damaged")
    after = guest.told("damaged")

    assert_problem(refused, 503, "state_corrupt")
    aside = keys.state.decode() + ":aside"
    assert b"garbage" in redis.command("HGETALL", aside)
    assert [answer for _, answer in guest.turns("damaged")] == [after["message_id"]]


def test_an_unsteady_redis_loses_repeats_and_reorders_nothing(
    stage: Stage, guest: Guest
) -> None:
    way = stage.redis_way
    assert way is not None
    told = []
    until = time.monotonic() + 6
    turn = 0
    up = True
    toggled = time.monotonic()
    while time.monotonic() < until:
        if time.monotonic() - toggled > 0.3:
            up, toggled = not up, time.monotonic()
            way.set(up=up)
        reply = guest.ask("unsteady", f"Pukul berapa? {turn}", key=f"unsteady-{turn}")
        if reply.status_code == 200:
            told.append(reply.json()["message_id"])
            turn += 1
        else:
            assert reply.status_code in {409, 503}, reply.text
    way.heal()
    wait_until(lambda: guest.health()["redis"] == "ok")
    last = guest.told("unsteady", f"Pukul berapa? {turn}", key=f"unsteady-{turn}")

    assert [answer for _, answer in guest.turns("unsteady")] == [
        *told,
        last["message_id"],
    ]
