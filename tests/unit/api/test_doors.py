"""What devices and visitors may do is a short list; a new route is not on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from api.doors import OPEN_DOORS, is_open
from app import create_app
from domain.callers import CallerKind
from tests.fakes.http import make_client, make_settings
from tests.fakes.problems import assert_problem
from tests.fakes.services import DEVICE_KEY, FakeParts, make_parts

WITHOUT_A_KEY = {
    ("GET", "/"),
    ("GET", "/docs"),
    ("GET", "/docs/start.js"),
    ("GET", "/docs/swagger-ui.css"),
    ("GET", "/docs/swagger-ui-bundle.js"),
    ("GET", "/openapi.json"),
    ("GET", "/health"),
    ("GET", "/ready"),
    ("GET", "/metrics"),
    ("GET", "/voice"),
    ("GET", "/kiosk"),
    ("GET", "/visit"),
    ("GET", "/pages/<string:name>"),
    ("POST", "/v1/visits"),
}
DEVICES_MAY = {
    ("POST", "/v1/audio"),
    ("POST", "/v1/kiosk/sessions"),
    ("POST", "/v1/kiosk/sessions/current/touch"),
    ("POST", "/v1/kiosk/sessions/current/link"),
    ("DELETE", "/v1/kiosk/sessions/current"),
    # The WebSocket stands beside the routes of Flask.
    ("GET", "/v1/realtime"),
    ("POST", "/v1/realtime/client_secrets"),
}
VISITORS_MAY = {
    ("POST", "/v1/audio"),
    ("POST", "/v1/chat"),
    ("GET", "/v1/conversations/<string:conversation_id>"),
}


def routes() -> Iterator[tuple[str, str]]:
    application = create_app(make_settings(), make_parts().services())
    for rule in application.url_map.iter_rules():
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            yield method, rule.rule


CLOSED = sorted(set(routes()) - WITHOUT_A_KEY - DEVICES_MAY)


def test_the_table_opens_nothing_else() -> None:
    for kind, may in (("device", DEVICES_MAY), ("visitor", VISITORS_MAY)):
        assert {door for door, kinds in OPEN_DOORS.items() if kind in kinds} == may


@pytest.mark.parametrize("kind", ["device", "visitor"])
def test_a_route_that_nobody_thought_of_is_closed(kind: CallerKind) -> None:
    assert not is_open("POST", "/v1/made-tomorrow", kind)
    assert is_open("POST", "/v1/made-tomorrow", "program")


@pytest.mark.parametrize(
    ("method", "rule"), CLOSED, ids=[" ".join(route) for route in CLOSED]
)
async def test_a_device_meets_a_closed_door_at_every_other_route(
    parts: FakeParts, method: str, rule: str
) -> None:
    path = rule.replace("<string:conversation_id>", "kiosk-7")
    path = path.replace("<string:document_id>", "doc_" + "0" * 32)
    path = path.replace("<string:model>", "tanya")
    assert "<" not in path, "a placeholder this test does not know"

    async with make_client(parts, headers={"X-API-Key": DEVICE_KEY}) as client:
        reply = await client.request(method, path, json={})

    if rule.startswith("/v1/") and "error" in reply.json():
        # The doors that speak OpenAI's language say it in its shape.
        assert (reply.status_code, reply.json()["error"]["code"]) == (403, "forbidden")
    else:
        assert_problem(reply, 403, "forbidden")
    assert parts.rag.turns == []


async def test_a_device_is_nobody_where_only_programs_are_asked_for(
    parts: FakeParts,
) -> None:
    keys = parts.services().keys

    assert keys.find_caller(DEVICE_KEY) is None
    assert keys.find_device(DEVICE_KEY) is not None


async def test_a_head_request_is_judged_like_a_get(parts: FakeParts) -> None:
    async with make_client(parts, headers={"X-API-Key": DEVICE_KEY}) as client:
        reply = await client.head("/v1/conversations")

    assert reply.status_code == 403
