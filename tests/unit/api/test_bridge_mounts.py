"""Other ASGI applications beside Flask."""

from __future__ import annotations

import json

from flask import Flask

from api.bridge import Bridge
from api.bridge_types import Message, Receive, Scope, Send
from tests.fakes.asgi import ask, http_scope


class Echo:
    """Answers with what it was asked and how long the body was."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            return
        size, more = 0, True
        while more:
            message = await receive()
            size += len(message.get("body", b""))
            more = message.get("more_body", False)
        names = sorted(name.decode() for name, _ in scope["headers"])
        text = f"{scope['root_path']}|{scope['path']}|{size}|{','.join(names)}"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": text.encode()})


def make_bridge() -> Bridge:
    return Bridge(
        Flask("mounts"),
        mounts={"/mcp": Echo(), "/mcp/deep/": Echo()},
        body_limit=lambda _path: 100,
    )


async def test_a_mount_is_found_by_its_prefix_only() -> None:
    bridge = make_bridge()

    assert (await ask(bridge, "/mcp")).body.startswith(b"/mcp|/mcp|0|")
    assert (await ask(bridge, "/mcp/x")).body.startswith(b"/mcp|/mcp/x|0|")
    assert (await ask(bridge, "/mcp/deep/x")).body.startswith(b"/mcp/deep|/mcp/deep/x|")
    assert (await ask(bridge, "/mcpx")).status == 404


async def test_a_mount_is_behind_the_same_guard() -> None:
    headers = [(b"x_api_key", b"a"), (b"x-request-id", b"r7")]

    call = await ask(make_bridge(), "/mcp", headers=headers)

    assert call.body.endswith(b"|host,x-request-id")
    assert call.headers["x-request-id"] == "r7"
    assert call.headers["x-content-type-options"] == "nosniff"


async def test_the_body_of_a_mount_is_counted() -> None:
    bridge = make_bridge()

    fits = await ask(bridge, "/mcp", method="POST", body=[b"x" * 50, b"x" * 50])
    over = await ask(bridge, "/mcp", method="POST", body=[b"x" * 50, b"x" * 51])

    assert b"|100|" in fits.body
    assert over.json()["code"] == "payload_too_large"


async def test_a_websocket_reaches_its_mount_and_nothing_else() -> None:
    bridge = make_bridge()

    assert (await _open(bridge, "/mcp"))[0]["type"] == "websocket.accept"
    start, body = await _open(bridge, "/health")
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 404)
    assert (b"content-type", b"application/problem+json") in start["headers"]
    assert (b"x-content-type-options", b"nosniff") in start["headers"]
    assert json.loads(body["body"])["code"] == "not_found"


async def test_a_websocket_with_doubtful_headers_is_refused() -> None:
    double = [(b"authorization", b"a"), (b"authorization", b"b")]

    said = await _open(make_bridge(), "/mcp", headers=double)

    assert said[0]["status"] == 400


async def _open(
    bridge: Bridge, path: str, headers: list[tuple[bytes, bytes]] | None = None
) -> list[Message]:
    said: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        said.append(message)

    scope = {**http_scope(path, headers=headers or []), "type": "websocket"}
    await bridge(scope, receive, send)
    return said
