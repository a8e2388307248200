"""A real service for the tests of this folder; each module gets its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.service import RunningService, start_service

SAMPLES = Path(__file__).resolve().parents[2] / "samples" / "documents"
INGEST_SECONDS = 60.0


@pytest.fixture(scope="module")
def api_service() -> Iterator[RunningService]:
    with start_service() as running:
        yield running


@pytest.fixture
def api(api_service: RunningService) -> Iterator[httpx.Client]:
    with api_service.client() as client:
        yield client


@pytest.fixture
def ingest() -> Callable[[httpx.Client, Path], Any]:
    return ingest_file


def ingest_file(client: httpx.Client, path: Path) -> Any:
    """Upload *path* and return its document once nothing more happens to it."""
    reply = client.post("/v1/documents", files={"file": (path.name, path.read_bytes())})
    assert reply.status_code in {200, 202}, reply.text
    return settle(client, reply.json()["document_id"])


def settle(client: httpx.Client, document_id: str) -> Any:
    """Return the document once it is ready or failed."""
    end = time.monotonic() + INGEST_SECONDS
    while time.monotonic() < end:
        body = client.get(f"/v1/documents/{document_id}").json()
        if body["status"] in {"ready", "failed"}:
            return body
        time.sleep(0.1)
    raise AssertionError("the document did not settle")
