"""Bodies: counted, capped, in time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from api.bridge_body import BodyLedger, RequestBody, limits_by_path
from api.bridge_types import ClientGone, Message
from domain.errors import Overloaded, PayloadTooLarge, RequestTimeout


class Sender:
    """Gives parts with a pause before each, then nothing more."""

    def __init__(
        self, parts: Sequence[bytes], *, pause: float = 0, ends: bool = True
    ) -> None:
        self._parts = list(parts)
        self._pause = pause
        self._ends = ends

    async def __call__(self) -> Message:
        await asyncio.sleep(self._pause)
        if not self._parts:
            return {"type": "http.disconnect"}
        part = self._parts.pop(0)
        more = bool(self._parts) or not self._ends
        return {"type": "http.request", "body": part, "more_body": more}


def make_body(
    sender: Sender,
    *,
    limit: int = 1000,
    ledger: BodyLedger | None = None,
    grace: float = 5,
    rate: float = 50_000,
) -> RequestBody:
    return RequestBody(
        sender,
        limit=limit,
        ledger=ledger or BodyLedger(10_000),
        grace_seconds=grace,
        bytes_per_second=rate,
    )


async def test_parts_become_one_body() -> None:
    assert await make_body(Sender([b"a", b"", b"bc"])).read() == b"abc"


async def test_the_limit_fits_and_one_byte_more_does_not() -> None:
    assert len(await make_body(Sender([b"x" * 500] * 2)).read()) == 1000
    with pytest.raises(PayloadTooLarge):
        await make_body(Sender([b"x" * 500, b"x" * 501])).read()


async def test_held_bytes_are_shared_and_handed_back() -> None:
    ledger = BodyLedger(1000)
    first = make_body(Sender([b"x" * 600]), ledger=ledger)
    second = make_body(Sender([b"x" * 600]), ledger=ledger)
    await first.read()

    with pytest.raises(Overloaded):
        await second.read()
    second.release()
    first.release()
    first.release()

    assert ledger.held == 0
    assert await make_body(Sender([b"x" * 600]), ledger=ledger).read()


async def test_a_sender_that_stalls_is_cut_after_the_grace() -> None:
    body = make_body(Sender([b"a", b"b"], pause=5), grace=0.05)

    with pytest.raises(RequestTimeout):
        await body.read()


async def test_a_sender_that_drips_is_cut_however_long_it_goes_on() -> None:
    body = make_body(Sender([b"x"] * 1000, pause=0.01), grace=0.1, rate=1000)

    with pytest.raises(RequestTimeout):
        await body.read()


async def test_a_sender_at_the_rate_may_take_its_time() -> None:
    sender = Sender([b"x" * 100] * 10, pause=0.02)

    assert len(await make_body(sender, grace=0.1, rate=1000).read()) == 1000


async def test_a_client_that_leaves_is_gone() -> None:
    with pytest.raises(ClientGone):
        await make_body(Sender([b"a"], ends=False)).read()


async def test_the_rest_of_a_refused_body_is_read_within_bounds() -> None:
    by_bytes = Sender([b"x" * 100] * 50)
    await make_body(by_bytes).discard(seconds=5, most_bytes=1000)
    by_time = Sender([b"x"] * 5000, pause=0.01)
    await make_body(by_time).discard(seconds=0.05, most_bytes=10_000)

    assert len(by_bytes._parts) == 40
    assert len(by_time._parts) > 4900


def test_limits_belong_to_exact_paths() -> None:
    limit = limits_by_path({"/v1/documents": 50}, default=1)

    assert [limit(p) for p in ("/v1/documents", "/v1/documents/x", "/")] == [50, 1, 1]
