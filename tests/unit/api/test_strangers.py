"""A stranger's large body is not kept: the key is looked at before it is read."""

from __future__ import annotations

import httpx
import pytest

from api.bridge import Bridge
from api.bridge_body import limits_by_path
from api.bridge_guard import presented_keys
from api.kiosk_access import may_know
from app import create_app
from domain.callers import Caller
from tests.fakes.http import make_settings
from tests.fakes.services import DEVICE_KEY, KEY, FakeParts

LARGE = 1024 * 1024


def bridge_for(parts: FakeParts) -> Bridge:
    services = parts.services()
    return Bridge(
        create_app(make_settings(), services),
        body_limit=limits_by_path({"/v1/documents": 4 * LARGE}, default=128 * 1024),
        knows=lambda fields: any(
            may_know(services.keys, services.visitors, key)
            for key in presented_keys(fields)
        ),
    )


async def send(parts: FakeParts, headers: dict[str, str], size: int) -> httpx.Response:
    transport = httpx.ASGITransport(bridge_for(parts))
    async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        return await client.post(
            "/v1/documents", headers=headers, files={"file": ("a.txt", b"x" * size)}
        )


@pytest.mark.parametrize("headers", [{}, {"X-API-Key": "wrong"}])
async def test_a_stranger_with_a_large_body_is_not_authenticated(
    parts: FakeParts, headers: dict[str, str]
) -> None:
    answer = await send(parts, headers, LARGE)

    assert answer.status_code == 401
    assert answer.json()["code"] == "not_authenticated"
    assert "WWW-Authenticate" in answer.headers


@pytest.mark.parametrize(
    "headers", [{"X-API-Key": KEY}, {"Authorization": f"bearer {KEY}"}]
)
async def test_the_holder_of_a_key_may_send_what_the_path_allows(
    parts: FakeParts, headers: dict[str, str]
) -> None:
    inside, beyond = (
        await send(parts, headers, LARGE),
        await send(parts, headers, 5 * LARGE),
    )

    assert inside.status_code not in {401, 413}
    assert beyond.status_code == 413


async def test_devices_and_visitors_are_known_before_a_body_is_read(
    parts: FakeParts,
) -> None:
    keys, visitors = parts.services().keys, parts.visitors
    _, session = await visitors.begin(Caller("default", "a", kind="device"))
    visit = await visitors.open_link((await visitors.make_link(session)).token)

    assert may_know(keys, visitors, DEVICE_KEY)
    assert may_know(keys, visitors, visit.token)
    assert not may_know(keys, None, visit.token)
    assert not may_know(keys, visitors, visit.token[:-1])
    assert not may_know(keys, visitors, "visit_" + "A" * 43 + "." + "0" * 32)
