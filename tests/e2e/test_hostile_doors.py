"""Every door in the published document, whoever added it, refuses what it must."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.e2e.hostile_service import SECURITY, hostile_service
from tests.fakes.problems import assert_problem
from tests.service import RunningService

METHODS = ("get", "post", "put", "patch", "delete")
PROBES = {"/health", "/ready", "/metrics"}
BODIES: dict[str, bytes] = {
    "nothing": b"",
    "half": b'{"a": ',
    "nan": b'{"a": NaN}',
    "surrogate": b'{"a": "\\ud800"}',
    "twice": b'{"a": 1, "a": 2}',
    "deep": b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}",
    "latin-1": b'{"a": "\xe9"}',
    "utf-16": '{"a": 1}'.encode("utf-16"),
    "list": b"[]",
    "number": b"1",
    "null": b"null",
    "large": b'{"a": "' + b"b" * 140_000 + b'"}',
}
KEYS: dict[str, dict[str, str]] = {
    "none": {},
    "empty": {"X-API-Key": ""},
    "wrong": {"X-API-Key": "tanya_wrong"},
    "bearer": {"Authorization": "Bearer sk-wrong"},
    "secret": {"Authorization": "Bearer ek_" + "a" * 43},
    "session": {"X-Kiosk-Session": "a" * 43},
    "cookie": {"Cookie": "X-API-Key=a; session=b"},
}


@pytest.fixture(scope="module")
def service() -> Iterator[RunningService]:
    with hostile_service() as running:
        yield running
        log = running.log()
    assert not re.search(r'"status":5\d\d|"level":"(ERROR|CRITICAL)"', log)


@pytest.fixture(scope="module")
def stranger(service: RunningService) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.url, timeout=30, trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
def operations(stranger: httpx.Client) -> list[tuple[str, str, Any]]:
    document = stranger.get("/openapi.json").json()
    return [
        (method.upper(), re.sub(r"\{\w+\}", "a", path), item[method])
        for path, item in document["paths"].items()
        for method in METHODS
        if method in item
    ]


def assert_refused(reply: httpx.Response, *statuses: int) -> None:
    """Check an error of either shape: a problem, or OpenAI's on its paths."""
    assert reply.status_code in statuses, f"{reply.request.url} {reply.text}"
    for name, value in SECURITY.items():
        assert reply.headers[name] == value
    if "error" in reply.json():
        assert set(reply.json()) == {"error"}
        assert set(reply.json()["error"]) == {"message", "type", "code", "param"}
        assert reply.headers["x-request-id"]
    else:
        assert_problem(reply, reply.status_code)


@pytest.mark.parametrize("name", KEYS)
def test_no_door_opens_without_a_key(
    stranger: httpx.Client, operations: list[tuple[str, str, Any]], name: str
) -> None:
    opened = []
    for method, path, operation in operations:
        if path in PROBES or operation.get("security") == []:
            continue
        reply = stranger.request(method, path, headers=KEYS[name], json={})
        if not operation.get("security"):
            # It opens by what is in its body, and `{}` holds nothing.
            opened.append(path)
            assert_refused(reply, 401, 404, 410, 422)
        else:
            assert_refused(reply, 401)

    assert len(operations) >= 20
    assert len(opened) <= 2, opened


@pytest.mark.parametrize("name", BODIES)
def test_no_door_takes_a_body_that_is_not_json(
    service: RunningService, operations: list[tuple[str, str, Any]], name: str
) -> None:
    tried = 0
    with service.client() as client:
        for method, path, operation in operations:
            content = operation.get("requestBody", {}).get("content", {})
            if "application/json" not in content:
                continue
            headers = {"Content-Type": "application/json", "X-Conversation-Id": "a"}
            reply = client.request(method, path, headers=headers, content=BODIES[name])
            if reply.status_code == 200:
                # A door whose whole body may be left out.
                assert (path, name) == ("/v1/realtime/client_secrets", "nothing")
                continue
            assert_refused(reply, 400, 403, 404, 413, 422)
            tried += 1

    assert tried >= 6


def test_no_door_is_known_by_a_method_that_is_not_described(
    service: RunningService, operations: list[tuple[str, str, Any]]
) -> None:
    described = {(method, path) for method, path, _ in operations}
    paths = {path for _, path in described}
    with service.client() as client:
        for path in paths:
            for method in ("PUT", "TRACE", "PROPFIND", "FOO"):
                if (method, path) not in described:
                    reply = client.request(method, path)
                    assert_refused(reply, 404, 405)
