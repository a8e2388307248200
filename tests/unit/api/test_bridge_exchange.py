"""What is added to every answer, and what is never sent."""

from __future__ import annotations

import pytest

from api.bridge_exchange import Exchange
from api.bridge_types import ClientGone, Header
from domain.errors import Overloaded
from tests.fakes.asgi import Call, http_scope, make_call


def make_exchange(call: Call) -> Exchange:
    return Exchange(call.scope, call.send, request_id="r1")


async def test_defaults_are_added_and_the_views_own_stay() -> None:
    call = make_call("/")
    headers: list[Header] = [
        (b"Cache-Control", b"max-age=1"),
        (b"X-Request-ID", b"fake"),
    ]

    await make_exchange(call).answer(200, headers, b"x")

    assert call.headers == {
        "cache-control": "max-age=1",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
        "x-request-id": "r1",
    }


async def test_behind_tls_the_browser_is_told_to_stay_there() -> None:
    call = Call(http_scope("/", scheme="https"))

    await make_exchange(call).answer(200, [])

    assert "strict-transport-security" in call.headers


async def test_a_body_of_known_length_ends_with_its_last_byte() -> None:
    call = make_call("/")
    exchange = make_exchange(call)

    await exchange.begin(200, [(b"content-length", b"4")])
    await exchange.write(b"ab")
    await exchange.write(b"cd")
    await exchange.write(b"", last=True)

    flags = [(m["body"], m["more_body"]) for m in call.sent[1:]]
    assert flags == [(b"ab", True), (b"cd", False)]


async def test_nothing_is_sent_to_a_client_that_left() -> None:
    call = make_call("/")
    exchange = make_exchange(call)
    exchange.disconnected.set()

    with pytest.raises(ClientGone):
        await exchange.answer(200, [])

    assert call.sent == []


async def test_values_that_are_not_ascii_are_dropped() -> None:
    call = make_call("/")

    await make_exchange(call).answer(
        200, [(b"x-a", "caf\u00e9".encode()), (b"x-b", b"b")]
    )

    assert "x-a" not in call.headers
    assert call.headers["x-b"] == "b"


async def test_a_closing_connection_says_so() -> None:
    call = make_call("/")
    exchange = make_exchange(call)
    exchange.closing = True

    await exchange.answer(200, [])

    assert call.headers["connection"] == "close"


async def test_a_refusal_comes_only_before_the_first_byte() -> None:
    call = make_call("/")
    exchange = make_exchange(call)
    await exchange.begin(200, [])

    await exchange.deny(Overloaded())

    assert len(call.sent) == 1
