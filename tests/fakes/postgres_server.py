"""A real PostgreSQL on a socket of its own, started by an ordinary user."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PLACES = ("/usr/lib/postgresql", "/usr/local/pgsql", "/opt/homebrew/opt/postgresql")


def find_programs() -> Path | None:
    """Return the folder of `initdb` and `pg_ctl`, the newest version first, or None."""
    found = sorted(
        (
            path.parent
            for place in _PLACES
            for path in Path(place).glob("**/bin/initdb")
        ),
        reverse=True,
    )
    if found:
        return found[0]
    in_path = shutil.which("initdb")
    return Path(in_path).resolve().parent if in_path else None


class PostgresServer:
    """One server in a folder that is removed at the end."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        # PostgreSQL refuses to run as root; then anybody without rights will do.
        self._user = "nobody" if os.geteuid() == 0 else None
        # A socket's path has a short limit: not in pytest's folder.
        self._folder = Path(tempfile.mkdtemp(prefix="tanya-pg-", dir="/tmp"))
        if self._user:
            os.chown(self._folder, pwd.getpwnam(self._user).pw_uid, -1)
            self._folder.chmod(0o755)
        self._data = self._folder / "data"

    @property
    def url(self) -> str:
        """SQLAlchemy URL of a database that is there."""
        return f"postgresql+psycopg://tester@/postgres?host={self._folder}"

    def init(self) -> None:
        """Make the files of a server."""
        self._run(
            "initdb", "-D", str(self._data), "-U", "tester", "-A", "trust",
            "-E", "UTF8", "--no-sync",
        )  # fmt: skip

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = f"-k {self._folder} -c listen_addresses= -c fsync=off"
        self._run(
            "pg_ctl", "-D", str(self._data), "-w", "-t", "60", "-o", options,
            "-l", str(self._folder / "log"), "start",
        )  # fmt: skip

    def stop(self) -> None:
        """Stop it without waiting for clients."""
        self._run("pg_ctl", "-D", str(self._data), "-m", "immediate", "-w", "stop")

    def remove(self) -> None:
        """Stop it when it runs and remove its files."""
        if (self._data / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._programs / program), *arguments],
            user=self._user,
            cwd=self._folder,
            env={"PATH": os.defpath, "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=120,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr.decode()[-500:]}")


@contextmanager
def serve_postgres(programs: Path) -> Iterator[PostgresServer]:
    """Run a server for the length of a block."""
    server = PostgresServer(programs)
    try:
        server.init()
        server.start()
        yield server
    finally:
        server.remove()
