"""
Whose a lock is, and whether that process still lives, as far as this host can tell.

A killed worker cannot hand back what it held. A process beside it, on the same host,
can see that it is gone and need not wait for the lock to expire. A mistake would cost
a turn, never a conversation: whoever lost its lock is refused when it writes.
"""

from __future__ import annotations

import functools
import hashlib
import os
from pathlib import Path

_PROC = Path("/proc")
# Nothing else in a token or a claim contains it.
_SEPARATOR = "@"


def sign(token: str) -> str:
    """Return *token* with the mark of this process, where it has one."""
    mark = _own_mark(os.getpid())
    return f"{token}{_SEPARATOR}{mark}" if mark else token


def owner_is_gone(token: str) -> bool:
    """
    Return whether the process that signed *token* has ended.

    False in every case of doubt: unsigned, another host, another container.
    """
    host, _, process = token.rpartition(_SEPARATOR)[2].partition(".")
    pid, _, started = process.partition(".")
    if not (pid.isdigit() and started.isdigit()) or host != _host():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    found = _read_start(int(pid))
    return found is not None and found != started


@functools.lru_cache(maxsize=1)
def _own_mark(pid: int) -> str:
    # Called with the process id, so that a forked child does not take its parent's.
    host, started = _host(), _read_start(pid)
    return f"{host}.{pid}.{started}" if host and started else ""


@functools.lru_cache(maxsize=1)
def _host() -> str:
    """Return a name for this boot of this kernel and this space of process ids."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        space = (_PROC / "self/ns/pid").readlink()
    except OSError:
        return ""
    return hashlib.blake2b(f"{boot} {space}".encode(), digest_size=6).hexdigest()


def _read_start(pid: int) -> str | None:
    """Return when *pid* began, in ticks since the boot; "" when it only waits."""
    try:
        line = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    # The name before may hold blanks and brackets; the state is the third field.
    fields = line.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]
