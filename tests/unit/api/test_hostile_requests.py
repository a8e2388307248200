"""Every hostile request gets its own problem, and nothing is done for it."""

from __future__ import annotations

import httpx
import pytest

from api.bridge import Bridge
from tests.fakes.hostile import HOSTILE, Hostile
from tests.fakes.http import AUTH, make_bridge
from tests.fakes.problems import assert_problem
from tests.fakes.services import FakeParts, make_parts


@pytest.fixture(scope="module")
def untouched() -> FakeParts:
    return make_parts(limit=100_000)


@pytest.fixture(scope="module")
def bridge(untouched: FakeParts) -> Bridge:
    return make_bridge(untouched)


def test_there_are_many_of_them() -> None:
    assert len(HOSTILE) >= 150
    assert len({str(case) for case in HOSTILE}) == len(HOSTILE)


@pytest.mark.parametrize("case", HOSTILE, ids=str)
async def test_a_hostile_request_is_refused(
    bridge: Bridge, untouched: FakeParts, case: Hostile
) -> None:
    # Bytes, because httpx refuses some of these texts itself.
    headers = [
        (name.encode(), value.encode("latin-1"))
        for name, value in case.merged(AUTH).items()
    ]
    transport = httpx.ASGITransport(bridge)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://tanya.test"
    ) as client:
        reply = await client.request(
            case.method, case.path, headers=headers, content=case.content
        )

    assert_problem(reply, case.status, case.code)
    assert untouched.rag.turns == []
    assert untouched.documents.uploads == []
