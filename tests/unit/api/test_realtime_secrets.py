"""`POST /v1/realtime/client_secrets`."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest
from openai.types.realtime.client_secret_create_response import (
    ClientSecretCreateResponse,
)

from domain.callers import Caller
from stores.realtime_secrets import SharedSecrets
from tests.fakes.services import DEVICE_KEY, FakeParts
from tests.fakes.visitors import MemoryRecords

PATH = "/v1/realtime/client_secrets"


async def test_a_secret_lives_as_long_as_asked_and_knows_its_settings(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    session = {"type": "realtime", "audio": {"output": {"speed": 1.5}}}
    body = {
        "expires_after": {"anchor": "created_at", "seconds": 90},
        "session": session,
    }

    reply = await client.post(PATH, json=body)

    assert reply.status_code == 200
    told = reply.json()
    assert ClientSecretCreateResponse.model_validate(told).value.startswith("ek_")
    assert 85 <= told["expires_at"] - time.time() <= 91
    assert told["session"]["audio"]["output"]["speed"] == 1.5
    ticket = await SharedSecrets(parts.secrets).find(told["value"])
    assert ticket is not None
    assert (ticket.caller.tenant, ticket.conversation_id) == ("default", None)
    assert b"1.5" in ticket.config


async def test_a_secret_may_be_for_one_conversation(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    reply = await client.post(PATH, json={}, headers={"X-Conversation-Id": "desk-1"})

    ticket = await SharedSecrets(parts.secrets).find(reply.json()["value"])
    assert ticket is not None
    assert ticket.conversation_id == "desk-1"


async def test_a_device_gets_one_for_its_visitor_alone(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    device = Caller("default", "00000000000a", kind="device")
    session, visit = await parts.visitors.begin(device)
    headers = {"X-API-Key": DEVICE_KEY}

    without = await client.post(PATH, json={}, headers=headers)
    headers["X-Kiosk-Session"] = session
    reply = await client.post(PATH, json={}, headers=headers)
    await parts.visitors.end(device, session)
    late = await client.post(PATH, json={}, headers=headers)

    assert without.json()["code"] == "visitor_session_required"
    ticket = await SharedSecrets(parts.secrets).find(reply.json()["value"])
    assert ticket is not None
    assert ticket.conversation_id == visit.conversation_id
    assert ticket.caller.kind == "device"
    assert late.json()["code"] == "visitor_session_ended"


@pytest.mark.parametrize(
    "body",
    [
        {"expires_after": {"seconds": 9}},
        {"expires_after": {"seconds": 601}},
        {"expires_after": {"anchor": "now"}},
        {"session": {"type": "transcription"}},
        {"session": {"audio": {"input": {"transcription": {"language": "fr"}}}}},
    ],
)
async def test_what_cannot_be_promised_is_refused(
    client: httpx.AsyncClient, body: Any
) -> None:
    reply = await client.post(PATH, json=body)

    assert reply.status_code == 422
    assert reply.json()["errors"]


async def test_a_secret_is_known_by_its_digest_until_it_expires() -> None:
    now = [1000.0]
    records = MemoryRecords(clock=lambda: now[0])
    secrets = SharedSecrets(records, clock=lambda: now[0])
    caller = Caller("acme", "0123456789ab")

    value, expires_at = await secrets.issue(
        caller, conversation_id=None, config=b"", seconds=60
    )

    assert expires_at == 1060.0
    assert value not in str(records.kept)
    ticket = await secrets.find(value)
    assert ticket is not None
    assert ticket.caller == caller
    assert await secrets.find(value + "x") is None
    assert await secrets.find("ek_\ud800") is None
    now[0] = 1060.1
    assert await secrets.find(value) is None
