"""Hundreds of requests nobody means well with, each answered as the contract says."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from tests.e2e.hostile_cases import ASK, CHAT, JSON, KEY, Case, ask, get, request
from tests.e2e.hostile_cases_bodies import body_cases
from tests.e2e.hostile_cases_cors import ALLOWED, FOREIGN
from tests.e2e.hostile_cases_framing import framing_cases
from tests.e2e.hostile_cases_paths import path_cases
from tests.e2e.hostile_service import (
    SECURITY,
    assert_serves,
    check,
    hostile_service,
    talk,
)
from tests.fakes.raw_client import connect, read_answer
from tests.service import RunningService

CASES = [*framing_cases(), *path_cases(), *body_cases()]
PREFLIGHT = ("Access-Control-Request-Method: POST", "X-Nothing: 1")
# The deadlines of the server are ten seconds; a loaded machine needs some more.
SLOW_SECONDS = 25.0


@pytest.fixture(scope="module")
def service() -> Iterator[RunningService]:
    with hostile_service(CORS_ORIGINS=",".join(ALLOWED)) as running:
        yield running
        log = running.log()
    assert "Traceback" not in log
    assert not re.search(r'"status":5\d\d|"level":"(ERROR|CRITICAL)"', log)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_hostile_request_gets_its_answer_and_harms_nobody(
    service: RunningService, case: Case
) -> None:
    check(service, case)

    assert_serves(service)


def test_there_are_enough_cases_and_no_two_are_called_the_same() -> None:
    names = Counter(case.name for case in CASES)

    assert max(names.values()) == 1, names.most_common(3)
    assert sum(case.status >= 400 for case in CASES) >= 300
    assert len(FOREIGN) >= 40


@pytest.mark.parametrize("origin", FOREIGN, ids=repr)
def test_a_foreign_page_may_read_nothing(
    service: RunningService, origin: bytes
) -> None:
    field = b"Origin: " + origin
    for data, status in (
        (get("/v1/conversations", field), 200),
        (request("GET", "/v1/conversations", field), 401),
        (request("OPTIONS", "/v1/chat", field, *PREFLIGHT), 204),
        (get("/nowhere", field), 404),
        (request("POST", "/v1/chat", field, "Content-Length: 99999999"), 413),
    ):
        answer, _ = talk(service, Case("cors", data, status, None))

        assert answer.status == status
        assert "access-control-allow-origin" not in answer.headers
        assert "access-control-allow-methods" not in answer.headers
        assert "access-control-allow-credentials" not in answer.headers
        assert "Origin" in answer.headers["vary"]


@pytest.mark.parametrize("origin", ALLOWED)
def test_a_known_page_may_read_errors_too(service: RunningService, origin: str) -> None:
    field = f"Origin: {origin}"
    for data, status in (
        (get("/v1/conversations", field), 200),
        (request("GET", "/v1/conversations", field), 401),
        (request("OPTIONS", "/v1/chat", field, *PREFLIGHT), 204),
        (get("//nowhere", field), 404),
        (request("POST", "/v1/chat", field, "Content-Length: 99999999"), 413),
    ):
        answer, _ = talk(service, Case("cors", data, status, None))

        assert answer.status == status
        assert answer.headers["access-control-allow-origin"] == origin
        assert "access-control-allow-credentials" not in answer.headers
        assert "Origin" in answer.headers["vary"]


def test_requests_sent_ahead_are_answered_in_order(service: RunningService) -> None:
    wanted = [200, 404, 405, 400, 200]
    data = b"".join(
        (
            get("/v1/conversations", "X-Request-ID: a0"),
            get("/nowhere", "X-Request-ID: a1"),
            request("PUT", "/v1/chat", *ASK, "X-Request-ID: a2"),
            ask("X-Request-ID: a3", body="{"),
            ask("X-Request-ID: a4"),
        )
    ).replace(KEY.encode(), service.key.encode())
    with connect(service.port) as sock:
        sock.sendall(data)
        reader = sock.makefile("rb")
        answers = [_next_answer(reader.read, reader.readline) for _ in wanted]
        reader.close()

    assert [status for status, _ in answers] == wanted
    assert [headers["x-request-id"] for _, headers in answers] == [
        f"a{number}" for number in range(len(wanted))
    ]


def _next_answer(
    read: Callable[[int], bytes], readline: Callable[[], bytes]
) -> tuple[int, dict[str, str]]:
    status = int(readline().split()[1])
    headers: dict[str, str] = {}
    while line := readline().strip():
        name, _, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    read(int(headers["content-length"]))
    return status, headers


def _drip(sock: socket.socket, piece: bytes) -> None:
    """Send a byte or two at a time until the other side has had enough."""
    end = time.monotonic() + SLOW_SECONDS
    with contextlib.suppress(OSError):
        while time.monotonic() < end:
            sock.sendall(piece)
            time.sleep(0.2)


def _slow_clients(key: str) -> dict[str, tuple[bytes, bytes]]:
    """Return what each sends at once, and what it then drips."""
    head = request("POST", "/v1/chat", f"X-API-Key: {key}", JSON, *ASK[1:])[:-2]
    return {
        "nothing": (b"", b""),
        "line": (b"GET /hea", b"l"),
        "fields": (b"GET /health HTTP/1.1\r\nHost: t\r\n", b"X-A: b\r\n"),
        "name": (b"GET /health HTTP/1.1\r\nHost: t\r\nX-", b"a"),
        "blank lines": (b"", b"\r\n"),
        "body": (head + b"Content-Length: 4000\r\n\r\n", b"a"),
        "no body": (head + b"Content-Length: 4000\r\n\r\n", b""),
        "chunks": (head + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
        "chunk size": (head + b"Transfer-Encoding: chunked\r\n\r\n1;", b"a"),
    }


def test_slow_clients_are_sent_away_and_keep_nobody_waiting(
    service: RunningService,
) -> None:
    ended: dict[str, float] = {}
    said: dict[str, bytes] = {}

    def client(name: str, first: bytes, piece: bytes) -> None:
        start = time.monotonic()
        with connect(service.port, timeout=SLOW_SECONDS) as sock:
            sock.sendall(first)
            if piece:
                dripping = threading.Thread(target=_drip, args=(sock, piece))
                dripping.start()
            with contextlib.suppress(OSError):
                while part := sock.recv(65_536):
                    said[name] = said.get(name, b"") + part
            ended[name] = time.monotonic() - start
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            if piece:
                dripping.join()

    slow = _slow_clients(service.key)
    threads = [
        threading.Thread(target=client, args=(f"{name} {copy}", *parts))
        for name, parts in slow.items()
        for copy in range(4)
    ]
    for thread in threads:
        thread.start()
    for _ in range(20):
        started = time.monotonic()
        assert_serves(service)
        assert time.monotonic() - started < 2
        time.sleep(0.2)
    for thread in threads:
        thread.join(timeout=SLOW_SECONDS * 2)

    assert len(ended) == len(threads)
    assert max(ended.values()) < SLOW_SECONDS, ended
    for name, answer in said.items():
        assert answer.startswith((b"HTTP/1.1 408 ", b"HTTP/1.1 400 ")), (name, answer)
        assert b"application/problem+json" in answer
        for field in SECURITY:
            assert field.encode() in answer.lower()
    assert_serves(service)


def test_readers_that_stop_reading_hold_up_nobody(service: RunningService) -> None:
    body = CHAT[:-1] + ', "stream": true}'
    data = ask(body=body).replace(KEY.encode(), service.key.encode())
    with contextlib.ExitStack() as stack:
        for number in range(30):
            sock = stack.enter_context(connect(service.port))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            sock.sendall(data.replace(b"hostile-1", b"unread-%d" % number))
        for _ in range(5):
            assert_serves(service)

    assert_serves(service)


def test_a_client_that_leaves_at_any_byte_costs_nothing(
    service: RunningService,
) -> None:
    data = ask().replace(KEY.encode(), service.key.encode())
    for end in range(1, len(data), 3):
        with connect(service.port) as sock:
            sock.sendall(data[:end])

    with connect(service.port) as sock:
        sock.sendall(data)
        assert read_answer(sock).status == 200
