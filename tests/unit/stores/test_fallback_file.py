from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.base import empty_checkpoint

from domain.errors import LeaseLost, StateCorrupt, StateUnavailable
from stores import fallback_file
from stores.fallback_checkpoints import FileCheckpointer
from stores.fallback_file import StateFile
from stores.fallback_leases import FileLeases
from stores.fallback_lines import FileLines
from stores.leases import FULL, GRANTED, LEASE_SECONDS, WAITING, Lease


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def file(tmp_path: Path, clock: Clock) -> Any:
    made = StateFile(tmp_path / "deep" / "state.sqlite3", ttl_seconds=100, clock=clock)
    yield made
    made.close()


def config(token: str | None = None, checkpoint_id: str | None = None) -> Any:
    entries: dict[str, Any] = {"thread_id": "acme/desk", "checkpoint_ns": ""}
    if token:
        entries["__fence_token"] = token
    if checkpoint_id:
        entries["checkpoint_id"] = checkpoint_id
    return {"configurable": entries}


def checkpoint(*texts: str) -> Any:
    made = empty_checkpoint()
    messages = [HumanMessage(text, id=text) for text in texts]
    made["channel_values"] = {"messages": messages}
    made["channel_versions"] = {"messages": len(texts)}
    return made


def texts(saver: FileCheckpointer) -> list[str]:
    found = saver.get_tuple(config())
    assert found is not None
    return [message.text for message in found.checkpoint["channel_values"]["messages"]]


def test_only_this_user_can_read_the_file(file: StateFile, tmp_path: Path) -> None:
    file.purge()

    assert (tmp_path / "deep" / "state.sqlite3").stat().st_mode & 0o077 == 0
    assert (tmp_path / "deep").stat().st_mode & 0o077 == 0


def test_the_newest_checkpoint_is_kept_until_it_expires(
    file: StateFile, clock: Clock
) -> None:
    saver = FileCheckpointer(file)
    stored = saver.put(config(), checkpoint("a"), {"step": 1}, {})
    saver.put(stored, checkpoint("a", "b"), {"step": 2}, {})
    assert texts(saver) == ["a", "b"]

    clock.now += 101
    assert saver.get_tuple(config()) is None
    file.purge()
    assert list(saver.list(None)) == []


def test_a_turn_that_came_between_is_merged(file: StateFile) -> None:
    saver = FileCheckpointer(file)
    base = saver.put(config(), checkpoint("a"), {}, {})
    saver.put(base, checkpoint("a", "b"), {}, {})

    saver.put(base, checkpoint("a", "c"), {}, {})

    assert texts(saver) == ["a", "b", "c"]


def test_a_lost_lease_is_noticed(file: StateFile, clock: Clock) -> None:
    saver = FileCheckpointer(file)
    leases = FileLeases(FileLines(file, authoritative=True))
    assert leases._try_acquire("acme/desk", "f-1") == GRANTED
    saver.put(config("f-1"), checkpoint("a"), {}, {})

    clock.now += LEASE_SECONDS + 1
    assert leases._try_acquire("acme/desk", "f-2") == GRANTED

    with pytest.raises(LeaseLost):
        saver.put(config("f-1"), checkpoint("b"), {}, {})
    assert not leases._renew("acme/desk", "f-1")
    leases._leave("acme/desk", "f-1")
    assert leases._renew("acme/desk", "f-2")


def test_the_line_is_served_in_order_and_bounded(file: StateFile, clock: Clock) -> None:
    leases = FileLeases(FileLines(file, authoritative=True))
    names = [f"f-{number}" for number in range(6)]
    answers = []
    for name in names:
        clock.now += 0.01
        answers.append(leases._try_acquire("t", name))
    assert answers == [GRANTED, WAITING, WAITING, WAITING, WAITING, FULL]

    leases._leave("t", "f-0")
    assert leases._try_acquire("t", "f-2") == WAITING
    assert leases._try_acquire("t", "f-1") == GRANTED
    # Whoever stopped asking has died and blocks nobody.
    clock.now += 10
    leases._leave("t", "f-1")
    assert leases._try_acquire("t", "f-4") == GRANTED


def test_a_damaged_record_is_said_and_removed(file: StateFile) -> None:
    saver = FileCheckpointer(file)
    saver.put(config(), checkpoint("a"), {}, {})
    with file.write() as connection:
        connection.execute("UPDATE checkpoints SET record = substr(record, 1, 40)")

    with pytest.raises(StateCorrupt):
        saver.get_tuple(config())
    assert saver.get_tuple(config()) is None


def test_a_file_that_is_none_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite3"
    path.write_bytes(b"not a database, but long enough to be looked at" * 100)
    file = StateFile(path)

    FileCheckpointer(file).put(config(), checkpoint("a"), {}, {})

    assert texts(FileCheckpointer(file)) == ["a"]
    assert path.with_suffix(".damaged").exists()
    file.close()


def test_a_file_that_is_held_for_too_long_is_unavailable(
    file: StateFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fallback_file, "BUSY_SECONDS", 0.05)
    file.purge()
    other = sqlite3.connect(tmp_path / "deep" / "state.sqlite3", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")

    with pytest.raises(StateUnavailable):
        FileCheckpointer(file).put(config(), checkpoint("a"), {}, {})

    other.execute("ROLLBACK")
    other.close()
    FileCheckpointer(file).put(config(), checkpoint("a"), {}, {})


def test_a_child_opens_the_file_anew(file: StateFile) -> None:
    saver = FileCheckpointer(file)
    saver.put(config(), checkpoint("a"), {}, {})
    child = os.fork()
    if child == 0:
        code = 1
        try:
            stored = saver.get_tuple(config())
            assert stored is not None
            saver.put(stored.config, checkpoint("a", "child"), {}, {})
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert texts(saver) == ["a", "child"]


def test_a_deleted_conversation_is_a_mark_until_redis_has_heard_of_it(
    file: StateFile,
) -> None:
    lines = FileLines(file, authoritative=False)
    lease = Lease("acme", "desk", "f-1")
    lease.describe(title="one", turns=1)
    lines.note(lease, changed=False)
    assert lines.changed_threads() == []

    assert lines.remove("acme", "desk")
    assert not lines.remove("acme", "desk")
    line = lines.find_line("acme/desk")
    assert line is not None
    assert line.deleted
    assert line.wipe
    assert lines.find_summary("acme", "desk") is None
    assert lines.changed_threads() == ["acme/desk"]

    lines.settled(line)
    assert lines.find_line("acme/desk") is None
