"""WebSockets of this server: a close is sent to who reads nothing, and not too soon."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from uvicorn import Config, Server
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_socket
from websockets.exceptions import ConnectionClosed

from api.bridge_types import ASGIApp, Receive, Scope, Send
from api.server_websocket import PatientWebSocket

PIECE = "x" * 65_536


@asynccontextmanager
async def serving(app: ASGIApp, protocol: type[PatientWebSocket]) -> AsyncIterator[str]:
    config = Config(
        app,
        port=0,
        ws=protocol,
        lifespan="off",
        log_config=None,
        access_log=False,
        ws_per_message_deflate=False,
    )
    server = Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it.
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"ws://127.0.0.1:{port}/"
    server.should_exit = True
    await task


async def flood(send: Send) -> None:
    """Send until the client takes no more."""
    with contextlib.suppress(TimeoutError):
        while True:
            async with asyncio.timeout(0.5):
                await send({"type": "websocket.send", "text": PIECE})


async def read_on(socket: ClientConnection) -> None:
    """Read until the connection ends."""
    while True:
        await socket.recv()


async def test_a_close_reaches_a_client_behind_what_it_has_not_read() -> None:
    flooded = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        await receive()
        await send({"type": "websocket.accept"})
        await flood(send)
        async with asyncio.timeout(1):
            await send({"type": "websocket.close", "code": 1013, "reason": "too_slow"})
        flooded.set()
        while (await receive())["type"] != "websocket.disconnect":
            pass

    async with (
        serving(app, PatientWebSocket) as url,
        open_socket(url, proxy=None, max_queue=1) as socket,
    ):
        await flooded.wait()
        with pytest.raises(ConnectionClosed):
            await read_on(socket)
        assert socket.close_code == 1013


async def test_a_client_that_never_reads_again_is_cut_off() -> None:
    gone = asyncio.Event()

    class Impatient(PatientWebSocket):
        stall_seconds = 0.3

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        await receive()
        await send({"type": "websocket.accept"})
        with contextlib.suppress(OSError):
            while True:
                await send({"type": "websocket.send", "text": PIECE})
        gone.set()

    async with (
        serving(app, Impatient) as url,
        open_socket(url, proxy=None, max_queue=1) as socket,
    ):
        async with asyncio.timeout(10):
            await gone.wait()
        socket.transport.abort()


async def test_the_application_says_its_last_words_when_the_server_stops() -> None:
    shut: list[Any] = []

    class Noting(PatientWebSocket):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            shut.append(self)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        await receive()
        await send({"type": "websocket.accept"})
        # As a drain does it: once for all, and again when time is up.
        shut[0].shutdown()
        await send({"type": "websocket.send", "text": "last words"})
        shut[0].shutdown()

    async with (
        serving(app, Noting) as url,
        open_socket(url, proxy=None) as socket,
    ):
        assert await socket.recv() == "last words"
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert socket.close_code == 1012
