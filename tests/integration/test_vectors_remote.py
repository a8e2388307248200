"""A Qdrant server that is away, slow, strict, or shared."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.documents import Passage, SearchQuery
from domain.errors import RetrievalUnavailable
from knowledge.search import PassageSearch
from stores.vectors import open_remote
from tests.fakes.qdrant_server import FakeQdrant, serve_qdrant

ROOT = Path(__file__).resolve().parents[2]

WRITER = """
import sys, uuid
from domain.documents import Passage
from stores.vectors import open_remote

store = open_remote(sys.argv[1], collection="shared")
store.open()
for n in range(10):
    store.add([Passage(
        id=str(uuid.uuid4()), document_id="d", tenant="t", ordinal=n,
        text=f"passage {n}", title="", file="",
    )])
store.close()
"""


@pytest.fixture
def server() -> Iterator[FakeQdrant]:
    with serve_qdrant() as fake:
        yield fake


def make_passage(text: str) -> Passage:
    return Passage(
        id="00000000-0000-4000-8000-000000000001",
        document_id="d",
        tenant="t",
        ordinal=0,
        text=text,
        title="",
        file="",
    )


def test_a_server_that_is_away_does_not_stop_the_start() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        store = open_remote(
            f"http://127.0.0.1:{reserved.getsockname()[1]}", collection="c"
        )
        store.open()

        with pytest.raises(RetrievalUnavailable):
            store.count("t")

    assert store.state() == "unavailable"
    store.close()


def test_a_server_that_came_back_is_used_again(server: FakeQdrant) -> None:
    store = open_remote(server.url, collection="c")
    store.open()
    store.add([make_passage("a walnut")])
    server.failing = 500

    with pytest.raises(RetrievalUnavailable):
        store.count("t")
    assert store.state() == "unavailable"

    server.failing = None
    assert store.count("t") == 1
    assert store.state() == "ok"
    store.close()


def test_a_silent_server_costs_no_more_than_the_timeout() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        store = open_remote(
            f"http://127.0.0.1:{silent.getsockname()[1]}",
            collection="c",
            timeout_seconds=1.0,
        )
        store.open()
        began = time.monotonic()

        with pytest.raises(RetrievalUnavailable):
            store.count("t")

    assert time.monotonic() - began < 15
    store.close()


@pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection")
def test_a_wrong_key_is_refused_and_the_right_one_taken(server: FakeQdrant) -> None:
    server.api_key = "right"
    wrong = open_remote(server.url, api_key="wrong", collection="c")
    right = open_remote(server.url, api_key="right", collection="c")

    with pytest.raises(RetrievalUnavailable):
        wrong.count("t")

    assert right.count("t") == 0
    wrong.close()
    right.close()


def test_a_collection_dropped_behind_our_back_is_made_again(
    server: FakeQdrant,
) -> None:
    store = open_remote(server.url, collection="c")
    store.add([make_passage("a walnut")])
    other = open_remote(server.url, collection="c")
    store._backend.client.delete_collection("c")

    with pytest.raises(RetrievalUnavailable):
        store.count("t")

    assert store.count("t") == 0
    store.add([make_passage("a walnut")])
    assert other.count("t") == 1
    store.close()
    other.close()


def test_several_processes_write_one_collection(server: FakeQdrant) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, server.url],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for _ in range(3)
    ]
    assert [process.wait(120) for process in processes] == [0, 0, 0]

    store = open_remote(server.url, collection="shared")
    assert store.count("t") == 30
    store.close()


async def test_a_search_goes_over_the_wire(server: FakeQdrant) -> None:
    store = open_remote(server.url, collection="c")
    store.open()
    store.add([make_passage("The library is open from 08.00 to 20.00.")])
    search = PassageSearch(store)

    found = await search.search(SearchQuery("t", "When is the library open?"))

    assert [passage.document_id for passage in found.passages] == ["d"]
    assert found.language == "en"
    server.failing = 503
    with pytest.raises(RetrievalUnavailable):
        await search.search(SearchQuery("t", "Where is the library?"))
    search.close()
    store.close()


@pytest.mark.skipif(
    "TANYA_TEST_QDRANT_URL" not in os.environ,
    reason="set TANYA_TEST_QDRANT_URL to a Qdrant server to run this",
)
def test_a_real_server_agrees() -> None:
    store = open_remote(
        os.environ["TANYA_TEST_QDRANT_URL"], collection=f"test{time.time_ns()}"
    )
    store.open()
    store.add([make_passage("The library is open from 08.00 to 20.00.")])
    found = PassageSearch(store).search_now(SearchQuery("t", "library open"))

    assert found.passages[0].signals["coverage"] == 1.0
    store.remove("t", "d")
    assert store.count("t") == 0
    store.close()
