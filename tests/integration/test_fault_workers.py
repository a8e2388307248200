"""Workers are killed, stopped, drained and recycled in the middle of turns."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx
import pytest

from stores.leases import LEASE_SECONDS
from tests.fakes.fault_stage import (
    JSON,
    QUESTION,
    Guest,
    Stage,
    find_workers,
    set_stage,
    standing_still,
    wait_until,
)
from tests.fakes.problems import assert_problem
from tests.fakes.redis_server import RedisServer

THINKING_SECONDS = 0.6


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("workers")
    options = {"first_delay": THINKING_SECONDS}
    with (
        RedisServer(folder / "redis") as redis,
        set_stage(
            folder, workers=2, redis=redis, model="good", model_options=options
        ) as one,
    ):
        yield one


def begin_turn(
    pool: ThreadPoolExecutor, stage: Stage, name: str, *, key: str
) -> Future[httpx.Response]:
    """Start a turn in a thread; return once its model is asked."""
    model = stage.model
    assert model is not None
    calls = model.stats.chat_calls

    def ask() -> httpx.Response:
        with stage.guest() as guest:
            return guest.ask(name, key=key)

    turn = pool.submit(ask)
    wait_until(lambda: model.stats.chat_calls > calls, pause=0.005)
    return turn


def find_holder(stage: Stage, name: str) -> int:
    """Return the worker that runs the turn of a conversation."""
    assert stage.redis is not None
    lock = stage.redis.command("GET", f"tanya:cp:{{default%2F{name}}}:lock")
    return int(lock.decode().rpartition("@")[2].split(".")[1])


def _told_again(guest: Guest, conversation: str, *, key: str) -> JSON:
    """Ask again as clients do: a connection may have been the killed worker's."""
    for _ in range(3):
        with contextlib.suppress(httpx.TransportError):
            return guest.told(conversation, key=key)
    return guest.told(conversation, key=key)


def test_a_worker_killed_in_a_turn_leaves_one_turn_to_its_retry(stage: Stage) -> None:
    with ThreadPoolExecutor(1) as pool, stage.guest() as guest:
        before = guest.told("killed", key="killed-1")
        turn = begin_turn(pool, stage, "killed", key="killed-2")

        os.kill(find_holder(stage, "killed"), signal.SIGKILL)
        with pytest.raises(httpx.TransportError):
            turn.result()
        # The other worker sees that lock and claim are nobody's any more.
        began = time.monotonic()
        after = _told_again(guest, "killed", key="killed-2")
        took = time.monotonic() - began

        told = [before["message_id"], after["message_id"]]
        assert [answer for _, answer in guest.turns("killed")] == told
        assert took < LEASE_SECONDS / 2
        wait_until(lambda: len(find_workers(stage.service)) == 2)


@pytest.mark.timeout(120)
def test_a_worker_that_stood_still_cannot_overwrite_the_newer_turn(
    stage: Stage,
) -> None:
    with ThreadPoolExecutor(1) as pool, stage.guest(timeout=90) as guest:
        before = guest.told("stalled", key="stalled-1")
        turn = begin_turn(pool, stage, "stalled", key="stalled-2")
        with standing_still(find_holder(stage, "stalled")):
            # Connections that wait for the sleeper are given up; others are answered.
            newer = ask_the_living(stage, "stalled", key="stalled-3")
        late = turn.result()

        assert_problem(late, 409, "turn_superseded")
        told = [before["message_id"], newer]
        assert [answer for _, answer in guest.turns("stalled")] == told


def ask_the_living(stage: Stage, name: str, *, key: str) -> str:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            with Guest(stage.service, timeout=LEASE_SECONDS + 10) as guest:
                reply = guest.ask(name, "Dan sekarang pukul berapa?", key=key)
        except httpx.TransportError:
            continue
        if reply.status_code == 200:
            return str(reply.json()["message_id"])
    raise AssertionError("nobody answered")


def test_one_key_sent_six_times_at_once_is_one_turn(stage: Stage) -> None:
    def ask(_: int) -> httpx.Response:
        with stage.guest() as guest:
            return guest.ask("twice", key="twice")

    with ThreadPoolExecutor(6) as pool, stage.guest() as guest:
        replies = list(pool.map(ask, range(6)))
        replayed = guest.ask("twice", key="twice")
        other = guest.ask("twice", "Etwas anderes?", key="twice")

        kinds = Counter(reply.status_code for reply in replies)
        assert kinds[200] >= 1
        assert set(kinds) <= {200, 409}
        for reply in replies:
            if reply.status_code == 409:
                assert_problem(reply, 409, "turn_still_running")
        assert replayed.headers["idempotency-replayed"] == "true"
        assert_problem(other, 422, "idempotency_key_reused")
        (turn,) = guest.turns("twice")
        assert turn == (QUESTION, replayed.json()["message_id"])


def test_of_ten_turns_at_once_five_run_in_turn_and_the_others_are_told(
    stage: Stage,
) -> None:
    def ask(number: int) -> httpx.Response:
        with stage.guest() as guest:
            return guest.ask("crowd", f"Pukul berapa perahu Kenari disewakan? {number}")

    with ThreadPoolExecutor(10) as pool, stage.guest() as guest:
        replies = list(pool.map(ask, range(10)))

        answered = [one.json() for one in replies if one.status_code == 200]
        for reply in replies:
            if reply.status_code != 200:
                assert_problem(reply, 409, "conversation_busy")
        assert len(answered) >= 5
        stored = [answer for _, answer in guest.turns("crowd")]
        assert sorted(stored) == sorted(one["message_id"] for one in answered)


def test_reloading_and_recycling_in_turns_loses_none(stage: Stage) -> None:
    promised: list[str] = []
    failed: list[str] = []
    stop = threading.Event()

    def ask() -> None:
        turn = 0
        with stage.guest() as guest:
            while not stop.is_set():
                turn += 1
                reply = guest.ask("reload", f"{QUESTION} {turn}")
                if reply.status_code == 200:
                    promised.append(reply.json()["message_id"])
                else:
                    failed.append(reply.text)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        for _ in range(2):
            old = set(find_workers(stage.service))
            stage.service.send_signal(signal.SIGHUP)
            wait_until(partial(none_left, stage, old))
    finally:
        stop.set()
        thread.join()

    assert failed == []
    assert len(promised) >= 2
    with stage.guest() as guest:
        assert [answer for _, answer in guest.turns("reload")] == promised


def none_left(stage: Stage, old: set[int]) -> bool:
    return not old & set(find_workers(stage.service))


def test_a_stopping_service_ends_short_turns_and_tells_long_ones(
    tmp_path: Path,
) -> None:
    options = {"token_delay": 0.15}
    with set_stage(
        tmp_path,
        model="good",
        model_options=options,
        arguments=["--graceful-timeout=7"],
    ) as stage:
        assert stage.model is not None
        # About two seconds, and more than the grace has.
        stage.model.script["good"] = " ".join(["Perahu 06.15 [1]."] * 4)
        stage.model.script["long"] = " ".join(["Perahu 06.15 [1]."] * 60)
        ends: dict[str, list[tuple[str, JSON]]] = {}

        def stream(name: str) -> None:
            with stage.guest() as guest:
                ends[name] = list(guest.stream(name))

        short = threading.Thread(target=stream, args=("short",))
        short.start()
        wait_until(lambda: stage.model.stats.chat_calls == 1)  # type: ignore[union-attr]
        stage.model.acting = "long"
        long = threading.Thread(target=stream, args=("long",))
        long.start()
        wait_until(lambda: stage.model.stats.chat_calls == 2)  # type: ignore[union-attr]
        stage.service.send_signal(signal.SIGTERM)
        short.join()
        long.join()
        code = stage.service.wait()

        assert ends["short"][-1][0] == "answer.completed"
        kind, problem = ends["long"][-1]
        assert kind == "error"
        assert problem["code"] == "server_restarting"
        assert code == 0
        stage.model.acting = None
        stage.service.restart()
        with stage.guest() as guest:
            assert len(guest.turns("short")) == 1
            assert guest.messages("long") == []
