"""A replica takes over that lacks the last turns: healed where possible, else said."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.fault_stage import Guest, Stage, set_stage, wait_until
from tests.fakes.redis_server import RedisServer, free_port


@contextlib.contextmanager
def pair(folder: Path) -> Iterator[tuple[RedisServer, RedisServer]]:
    """Give a primary and its replica."""
    with (
        RedisServer(folder / "primary") as primary,
        RedisServer(
            folder / "replica",
            options=("--replicaof", "127.0.0.1", str(primary.port)),
        ) as replica,
    ):
        wait_until(
            lambda: b"master_link_status:up" in replica.command("INFO", "replication")
        )
        yield primary, replica


def fail_over(
    stage: Stage, guest: Guest, primary: RedisServer, replica: RedisServer
) -> str:
    """Lose the primary with a turn that the replica never had; return its answer."""
    part(primary, replica)
    lost = guest.told("moved", "Pukul berapa? 4", key="moved-4")["message_id"]
    primary.kill()
    replica.command("REPLICAOF", "NO", "ONE")
    way = stage.redis_way
    assert way is not None
    way.set(up=False)
    wait_until(lambda: guest.health()["redis"] != "ok")
    way.target = replica.port
    way.heal()
    wait_until(lambda: guest.health()["redis"] == "ok")
    return str(lost)


def noted_turns(stage: Stage) -> int:
    """Return how many turns the file beside Redis knows of."""
    with contextlib.closing(
        sqlite3.connect(stage.service.data_dir / "state.sqlite3")
    ) as file:
        (turns,) = file.execute(
            "SELECT turns FROM conversations WHERE id = 'moved'"
        ).fetchone()
    return int(turns)


def part(primary: RedisServer, replica: RedisServer) -> None:
    """Let the replica have everything up to now, and nothing after it."""
    wait_until(lambda: offset(primary) == offset(replica))
    replica.command("REPLICAOF", "127.0.0.1", str(free_port()))


def offset(server: RedisServer) -> bytes:
    told = server.command("INFO", "replication").splitlines()
    (line,) = [one for one in told if one.startswith(b"master_repl_offset:")]
    return line


def begin(guest: Guest) -> list[str]:
    return [
        guest.told("moved", f"Pukul berapa? {turn}", key=f"moved-{turn}")["message_id"]
        for turn in range(1, 4)
    ]


def test_a_lost_tail_that_a_worker_remembers_is_put_back(tmp_path: Path) -> None:
    with (
        pair(tmp_path) as (primary, replica),
        set_stage(tmp_path, redis=primary) as stage,
        stage.guest() as guest,
    ):
        told = begin(guest)
        told.append(fail_over(stage, guest, primary, replica))
        after = guest.told("moved", "Pukul berapa? 5")

        assert after["degraded"] == []
        told.append(after["message_id"])
        assert [answer for _, answer in guest.turns("moved")] == told


@pytest.mark.parametrize("fallback", ["file", "refuse"])
def test_a_lost_tail_that_nobody_remembers_is_said_once(
    tmp_path: Path, fallback: str
) -> None:
    env = {"STATE_FALLBACK": fallback}
    with (
        pair(tmp_path) as (primary, replica),
        set_stage(tmp_path, redis=primary, env=env) as stage,
        stage.guest() as guest,
    ):
        told = begin(guest)
        lost = fail_over_forgetting(stage, guest, primary, replica, fallback)
        after = guest.told("moved", "Pukul berapa? 5", key="moved-5")
        later = guest.told("moved", "Pukul berapa? 6", key="moved-6")

        assert after["degraded"] == ["history_gap"]
        assert later["degraded"] == []
        kept = [answer for _, answer in guest.turns("moved")]
        assert kept == [*told, after["message_id"], later["message_id"]]
        assert lost not in kept
        assert "history_gap_found" in stage.service.log()


def fail_over_forgetting(
    stage: Stage,
    guest: Guest,
    primary: RedisServer,
    replica: RedisServer,
    fallback: str,
) -> str:
    """Fail over; with a file, the worker's memory is lost as well."""
    if fallback == "refuse":
        # It remembers how many there were; nothing may be written beside Redis.
        return fail_over(stage, guest, primary, replica)
    part(primary, replica)
    lost = guest.told("moved", "Pukul berapa? 4", key="moved-4")["message_id"]
    wait_until(lambda: noted_turns(stage) == 4)
    stage.service.kill()
    primary.kill()
    replica.command("REPLICAOF", "NO", "ONE")
    assert stage.redis_way is not None
    stage.redis_way.target = replica.port
    stage.service.restart()
    wait_until(lambda: guest.told("another")["degraded"] == [])
    return str(lost)
