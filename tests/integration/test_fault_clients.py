"""Clients that leave, crowd in or send too much, and machines with little room."""

from __future__ import annotations

import os
import re
import resource
import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.fakes.fault_stage import (
    Guest,
    Stage,
    find_workers,
    set_stage,
    wait_until,
)
from tests.fakes.problems import assert_problem
from tests.fakes.raw_client import connections, post
from tests.fakes.redis_server import RedisServer

# One second is promised; the rest is room for a machine that is busy.
PROMISED_SECONDS = 1.5
# Children inherit the limit; a worker asks for no more than is allowed.
_FEW_FILES = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))
os.execv(sys.argv[1], sys.argv[1:])
"""
MB = 1024 * 1024


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("clients")
    with set_stage(folder, model="good", model_options={"token_delay": 0.2}) as one:
        assert one.model is not None
        one.model.script["good"] = " ".join(["Perahu 06.15 [1]."] * 40)
        yield one


@pytest.fixture
def guest(stage: Stage) -> Iterator[Guest]:
    with stage.guest() as one:
        yield one


def test_clients_that_leave_in_the_stream_stop_the_model_and_store_nothing(
    stage: Stage, guest: Guest
) -> None:
    leavers = 20
    model = stage.model
    assert model is not None
    cancelled = model.stats.cancelled
    with connections(stage.service.port, leavers) as streams:
        for number, sock in enumerate(streams):
            sock.sendall(_stream_request(stage, f"leaver-{number}"))
        for sock in streams:
            _read_until(sock, b"answer.delta")

    took = wait_until(lambda: model.stats.cancelled == cancelled + leavers)

    assert took < PROMISED_SECONDS
    assert [guest.messages(f"leaver-{n}") for n in range(leavers)] == [[]] * leavers


def _stream_request(stage: Stage, conversation: str) -> bytes:
    body = b'{"message": "Pukul berapa perahu dayung Kenari?", "stream": true}'
    return post(
        "/v1/chat",
        f"X-API-Key: {stage.service.key}",
        f"X-Conversation-Id: {conversation}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        body=body,
    )


def _read_until(sock: socket.socket, mark: bytes) -> None:
    seen = b""
    while mark not in seen:
        part = sock.recv(65_536)
        assert part, seen
        seen += part


def test_half_open_connections_stop_nobody(stage: Stage, guest: Guest) -> None:
    with connections(stage.service.port, 300) as idle:
        for sock in idle:
            sock.sendall(b"POST /v1/chat HTTP/1.1\r\nHost: t")

        began = time.monotonic()
        assert guest.health()["status"] == "healthy"
        took = time.monotonic() - began
        listed = guest.http.get("/v1/conversations")

    assert took < 1
    assert listed.status_code == 200


def test_sixteen_uploads_at_once_are_taken_or_told_to_wait(
    stage: Stage, guest: Guest
) -> None:
    (worker,) = find_workers(stage.service)
    status = Path(f"/proc/{worker}/status").read_text()
    used = int(re.search(r"VmSize:\s+(\d+) kB", status).group(1)) * 1024  # type: ignore[union-attr]
    # Room for what a worker may hold of bodies, twice over for their parsing.
    room = used + 640 * MB
    resource.prlimit(worker, resource.RLIMIT_AS, (room, resource.RLIM_INFINITY))
    content = b"\x00\x01" * (8 * MB)

    def upload(number: int) -> httpx.Response | None:
        try:
            with stage.guest(timeout=60) as one:
                name = f"{number}.bin"
                return one.http.post("/v1/documents", files={"file": (name, content)})
        except httpx.TransportError:
            # Told with the first bytes, while the others were still being sent.
            return None

    with ThreadPoolExecutor(16) as pool:
        replies = [reply for reply in pool.map(upload, range(16)) if reply]

    for reply in replies:
        if reply.status_code == 503:
            assert_problem(reply, 503, "overloaded")
        else:
            assert 400 <= reply.status_code < 500, reply.text
    assert replies
    assert find_workers(stage.service) == [worker]
    assert guest.health()["status"] == "healthy"
    infinite = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.prlimit(worker, resource.RLIMIT_AS, infinite)


def test_refusals_before_any_route_are_counted_and_logged(
    stage: Stage, guest: Guest
) -> None:
    refused = guest.http.get("/health", headers={"X-Filler": "x" * 33_000})
    assert_problem(refused, 431)

    counted = guest.http.get("/metrics").text

    assert re.search(
        r'tanya_http_requests_total\{method="GET",route="refused",status="431"\} 1',
        counted,
    )
    number = refused.headers["x-request-id"]
    (line,) = [line for line in stage.service.log().splitlines() if number in line]
    assert '"request_refused"' in line
    assert '"headers_too_large"' in line


def test_few_file_descriptors_refuse_some_and_recover(tmp_path: Path) -> None:
    prefix = (sys.executable, "-c", _FEW_FILES)
    with set_stage(tmp_path, prefix=prefix) as stage, stage.guest() as guest:
        first = guest.told("files")
        with connections(stage.service.port, 300) as idle:
            for sock in idle:
                try:
                    sock.sendall(b"GET /health HTTP/1.1\r\nHost: t")
                except OSError:
                    continue
            health = _health_of(stage)
        second = guest.told("files", "Dan pukul berapa lagi?")

        assert health == 200
        assert [answer for _, answer in guest.turns("files")] == [
            first["message_id"],
            second["message_id"],
        ]


def _health_of(stage: Stage) -> int:
    with Guest(stage.service) as fresh:
        return fresh.http.get("/health").status_code


def test_clocks_an_hour_apart_keep_turns_in_order(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "redis") as redis:
        stages = []
        for name, skew in (("early", -3600), ("late", 3600)):
            stages.append(
                set_stage(
                    tmp_path / name,
                    redis=redis,
                    env={"SKEW_SECONDS": str(skew), "API_KEY": f"key-{os.getpid()}"},
                    app="tests.fakes.skewed_app:app",
                )
            )
        with stages[0] as early, stages[1] as late:
            told = []
            for turn in range(8):
                with (early, late)[turn % 2].guest() as guest:
                    body = guest.told("clock", f"Pukul berapa? {turn}", key=f"c{turn}")
                told.append(body["message_id"])
            with early.guest() as one, late.guest() as other:
                assert [answer for _, answer in one.turns("clock")] == told
                assert [answer for _, answer in other.turns("clock")] == told
                replayed = other.ask("clock", "Pukul berapa? 0", key="c0")
    assert replayed.headers["idempotency-replayed"] == "true"
