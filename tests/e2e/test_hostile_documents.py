"""Hostile documents by HTTP: each fails alone, in bounded time and memory."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.conftest import settle
from tests.fakes.bombs import Bomb, all_bombs
from tests.fakes.bombs_more import more_bombs
from tests.fakes.problems import assert_problem
from tests.service import RunningService, start_service

BOMBS = more_bombs()
# The sandbox bounds the time of a file by its size; a loaded machine adds some.
MOST_SECONDS = 90.0
MOST_GROWTH_MB = 200


@pytest.fixture(scope="module")
def service() -> Iterator[RunningService]:
    with start_service() as running:
        yield running


@pytest.fixture
def client(service: RunningService) -> Iterator[httpx.Client]:
    with service.client(timeout=60) as made:
        yield made


def resident_mb(service: RunningService) -> float:
    """Return the memory of the largest worker, megabytes; its children aside."""
    sizes = [0.0]
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            text = status.read_text()
        except OSError:
            continue
        if f"PPid:\t{service.pid}\n" in text:
            found = re.search(r"VmRSS:\s+(\d+) kB", text)
            sizes.append(int(found[1]) / 1024 if found else 0)
    return max(sizes)


@pytest.mark.parametrize("bomb", BOMBS, ids=lambda bomb: bomb.name)
def test_a_hostile_document_fails_alone(
    service: RunningService, client: httpx.Client, bomb: Bomb
) -> None:
    before, begun = resident_mb(service), time.monotonic()

    reply = client.post("/v1/documents", files={"file": (bomb.file, bomb.content)})

    if reply.status_code == 415:
        assert_problem(reply, 415, "document_type_unsupported")
    else:
        assert reply.status_code == 202, reply.text
        while_it_runs = time.monotonic()
        assert client.get("/health").status_code == 200
        assert time.monotonic() - while_it_runs < 5
        document = settle(client, reply.json()["document_id"])
        assert document["status"] in {"ready", "failed"}
        assert not (bomb.refused and document["status"] == "ready"), document
        if document["status"] == "failed":
            assert document["error"]
            assert str(service.data_dir) not in document["error"]
            assert "Error" not in document["error"]
    assert time.monotonic() - begun < MOST_SECONDS
    assert resident_mb(service) - before < MOST_GROWTH_MB


def test_after_all_of_them_an_honest_document_is_taken_in(client: httpx.Client) -> None:
    body = {"title": "Kolam", "text": "Kolam renang buka pukul sembilan."}

    reply = client.post("/v1/documents", json=body)

    assert settle(client, reply.json()["document_id"])["status"] == "ready"


def test_there_are_bombs_of_every_format() -> None:
    bombs = [*all_bombs(), *BOMBS]

    assert len(bombs) >= 40
    assert {bomb.file.rpartition(".")[2] for bomb in bombs} == {
        *("pdf", "docx", "html", "md", "txt", "csv", "xlsx", "pptx"),
    }
