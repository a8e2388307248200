"""When the client leaves, what worked for it stops within a second."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.fakes.raw_client import (
    connect,
    connections,
    exchange,
    get,
    read_answer,
    seconds_until_closed,
    wait_for,
)
from tests.service import RunningService, start_service

# One second is promised; the rest is room for a machine that is busy.
PROMISED = 1.5


@pytest.fixture
def toy() -> Iterator[RunningService]:
    worker = "--worker-class=tests.fakes.toy_worker.HastyWorker"
    with start_service(app="tests.fakes.toy_app:app", arguments=[worker]) as service:
        yield service


def test_a_view_is_cancelled_before_its_first_byte(toy: RunningService) -> None:
    sock = _begin(toy, "/async?seconds=30", "async.began")

    sock.close()

    assert _until(toy, "async.cancelled") < PROMISED
    assert _until(toy, "teardown./async.CancelledError") < PROMISED


def test_a_stream_is_cancelled_in_its_middle(toy: RunningService) -> None:
    sock = _begin(toy, "/stream?count=1000&pause=0.1", "stream.chunk")

    sock.close()

    assert _until(toy, "stream.closed") < PROMISED
    chunks = len(_events(toy)["stream.chunk"])
    time.sleep(0.3)
    assert len(_events(toy)["stream.chunk"]) == chunks


def test_a_stream_with_a_silent_source_is_cancelled(toy: RunningService) -> None:
    sock = _begin(toy, "/stream?silent=30", None)
    time.sleep(0.3)

    sock.close()

    assert _until(toy, "stream.cancelled") < PROMISED
    assert _until(toy, "stream.closed") < PROMISED


def test_a_stream_silent_after_its_start_is_cancelled(toy: RunningService) -> None:
    sock = _begin(toy, "/stream?count=2&pause=30", "stream.chunk")

    sock.close()

    assert _until(toy, "stream.closed") < PROMISED


def test_a_reset_is_noticed_like_a_close(toy: RunningService) -> None:
    sock = _begin(toy, "/stream?count=2&pause=30", "stream.chunk")

    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()

    assert _until(toy, "stream.closed") < PROMISED


def test_a_client_that_sent_its_next_request_ahead_is_missed_too(
    toy: RunningService,
) -> None:
    sock = connect(toy.port)
    sock.sendall(get("/stream?count=2&pause=30") + get("/health"))
    wait_for(lambda: "stream.chunk" in _events(toy))

    sock.close()

    assert _until(toy, "stream.closed") < PROMISED


def test_a_plain_stream_is_closed(toy: RunningService) -> None:
    sock = _begin(toy, "/plain/stream?count=1000&pause=0.1", "plain.chunk")

    sock.close()

    assert _until(toy, "plain.closed") < PROMISED


def test_a_plain_stream_is_closed_at_its_end(toy: RunningService) -> None:
    httpx.get(f"{toy.url}/plain/stream")

    assert _until(toy, "plain.closed") < PROMISED


def test_two_hundred_leavers_leave_nothing_behind(toy: RunningService) -> None:
    with connections(toy.port, 200) as streams:
        for sock in streams:
            sock.sendall(get("/stream?count=1000&pause=1"))
        wait_for(lambda: len(_events(toy).get("stream.chunk", [])) >= 200, seconds=20)

    took = wait_for(lambda: len(_events(toy).get("stream.closed", [])) == 200)
    assert took < 3
    assert exchange(toy.port, get("/health")).status == 200


def test_a_client_that_stops_reading_is_cut(toy: RunningService) -> None:
    with connect(toy.port) as sock:
        sock.sendall(get("/stream/flood"))
        sock.recv(10)

        took = wait_for(lambda: "flood.closed" in _events(toy), seconds=8)

    assert took < 6


def test_headers_that_never_end_are_cut(toy: RunningService) -> None:
    with connect(toy.port) as sock:
        sock.sendall(b"GET /health HTTP/1.1\r\nHost: t\r\n")
        sock.settimeout(5)
        answer = sock.recv(4000)

    assert answer.startswith(b"HTTP/1.1 408")
    assert b'"code":"request_timeout"' in answer


def test_headers_that_drip_are_cut(toy: RunningService) -> None:
    start = time.monotonic()
    with connect(toy.port) as sock:
        sock.sendall(b"GET /health HTTP/1.1\r\nHost: t\r\n")
        while time.monotonic() - start < 5:
            try:
                sock.sendall(b"X-A: b\r\n")
            except OSError:
                break
            time.sleep(0.1)

    assert time.monotonic() - start < 4


def test_an_idle_fresh_connection_is_closed(toy: RunningService) -> None:
    with connect(toy.port) as sock:
        assert seconds_until_closed(sock) < 4


def test_a_second_request_has_the_same_deadline(toy: RunningService) -> None:
    with connect(toy.port) as sock:
        sock.sendall(get("/health"))
        assert read_answer(sock).status == 200
        sock.sendall(b"GET /health HT")

        assert seconds_until_closed(sock) < 4


def test_a_slow_answer_is_not_taken_for_a_slow_request(toy: RunningService) -> None:
    answer = exchange(toy.port, get("/async?seconds=2"))

    assert answer.status == 200


def test_a_kept_connection_waits_for_its_next_request(toy: RunningService) -> None:
    with connect(toy.port) as sock:
        sock.sendall(get("/health"))
        first = read_answer(sock)
        time.sleep(2.5)
        sock.sendall(get("/health"))
        second = read_answer(sock)

    assert (first.status, second.status) == (200, 200)


def _begin(toy: RunningService, path: str, event: str | None) -> socket.socket:
    sock = connect(toy.port)
    sock.sendall(get(path))
    if event:
        wait_for(lambda: event in _events(toy))
    return sock


def _events(toy: RunningService) -> dict[str, list[float]]:
    events: dict[str, list[float]] = httpx.get(f"{toy.url}/events").json()
    return events


def _until(toy: RunningService, event: str) -> float:
    return wait_for(lambda: event in _events(toy))
