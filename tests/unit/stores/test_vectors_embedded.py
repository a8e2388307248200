"""The embedded engine: one owner, nothing lost, nothing heavy at import."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.documents import Passage
from domain.errors import ConfigurationError, RetrievalUnavailable
from language.sparse import encode_query
from stores.vectors import PassageStore, open_embedded
from stores.vectors_edge import EdgeBackend
from stores.vectors_points import tenant_filter

ROOT = Path(__file__).resolve().parents[3]

OWNER = """
import sys, time, uuid
from pathlib import Path
from domain.documents import Passage
from stores.vectors import open_embedded

store = open_embedded(Path(sys.argv[1]), collection="c")
store.open()
for n in range(int(sys.argv[2])):
    store.add([Passage(
        id=str(uuid.UUID(int=n + 1)), document_id="d", tenant="t", ordinal=n,
        text=f"passage number {n}", title="", file="",
    )])
print("ready", flush=True)
time.sleep(60)
"""


def make_passage(number: int, text: str = "a passage") -> Passage:
    return Passage(
        id=f"00000000-0000-4000-8000-{number:012}",
        document_id="d",
        tenant="t",
        ordinal=number,
        text=text,
        title="",
        file="",
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PassageStore]:
    store = open_embedded(tmp_path, collection="c")
    store.open()
    yield store
    store.close()


def start_owner(folder: Path, passages: int) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(folder), str(passages)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_what_was_added_survives_a_killed_process(tmp_path: Path) -> None:
    end(start_owner(tmp_path, 120))

    store = open_embedded(tmp_path, collection="c")
    store.open()

    assert store.count("t") == 120
    assert len(store.query("t", encode_query("number 77", "en"), limit=3)) == 3
    store.close()


def test_a_second_process_is_refused_and_harms_nothing(tmp_path: Path) -> None:
    owner = start_owner(tmp_path, 3)
    second = open_embedded(tmp_path, collection="c")

    with pytest.raises(ConfigurationError, match="Another process owns"):
        second.open()

    assert second.state() == "unavailable"
    end(owner)
    second.open()
    assert second.count("t") == 3
    second.close()


def test_a_second_store_in_one_process_is_refused_too(
    store: PassageStore, tmp_path: Path
) -> None:
    store.add([make_passage(1)])

    with pytest.raises(ConfigurationError):
        open_embedded(tmp_path, collection="c").open()

    store.add([make_passage(2)])
    assert store.count("t") == 2


def test_a_damaged_folder_says_what_to_do(tmp_path: Path) -> None:
    store = open_embedded(tmp_path, collection="c")
    store.open()
    store.add([make_passage(1)])
    store.close()
    (tmp_path / "c" / "shard" / "edge_config.json").write_text("{", "utf-8")

    again = open_embedded(tmp_path, collection="c")
    with pytest.raises(ConfigurationError, match="damaged"):
        again.open()

    # The lock was given back: another attempt fails for the same reason.
    with pytest.raises(ConfigurationError, match="damaged"):
        again.open()


def test_a_start_that_died_before_its_first_write_is_forgotten(
    tmp_path: Path,
) -> None:
    (tmp_path / "c" / "shard" / "segments").mkdir(parents=True)
    store = open_embedded(tmp_path, collection="c")
    store.open()

    store.add([make_passage(1)])

    assert store.count("t") == 1
    store.close()


def test_opening_twice_is_opening_once(store: PassageStore) -> None:
    store.open()

    assert store.state() == "embedded"


def test_a_folder_that_cannot_be_made_is_a_setting_error(tmp_path: Path) -> None:
    (tmp_path / "c").write_text("a file", "utf-8")

    with pytest.raises(ConfigurationError, match="cannot be written"):
        open_embedded(tmp_path, collection="c").open()


def test_calls_during_a_close_end_or_fail_cleanly(tmp_path: Path) -> None:
    store = open_embedded(tmp_path, collection="c")
    store.open()
    store.add([make_passage(n) for n in range(200)])
    failures: list[BaseException] = []

    def read() -> None:
        try:
            while True:
                store.query("t", encode_query("passage", "en"), limit=50)
        except RetrievalUnavailable:
            return
        except BaseException as exc:  # noqa: BLE001
            failures.append(exc)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    store.close()
    for thread in threads:
        thread.join(20)

    assert failures == []
    assert not any(thread.is_alive() for thread in threads)


def test_segments_are_merged_in_the_background(tmp_path: Path) -> None:
    backend = EdgeBackend(tmp_path / "c", flush_seconds=0.01, optimize_above=50)
    store = PassageStore(backend, collection="c")
    store.open()
    optimized = threading.Event()
    client = backend.client
    original = client.optimize

    def optimize() -> None:
        original()
        optimized.set()

    client.optimize = optimize  # type: ignore[method-assign]
    store.add([make_passage(n) for n in range(60)])

    assert optimized.wait(20)
    assert store.count("t") == 60
    store.close()


def test_every_condition_names_the_tenant() -> None:
    for wanted in (
        tenant_filter("t"),
        tenant_filter("t", document_id="d", language="id"),
        tenant_filter("t", among=["a"], without=["b"], lacking="dense"),
    ):
        assert isinstance(wanted.must, list)
        first = wanted.must[0].model_dump(exclude_none=True)
        assert first == {"key": "metadata.tenant", "match": {"value": "t"}}


def test_importing_and_opening_load_nothing_heavy(tmp_path: Path) -> None:
    program = (
        "import sys, stores.vectors, knowledge.search\n"
        "heavy = {'langchain_qdrant', 'qdrant_client', 'numpy', 'openai'}\n"
        "print(sorted(heavy & sys.modules.keys()))\n"
    )

    found = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )

    assert found.stdout == "[]\n"


def test_a_fresh_process_can_search_at_once(store: PassageStore) -> None:
    began = time.monotonic()

    assert store.query("t", encode_query("anything", "en"), limit=5) == []

    assert time.monotonic() - began < 30
