"""What people say, and every secret, stays out of every log line."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from domain.errors import AppError, UpstreamError
from tests.fakes.http import CHAT, make_client, make_settings
from tests.fakes.services import KEY, OTHER_KEY, FakeParts
from utils.logging_config import configure_logging

CANARY = "canary-7f3a"


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging(make_settings(log_level="DEBUG"), stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)


@pytest.mark.parametrize(
    "failure",
    [None, UpstreamError(), RuntimeError(f"model said {CANARY}"), KeyError(CANARY)],
    ids=["none", "ours", "text", "key"],
)
async def test_no_log_line_holds_what_was_said_or_a_key(
    parts: FakeParts, output: io.StringIO, failure: Exception | AppError | None
) -> None:
    parts.rag.failure_midway = failure
    body = {
        "message": f"Kapan {CANARY}?",
        "selected_text": CANARY,
        "page": {"title": CANARY},
        "user": {"name": CANARY, CANARY: CANARY},
    }
    async with make_client(parts) as client:
        await client.post("/v1/chat", json=body, headers=CHAT)
        await client.post("/v1/chat", json=body | {"stream": True}, headers=CHAT)
        await client.post("/v1/chat", json=body | {"language": CANARY}, headers=CHAT)
        await client.post("/v1/chat", content=f"{{{CANARY}", headers=CHAT)
        await client.post(f"/v1/chat?q={CANARY}", json=body)
        await client.get(f"/v1/{CANARY}", headers={"X-API-Key": CANARY})
        await client.get("/v1/documents", headers={"X-API-Key": OTHER_KEY})
        await client.get("/v1/documents", headers={"Authorization": f"Bearer {CANARY}"})
        await client.post(
            "/v1/documents",
            files={"file": (f"{CANARY}.txt", CANARY.encode())},
            data={"title": CANARY, "url": f"https://a.b/{CANARY}"},
        )
        await client.post("/v1/documents", json={"title": CANARY, "text": CANARY})
        await client.patch("/v1/conversations/kiosk-7", json={"title": CANARY})
        await client.post(
            "/v1/conversations/kiosk-7/feedback",
            json={"message_id": CANARY, "kind": "positive", "comment": CANARY},
        )
        metrics = (await client.get("/metrics")).text

    written = output.getvalue()
    lines = [json.loads(line) for line in written.splitlines()]
    assert len(lines) >= 13
    for secret in (CANARY, KEY, OTHER_KEY):
        assert secret not in written
        assert secret not in metrics


async def test_each_request_has_one_access_line(
    parts: FakeParts, output: io.StringIO
) -> None:
    async with make_client(parts) as client:
        await client.post(
            "/v1/chat", json={"message": "a", "stream": True}, headers=CHAT
        )
        await client.get("/v1/conversations/kiosk-7", headers={"X-Request-ID": "t-1"})
        await client.get("/v1/nothing")

    lines = [
        entry
        for entry in map(json.loads, output.getvalue().splitlines())
        if entry["message"] == "request_answered"
    ]
    assert [(line["path"], line["status"]) for line in lines] == [
        ("/v1/chat", 200),
        ("/v1/conversations/{conversation_id}", 200),
        ("unmatched", 404),
    ]
    assert lines[1]["request_id"] == "t-1"
    assert lines[1]["tenant"] == "default"
    assert "tenant" not in lines[2]
    assert all(line["duration_ms"] >= 0 for line in lines)
