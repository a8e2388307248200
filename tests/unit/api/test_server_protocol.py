"""Connections of one process."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from api.server_protocol import DeadlineH11, connection_limit


class Wire(asyncio.Transport):
    """A transport that goes nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


class Narrow(DeadlineH11):
    max_connections = 2
    header_seconds = 0.05


async def _app(_scope: Any, _receive: Any, _send: Any) -> None:
    await asyncio.sleep(60)


@pytest.fixture
def state() -> ServerState:
    return ServerState()


def connect(state: ServerState) -> tuple[DeadlineH11, Wire]:
    config = Config(_app, log_config=None, lifespan="off")
    config.load()
    protocol, wire = Narrow(config, state, {}), Wire()
    protocol.connection_made(wire)
    return protocol, wire


async def test_the_limit_follows_the_file_descriptors() -> None:
    assert 16 <= connection_limit() <= 4096


async def test_an_idle_connection_makes_room_for_a_new_one(state: ServerState) -> None:
    _, first = connect(state)
    busy, second = connect(state)
    busy.data_received(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")

    _, third = connect(state)

    assert (first.closed, second.closed, third.closed) == (True, False, False)
    busy.cycle.disconnected = True
    for task in state.tasks:
        task.cancel()
    await asyncio.gather(*state.tasks, return_exceptions=True)


async def test_a_connection_without_a_request_is_closed(state: ServerState) -> None:
    _, wire = connect(state)

    await asyncio.sleep(0.1)

    assert (wire.closed, wire.written) == (True, b"")


async def test_half_a_request_is_told_why_it_ends(state: ServerState) -> None:
    protocol, wire = connect(state)
    protocol.data_received(b"GET / HT")

    await asyncio.sleep(0.1)

    assert wire.closed
    assert wire.written.startswith(b"HTTP/1.1 408 ")


async def test_what_is_not_http_is_a_problem(state: ServerState) -> None:
    protocol, wire = connect(state)

    protocol.data_received(b"HELLO\r\n\r\n")

    head, _, body = wire.written.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in head
    assert b'"code":"bad_request"' in body
    assert wire.closed
