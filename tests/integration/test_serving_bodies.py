"""Request bodies: whole, counted on the wire, in time."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.fakes.raw_client import (
    RawAnswer,
    chunked,
    connect,
    connections,
    exchange,
    get,
    post,
    read_answer,
)
from tests.fakes.toy_app import LARGE_LIMIT, SMALL_LIMIT
from tests.service import RunningService, start_service

TOY = "tests.fakes.toy_app:app"
CHUNKED = "Transfer-Encoding: chunked"


@pytest.fixture(scope="module")
def toy() -> Iterator[RunningService]:
    env = {"TOY_BODY_GRACE": "1", "TOY_BODY_BYTES": "3000000"}
    with start_service(env, app=TOY) as service:
        yield service


@pytest.mark.parametrize("path", ["/async/echo", "/plain/echo"])
def test_a_chunked_body_is_read_whole(toy: RunningService, path: str) -> None:
    body = chunked([b"one ", b"two ", b"three"])

    answer = exchange(toy.port, post(path, CHUNKED, body=body))

    assert (answer.status, answer.body) == (200, b"one two three")


@pytest.mark.parametrize("path", ["/async/echo", "/plain/echo"])
def test_an_empty_body_is_empty(toy: RunningService, path: str) -> None:
    for request in (
        post(path, "Content-Length: 0"),
        post(path),
        post(path, CHUNKED, body=chunked([])),
    ):
        assert exchange(toy.port, request).body == b""


@pytest.mark.parametrize("path", ["/async/echo", "/plain/echo"])
def test_the_limit_itself_still_fits(toy: RunningService, path: str) -> None:
    length = f"Content-Length: {SMALL_LIMIT}"

    answer = exchange(toy.port, post(path, length, body=b"x" * SMALL_LIMIT))

    assert (answer.status, len(answer.body)) == (200, SMALL_LIMIT)


def test_a_declared_length_over_the_limit_is_refused_unread(
    toy: RunningService,
) -> None:
    start = time.monotonic()

    answer = exchange(
        toy.port, post("/async/echo", f"Content-Length: {SMALL_LIMIT + 1}")
    )

    assert _code(answer) == (413, "payload_too_large")
    assert answer.headers["connection"] == "close"
    assert time.monotonic() - start < 5


def test_a_client_that_waits_to_be_asked_is_not_asked(toy: RunningService) -> None:
    request = post("/async/echo", "Content-Length: 9000000", "Expect: 100-continue")

    answer = exchange(toy.port, request)

    assert answer.status == 413


def test_a_client_that_waits_to_be_asked_is_asked(toy: RunningService) -> None:
    with connect(toy.port) as sock:
        sock.sendall(post("/async/echo", "Content-Length: 5", "Expect: 100-continue"))
        interim = sock.recv(1000)
        sock.sendall(b"hello")
        answer = read_answer(sock)

    assert interim.startswith(b"HTTP/1.1 100")
    assert answer.body == b"hello"


@pytest.mark.parametrize("path", ["/async/echo", "/plain/echo", "/nowhere"])
def test_a_chunked_body_is_cut_at_the_limit(toy: RunningService, path: str) -> None:
    with connect(toy.port) as sock:
        sock.sendall(post(path, CHUNKED))
        sent = _send_until_refused(sock, b"%x\r\n%s\r\n" % (8192, b"x" * 8192))
        answer = read_answer(sock)

    assert _code(answer) == (413, "payload_too_large")
    assert sent < 20_000_000


def test_a_refusal_reaches_a_client_that_sends_all_first(toy: RunningService) -> None:
    length = 3_000_000

    answer = exchange(
        toy.port, post("/async/echo", f"Content-Length: {length}", body=b"x" * length)
    )

    assert _code(answer) == (413, "payload_too_large")


def test_limits_belong_to_paths(toy: RunningService) -> None:
    body = b"x" * LARGE_LIMIT

    answer = exchange(
        toy.port, post("/async/large", f"Content-Length: {LARGE_LIMIT}", body=body)
    )

    assert answer.json() == {"bytes": LARGE_LIMIT}


def test_a_body_that_drips_is_refused_in_time(toy: RunningService) -> None:
    start = time.monotonic()
    with connect(toy.port) as sock:
        sock.sendall(post("/async/echo", "Content-Length: 1000"))
        _drip(sock, seconds=0.8)
        answer = read_answer(sock)

    assert _code(answer) == (408, "request_timeout")
    assert answer.headers["connection"] == "close"
    assert time.monotonic() - start < 6


def test_bytes_held_by_a_worker_are_capped(toy: RunningService) -> None:
    part = b"x" * 1_900_000
    request = post("/async/large", f"Content-Length: {LARGE_LIMIT}", body=part)
    with connections(toy.port, 2) as pair:
        first, second = pair
        first.sendall(request)
        with suppress(OSError):
            second.sendall(request)
        answer = read_answer(second)
        health = exchange(toy.port, get("/health"))

    assert _code(answer) == (503, "overloaded")
    assert int(answer.headers["retry-after"]) >= 1
    assert health.status == 200
    free_again = exchange(
        toy.port,
        post("/async/large", "Content-Length: 1900000", body=part),
    )
    assert free_again.status == 200


def test_malformed_chunks_are_a_problem_not_a_crash(toy: RunningService) -> None:
    answer = exchange(toy.port, post("/async/echo", CHUNKED, body=b"zz\r\nhello\r\n"))

    assert _code(answer) == (400, "bad_request")
    assert exchange(toy.port, get("/health")).status == 200


def test_a_client_that_leaves_in_its_body_costs_nothing(toy: RunningService) -> None:
    for _ in range(20):
        with connect(toy.port) as sock:
            sock.sendall(post("/async/large", "Content-Length: 9000", body=b"x" * 10))

    assert exchange(toy.port, get("/health")).status == 200
    assert "Exception" not in toy.log()


def _code(answer: RawAnswer) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    problem = answer.json()
    assert problem["request_id"] == answer.headers["x-request-id"]
    return answer.status, problem["code"]


def _send_until_refused(sock: socket.socket, part: bytes) -> int:
    sent = 0
    with suppress(OSError):
        for _ in range(8000):
            sock.sendall(part)
            sent += len(part)
    return sent


def _drip(sock: socket.socket, *, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sock.sendall(b"x")
        time.sleep(0.05)
