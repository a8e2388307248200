"""A process can tell whether what another one signed still has a living owner."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stores.leases import new_token
from stores.owners import owner_is_gone, sign

ROOT = Path(__file__).resolve().parents[3]
_SIGN = "from stores.owners import sign; print(sign('x'), flush=True); input()"


@pytest.fixture
def other() -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", _SIGN],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()
        process.kill()


def test_what_lives_is_not_gone(other: tuple[subprocess.Popen[str], str]) -> None:
    process, token = other

    assert not owner_is_gone(sign("mine"))
    assert not owner_is_gone(token)
    process.send_signal(signal.SIGSTOP)
    assert not owner_is_gone(token)
    process.send_signal(signal.SIGCONT)


def test_what_was_killed_is_gone_even_before_it_is_buried(
    other: tuple[subprocess.Popen[str], str],
) -> None:
    process, token = other

    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

    assert owner_is_gone(token)
    process.wait()
    assert owner_is_gone(token)


def test_a_number_that_was_given_to_another_process_is_gone() -> None:
    host, pid, started = sign("t").rpartition("@")[2].split(".")

    assert owner_is_gone(f"t@{host}.{pid}.{int(started) - 1}")


@pytest.mark.parametrize(
    "token",
    [
        "",
        "r-abc",
        "r-abc@",
        "r-abc@other.1.1",
        "r-abc@a.b.c",
        "r-abc@{host}.x.1",
        "r-abc@{host}.1",
        "r-abc@{host}.99999999999999999999.1",
        "r-abc@{host}.-1.5",
    ],
)
def test_in_doubt_nobody_is_gone(token: str) -> None:
    host = sign("t").rpartition("@")[2].split(".")[0]

    assert not owner_is_gone(token.format(host=host))


def test_a_child_signs_for_itself() -> None:
    sign("before the fork")
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writer, new_token().encode())
        os._exit(0)
    os.close(writer)
    token = os.read(reader, 500).decode()
    os.close(reader)
    os.waitpid(pid, 0)

    assert f".{pid}." in token
    assert owner_is_gone(token)
