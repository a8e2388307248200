"""HTTP by hand: what well-behaved clients cannot send, and load that counts."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """What came back on the socket until it was closed or the answer was whole."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)


def connect(port: int, *, timeout: float = 15.0) -> socket.socket:
    """Return a connection to 127.0.0.1."""
    return socket.create_connection(("127.0.0.1", port), timeout=timeout)


@contextmanager
def connections(port: int, count: int) -> Iterator[list[socket.socket]]:
    """Give *count* connections, closed at the end."""
    with ExitStack() as stack:
        yield [stack.enter_context(connect(port)) for _ in range(count)]


def read_answer(sock: socket.socket) -> RawAnswer:
    """Read one answer; raises `ConnectionError` when there is none."""
    response = http.client.HTTPResponse(sock)
    try:
        response.begin()
        body = response.read()
    except http.client.HTTPException as exc:
        raise ConnectionError(type(exc).__name__) from exc
    headers = {name.lower(): value for name, value in response.getheaders()}
    return RawAnswer(response.status, headers, body)


def exchange(port: int, data: bytes, *, timeout: float = 15.0) -> RawAnswer:
    """Send *data* on a new connection and read one answer."""
    with connect(port, timeout=timeout) as sock:
        sock.sendall(data)
        return read_answer(sock)


def get(path: str, *fields: str) -> bytes:
    """Return a GET request with extra header lines."""
    lines = [f"GET {path} HTTP/1.1", "Host: test", *fields, "", ""]
    return "\r\n".join(lines).encode("latin-1")


def post(path: str, *fields: str, body: bytes = b"") -> bytes:
    """Return a POST request; the caller declares the length or the chunks."""
    lines = [f"POST {path} HTTP/1.1", "Host: test", *fields, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def chunked(parts: Iterable[bytes]) -> bytes:
    """Return *parts* in chunked transfer coding."""
    return (
        b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    )


def seconds_until_closed(sock: socket.socket, *, most: float = 15.0) -> float:
    """Return how long the other side kept the connection open from now."""
    start = time.monotonic()
    sock.settimeout(most)
    try:
        while sock.recv(65_536):
            pass
    except ConnectionError:
        pass
    return time.monotonic() - start


def wait_for(check: Callable[[], bool], *, seconds: float = 5.0) -> float:
    """Wait until *check* holds; return the seconds it took, raise after *seconds*."""
    start = time.monotonic()
    while not check():
        if time.monotonic() - start > seconds:
            raise AssertionError(f"did not happen within {seconds} s")
        time.sleep(0.02)
    return time.monotonic() - start


@dataclass(slots=True)
class Load:
    """
    Keep-alive clients without retries, each on its own thread.

    Attributes:
        statuses: How often each status came; failures count under their kind.
    """

    port: int
    paths: tuple[str, ...]
    clients: int = 8
    statuses: Counter[str] = field(default_factory=Counter)
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Load:
        for number in range(self.clients):
            thread = threading.Thread(target=self._run, args=(number,), daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=60)

    @property
    def total(self) -> int:
        """Requests so far."""
        return sum(self.statuses.values())

    @property
    def failed(self) -> dict[str, int]:
        """Everything that was not a 200."""
        return {kind: n for kind, n in self.statuses.items() if kind != "200"}

    def run_for(self, requests: int, *, seconds: float = 60.0) -> None:
        """Wait until *requests* more have been made."""
        goal = self.total + requests
        wait_for(lambda: self.total >= goal, seconds=seconds)

    def _run(self, number: int) -> None:
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        turn = number
        while not self._stop.is_set():
            path = self.paths[turn % len(self.paths)]
            turn += 1
            kind = self._once(client, path)
            with self._lock:
                self.statuses[kind] += 1
        client.close()

    @staticmethod
    def _once(client: http.client.HTTPConnection, path: str) -> str:
        try:
            client.request("GET", path)
            response = client.getresponse()
            response.read()
        except (OSError, http.client.HTTPException) as exc:
            client.close()
            return type(exc).__name__
        return str(response.status)
