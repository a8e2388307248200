"""Stopping, recycling and reloading fail no request; bad starts say why."""

from __future__ import annotations

import os
import signal
import time
from functools import partial
from pathlib import Path

import httpx

from tests.fakes.raw_client import Load, connect, get, read_answer, wait_for
from tests.fakes.toy_app import ON_DRAIN
from tests.service import RunningService, start_service

TOY = "tests.fakes.toy_app:app"
TWO_WORKERS = {"WEB_CONCURRENCY": "2", "QDRANT_URL": "http://127.0.0.1:9"}
MIXED = ("/async?seconds=0.002", "/plain", "/stream", "/async")


def test_recycling_under_load_fails_no_request() -> None:
    env = {**TWO_WORKERS, "MAX_REQUESTS": "150"}
    with start_service(env, app=TOY) as service:
        with Load(service.port, MIXED, clients=8) as load:
            load.run_for(1500)
        recycled = service.log().count("Maximum request limit")

    assert load.failed == {}
    assert recycled >= 3


def test_recycling_the_only_worker_fails_no_request() -> None:
    with start_service({"MAX_REQUESTS": "200"}, app=TOY) as service:
        with Load(service.port, MIXED, clients=8) as load:
            load.run_for(700)
        recycled = service.log().count("Maximum request limit")

    assert load.failed == {}
    assert recycled >= 2


def test_reloading_under_load_fails_no_request() -> None:
    with (
        start_service(TWO_WORKERS, app=TOY) as service,
        Load(service.port, MIXED, clients=8) as load,
    ):
        for _ in range(3):
            before = _workers(service)
            service.send_signal(signal.SIGHUP)
            wait_for(partial(_none_left, service, before), seconds=20)
            load.run_for(100)

    assert load.failed == {}
    assert load.total > 300


def test_reloading_the_only_worker_fails_no_request(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    with (
        start_service({"TOY_JOURNAL": str(journal)}, app=TOY) as service,
        connect(service.port) as idle,
        connect(service.port) as stream,
        Load(service.port, MIXED, clients=4) as load,
    ):
        idle.sendall(get("/health"))
        assert read_answer(idle).status == 200
        stream.sendall(get("/stream?count=15&pause=0.2"))
        load.run_for(50)
        old = _workers(service)

        service.send_signal(signal.SIGHUP)
        streamed = read_answer(stream)
        wait_for(partial(_none_left, service, old), seconds=20)
        load.run_for(50)

    assert load.failed == {}
    assert streamed.body.endswith(b"data: 14\n\n")
    # Never two at once: what only one process may hold was free for the next.
    kinds = [line.split()[0] for line in journal.read_text().splitlines()]
    assert kinds == ["start", "close", "start", "close"]


def test_a_stopping_server_ends_what_is_open() -> None:
    with start_service(app=TOY, arguments=["--graceful-timeout=7"]) as service:
        short, long, turn, kept = (connect(service.port) for _ in range(4))
        short.sendall(get("/stream?count=5&pause=0.3"))
        long.sendall(get("/stream?count=1000&pause=0.2"))
        turn.sendall(get("/async?seconds=1"))
        kept.sendall(get("/health"))
        assert read_answer(kept).status == 200
        wait_for(lambda: len(_events(service).get("stream.chunk", [])) >= 2)

        service.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        kept.sendall(get("/ready"))
        not_ready = read_answer(kept)
        answers = [read_answer(sock) for sock in (short, turn, long)]
        code = service.wait()
        for sock in (short, long, turn, kept):
            sock.close()

    assert [answer.status for answer in answers] == [200, 200, 200]
    assert answers[0].body.endswith(b"data: 4\n\n")
    assert answers[2].body.endswith(ON_DRAIN)
    assert not_ready.status == 503
    assert not_ready.json() == {"status": "not_ready", "reasons": ["draining"]}
    assert not_ready.headers["connection"] == "close"
    assert code == 0


def test_a_turn_longer_than_the_grace_is_told_to_try_again() -> None:
    with start_service(app=TOY, arguments=["--graceful-timeout=6"]) as service:
        with connect(service.port) as sock:
            sock.sendall(get("/async?seconds=60"))
            wait_for(lambda: "async.began" in _events(service))

            service.send_signal(signal.SIGTERM)
            answer = read_answer(sock)
        code = service.wait()

    assert answer.status == 503
    assert answer.json()["code"] == "server_restarting"
    assert answer.json()["retryable"] is True
    assert code == 0


def test_the_arbiter_sees_a_heartbeat_all_through_the_drain() -> None:
    arguments = ["--timeout=2", "--graceful-timeout=9"]
    with start_service(app=TOY, arguments=arguments) as service:
        with connect(service.port) as sock:
            sock.sendall(get("/stream?count=1000&pause=0.2"))
            sock.recv(10)
            worker = _workers(service)
            os.kill(next(iter(worker)), signal.SIGTERM)
            sock.settimeout(12)
            received = b""
            while part := sock.recv(65_536):
                received += part

        assert ON_DRAIN in received
        assert "WORKER TIMEOUT" not in service.log()


def test_control_c_stops_at_once(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    with (
        start_service({"TOY_JOURNAL": str(journal)}, app=TOY) as service,
        connect(service.port) as sock,
    ):
        sock.sendall(get("/stream?count=1000&pause=0.2"))
        sock.recv(10)
        start = time.monotonic()

        service.stop(sig=signal.SIGINT)

    assert time.monotonic() - start < 4
    assert journal.read_text().count("close") == 1


def test_a_worker_without_its_arbiter_ends() -> None:
    with start_service(app=TOY) as service:
        worker = next(iter(_workers(service)))

        os.kill(service.pid, signal.SIGKILL)
        service.wait()

        wait_for(lambda: not _is_alive(worker), seconds=10)


def test_shared_things_start_after_the_fork_and_are_closed(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    with start_service(
        {"TOY_JOURNAL": str(journal), **TWO_WORKERS}, app=TOY
    ) as service:
        workers = _workers(service)

    lines = journal.read_text().split("\n")
    assert {f"start {pid}" for pid in workers} <= set(lines)
    assert {f"close {pid}" for pid in workers} <= set(lines)


def test_a_failing_start_ends_the_server_with_one_line() -> None:
    service = start_service({"TOY_FAIL_START": "1"}, app=TOY, wait=False)

    code = service.wait()

    assert code != 0
    lines = [line for line in service.log().split("\n") if "start failed" in line]
    assert len(lines) == 1
    assert "ConnectionError" in lines[0]
    assert "secret" not in service.log()
    assert "Traceback" not in service.log()


def test_a_wrong_setting_ends_the_start_with_one_line() -> None:
    service = start_service({"WEB_CONCURRENCY": "0"}, app=TOY, wait=False)

    code = service.wait()

    assert code == 2
    assert service.log().strip().split("\n") == [service.log().strip()]
    assert "WEB_CONCURRENCY" in service.log()


def test_a_killed_worker_is_replaced() -> None:
    with start_service(app=TOY) as service:
        old = next(iter(_workers(service)))

        os.kill(old, signal.SIGKILL)
        wait_for(lambda: old not in _workers(service), seconds=10)

        assert httpx.get(f"{service.url}/health").status_code == 200


def _events(service: RunningService) -> dict[str, list[float]]:
    events: dict[str, list[float]] = httpx.get(f"{service.url}/events").json()
    return events


def _workers(service: RunningService) -> set[int]:
    """Return the pids that answer, asked often enough to see all of two."""
    pids: set[int] = set()
    for _ in range(12):
        try:
            answer = httpx.get(f"{service.url}/health", timeout=5)
        except httpx.TransportError:
            continue
        pids.add(answer.json()["pid"])
    return pids


def _none_left(service: RunningService, old: set[int]) -> bool:
    return not _workers(service) & old


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not (status.exists() and status.read_text().split()[2] == "Z")
