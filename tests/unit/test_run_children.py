"""Programs live and end with the one that started them."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher import children as launcher_children
from launcher.children import Children

SLEEP = "import time; time.sleep(600)"
STUBBORN = (
    "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "open(sys.argv[1], 'w').close(); time.sleep(600)"
)


@pytest.fixture
def children() -> Iterator[Children]:
    children = Children()
    yield children
    children.tell_to_stop()
    children.tell_to_stop()
    children.stop()


def _start(children: Children, name: str, code: str, *arguments: str) -> int:
    children.start(name, ["-c", code, *arguments], environ=os.environ, silent=True)
    return children.running[name].pid


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_all_are_ended(children: Children) -> None:
    pids = [_start(children, name, SLEEP) for name in ("one", "two")]

    children.stop()

    assert not any(map(_lives, pids))


def test_one_that_ends_by_itself_is_named_with_its_status(children: Children) -> None:
    _start(children, "patient", SLEEP)
    _start(children, "hasty", "raise SystemExit(7)")
    children.running["hasty"].wait(20)

    assert children.find_ended() == ("hasty", 7)


def test_waiting_ends_when_a_program_does(children: Children) -> None:
    _start(children, "hasty", "pass")

    assert children.wait_for(lambda: False, seconds=60) is False


def test_waiting_ends_when_time_is_up(children: Children) -> None:
    _start(children, "patient", SLEEP)

    assert children.wait_for(lambda: False, seconds=0.2) is False
    assert children.wait_for(lambda: True, seconds=5) is True


def test_waiting_ends_when_told_to_stop(children: Children) -> None:
    _start(children, "patient", SLEEP)
    children.tell_to_stop()

    assert children.wait_for(lambda: False, seconds=60) is False


@pytest.mark.parametrize("status", [0, 3])
def test_a_program_that_is_waited_for_gives_its_status(
    children: Children, status: int
) -> None:
    command = ["-c", f"raise SystemExit({status})"]

    assert children.run(command, environ=os.environ) == status


def test_a_program_that_is_waited_for_ends_when_told_to_stop(
    children: Children,
) -> None:
    timer = threading.Timer(0.3, children.tell_to_stop)
    timer.start()

    assert children.run(["-c", SLEEP], environ=os.environ) is None


def test_a_second_signal_ends_a_stubborn_one(
    children: Children, tmp_path: Path
) -> None:
    flag = tmp_path / "ready"
    pid = _start(children, "stubborn", STUBBORN, str(flag))
    assert children.wait_for(flag.exists, seconds=20)
    children.tell_to_stop()
    timer = threading.Timer(0.3, children.tell_to_stop)
    timer.start()

    children.stop()

    assert not _lives(pid)


def test_a_stubborn_one_is_ended_by_force_after_a_while(
    children: Children, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launcher_children, "STOP_SECONDS", 0.2)
    flag = tmp_path / "ready"
    pid = _start(children, "stubborn", STUBBORN, str(flag))
    assert children.wait_for(flag.exists, seconds=20)
    begun = time.monotonic()

    children.stop()

    assert not _lives(pid)
    assert time.monotonic() - begun < 20


def test_a_program_cannot_read_the_terminal(children: Children) -> None:
    command = ["-c", "import sys; raise SystemExit(len(sys.stdin.read()))"]

    assert children.run(command, environ=os.environ) == 0


LOGGING = (
    "import sys; sys.stderr.write('07:00:00 INFO a: started\\n');"
    "sys.stderr.write('07:00:01 WARNING b: odd\\n')"
)


@pytest.mark.parametrize("hushed", [True, False])
def test_a_hushed_program_is_heard_from_warnings_upwards(
    children: Children, capfdbinary: pytest.CaptureFixture[bytes], *, hushed: bool
) -> None:
    if hushed:
        children.hushed.set()
    _start(children, "logging", LOGGING)
    children.running["logging"].wait(20)

    children.hear_out()

    heard = capfdbinary.readouterr().err
    assert b"odd" in heard
    assert (b"started" in heard) is not hushed
