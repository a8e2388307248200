"""Qdrant, SQL and disks go wrong; conversations do not notice."""

from __future__ import annotations

import contextlib
import resource
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.fault_stage import (
    ANSWER,
    Guest,
    Stage,
    find_workers,
    set_stage,
    wait_until,
)
from tests.fakes.problems import assert_problem
from tests.fakes.redis_server import RedisServer

QDRANT_SECONDS = 1.0
SLACK_SECONDS = 2.0
# What the database waits for another writer.
BUSY_SECONDS = 2.0


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("stores")
    env = {"QDRANT_TIMEOUT": str(QDRANT_SECONDS)}
    with (
        RedisServer(folder / "redis") as redis,
        set_stage(folder, redis=redis, remote_vectors=True, env=env) as one,
    ):
        yield one


@pytest.fixture
def guest(stage: Stage) -> Iterator[Guest]:
    with stage.guest() as one:
        yield one


@pytest.mark.parametrize(
    "faults",
    [
        {"up": False},
        {"reset": True},
        {"blackhole": True},
        {"delay": 5.0},
        {"garbage": 1.0},
        {"cut_after": 20},
    ],
    ids=["refused", "reset", "swallowed", "slow", "garbled", "cut"],
)
def test_without_qdrant_a_turn_is_refused_in_time_and_not_stored(
    stage: Stage, guest: Guest, faults: dict[str, object]
) -> None:
    assert stage.qdrant_way is not None
    name = f"qdrant-{'-'.join(faults)}"
    before = guest.told(name, key=f"{name}-1")
    stage.qdrant_way.set(**faults)

    try:
        began = time.monotonic()
        reply = guest.ask(name, key=f"{name}-2")
        took = time.monotonic() - began
        selected = guest.ask(
            f"{name}-selected", "Pukul berapa?", selected_text=f"Buka pukul {ANSWER}."
        )
        health, ready = guest.health(), guest.ready()
    finally:
        stage.qdrant_way.heal()
    after = guest.told(name, key=f"{name}-2")

    assert_problem(reply, 503, "retrieval_unavailable")
    # Both forms of a question are searched in one call; it is tried once more.
    assert took < 2 * QDRANT_SECONDS + SLACK_SECONDS
    assert selected.json()["degraded"] == ["retrieval"]
    assert health["components"]["qdrant"] == "unavailable"
    assert ready == (200, [])
    assert [answer for _, answer in guest.turns(name)] == [
        before["message_id"],
        after["message_id"],
    ]


def test_a_locked_database_is_told_after_two_seconds_and_stops_no_turn(
    stage: Stage, guest: Guest
) -> None:
    answer = guest.told("locked")["message_id"]
    opinion = {"message_id": answer, "kind": "positive"}
    path = "/v1/conversations/locked/feedback"

    with locked_database(stage):
        began = time.monotonic()
        refused = guest.http.post(path, json=opinion)
        took = time.monotonic() - began
        turn = guest.told("locked", "Dan sekarang pukul berapa?")

    problem = assert_problem(refused, 503, "store_busy")
    assert problem["retryable"] is True
    assert BUSY_SECONDS - 0.5 < took < BUSY_SECONDS + SLACK_SECONDS
    assert turn["degraded"] == []
    assert guest.http.post(path, json=opinion).status_code in {200, 201, 204}


@contextlib.contextmanager
def locked_database(stage: Stage) -> Iterator[None]:
    path = stage.service.data_dir / "tanya.sqlite3"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        try:
            yield
        finally:
            other.execute("ROLLBACK")


@contextlib.contextmanager
def full_disk(stage: Stage, *, room: int) -> Iterator[None]:
    """Let no file of the worker grow beyond *room* bytes: what a full disk does."""
    workers = find_workers(stage.service)
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    for pid in workers:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        for pid in workers:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, unlimited)


def test_on_a_full_disk_turns_go_on_and_the_rest_says_so(tmp_path: Path) -> None:
    document = ("a.txt", b"Perahu lain disewakan pukul 07.30.\n" * 40_000)
    with (
        RedisServer(tmp_path / "redis") as redis,
        set_stage(tmp_path, redis=redis) as stage,
        stage.guest() as guest,
    ):
        answer = guest.told("disk")["message_id"]
        opinion = {"message_id": answer, "kind": "positive"}
        path = "/v1/conversations/disk/feedback"
        # Its own log, its database and its uploads: none of them grows any more.
        with full_disk(stage, room=0):
            upload = guest.http.post("/v1/documents", files={"file": document})
            feedback = guest.http.post(path, json=opinion)
            turns = [guest.ask("disk", f"Pukul berapa? {n}") for n in range(3)]
            health = guest.health()
        after = guest.told("disk", "Pukul berapa perahu Kenari?")

        problem = assert_problem(upload, 503)
        assert problem["code"] in {"upload_storage", "store_unavailable"}
        assert_problem(feedback, 503, "store_unavailable")
        assert [turn.status_code for turn in turns] == [200] * 3
        assert health["redis"] == "ok"
        told = [answer, *(turn.json()["message_id"] for turn in turns)]
        assert [found for _, found in guest.turns("disk")] == [
            *told,
            after["message_id"],
        ]
        assert guest.http.post(path, json=opinion).status_code in {200, 201, 204}
        taken = guest.http.post("/v1/documents", files={"file": document})
        assert taken.status_code == 202
        place = taken.headers["location"]
        wait_until(lambda: guest.http.get(place).json()["status"] == "ready")


def test_a_log_that_takes_nothing_stops_nobody(tmp_path: Path) -> None:
    # The file that the service's output goes to.
    (tmp_path / "data.log").symlink_to("/dev/full")

    with set_stage(tmp_path) as stage, stage.guest() as guest:
        first = guest.told("log")
        missing = guest.http.get("/v1/conversations/nobody")
        second = guest.told("log", "Dan pukul berapa lagi?")

        assert_problem(missing, 404)
        assert [answer for _, answer in guest.turns("log")] == [
            first["message_id"],
            second["message_id"],
        ]
