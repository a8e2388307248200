"""A Redis server of our own in the data folder, shared by all processes of a host."""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import re
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from domain.errors import ConfigurationError, StateUnavailable
from stores.redis_program import (
    config_text,
    find_program,
    scripts_are_safe,
    version_of,
)

log = logging.getLogger(__name__)

# sun_path holds 108 bytes on Linux and 104 elsewhere, the closing NUL included.
LONGEST_SOCKET_PATH = 100

# A server that is being started answers within 0.2 s; one that reads a full data file
# of 256 MB needs a few seconds on a slow disk.
START_SECONDS = 30.0

# Written in the data folder: who holds it is starting or stopping the server.
_START_LOCK = "start.lock"
# Held by the server itself for as long as it lives, through an inherited descriptor.
_SERVER_LOCK = "server.lock"


class EmbeddedRedis:
    """
    Start, find and stop the one server of a folder.

    The server listens on a unix socket only that this user can reach, keeps its data in
    an append-only file (one second may be lost), refuses writes when it is full, and
    belongs to no process: it outlives whoever started it until `stop`.

    Args:
        folder: Its data; made with mode 0700.
        server_bin: Program to run; default: see `find_server_bin`.
        max_memory_mb: Data it may hold, MB; a conversation takes about 1.3 kB a turn.
    """

    def __init__(
        self,
        folder: Path,
        *,
        server_bin: Path | None = None,
        max_memory_mb: int = 256,
    ) -> None:
        self._folder = folder.absolute()
        self._server_bin = server_bin
        self._max_memory_mb = max_memory_mb
        self._scripting: bool | None = None

    @property
    def scripting(self) -> bool:
        """True when the running server takes Lua scripts; known after `start`."""
        return bool(self._scripting)

    @property
    def url(self) -> str:
        """Where the server of this folder listens, or will once it is started."""
        return "unix://" + quote(str(self._socket_path()))

    def find_server_bin(self) -> Path | None:
        """Return the configured program, valkey, redis, or the bundled one."""
        return find_program(self._server_bin)

    def start(self) -> str:
        """
        Return the URL of the running server, starting it if there is none.

        Blocking; every process may call it at any time.

        Raises:
            ConfigurationError: There is no program, or it cannot read the data.
            StateUnavailable: The server runs and does not answer.
        """
        _make_private(self._folder)
        sock = self._socket_path()
        if not _answers(sock):
            with _locked(self._folder / _START_LOCK):
                sock = self._start_locked()
        try:
            about = _ask(sock, b"COMMAND", b"INFO", b"EVAL")
        except OSError:
            raise StateUnavailable(retry_after_seconds=5.0) from None
        self._scripting = b"eval" in about.lower()
        return self.url

    def stop(self) -> None:
        """End the server, its data written out; nothing happens when there is none."""
        if not self._folder.is_dir():
            return
        with _locked(self._folder / _START_LOCK):
            self._stop_locked()

    def running(self) -> bool:
        """Return whether the server of this folder lives."""
        return self._folder.is_dir() and _is_held(self._folder / _SERVER_LOCK)

    def _start_locked(self) -> Path:
        sock = self._socket_path()
        if self.running():
            if self._wait_for(sock):
                return sock
            if _connects(sock):
                raise StateUnavailable(retry_after_seconds=5.0)
            # It lives, but nobody can reach it any more: its socket was removed.
            self._stop_locked()
        if sock.parent != self._folder.resolve():
            _make_private(sock.parent.parent)
            _make_private(sock.parent)
        sock.unlink(missing_ok=True)
        self._launch(sock)
        if self._wait_for(sock):
            log.info("embedded_redis_started")
            return sock
        raise ConfigurationError(self._why_not())

    def _launch(self, sock: Path) -> None:
        program = self.find_server_bin()
        if program is None:
            raise ConfigurationError("REDIS_SERVER_BIN: there is no such program")
        family, version = version_of(program)
        if version < (7,) and (self._folder / "appendonlydir").is_dir():
            raise ConfigurationError(
                "REDIS_SERVER_BIN: the data in DATA_DIR was written by a newer server"
                " (7 or later), which this program cannot read"
            )
        journal = self._folder / "redis.log"
        if journal.exists():
            journal.replace(self._folder / "redis.log.old")
        config = self._folder / "redis.conf"
        config.write_text(
            config_text(
                sock,
                max_memory_mb=self._max_memory_mb,
                scripting=scripts_are_safe(family, version),
            )
        )
        with _locked(self._folder / _SERVER_LOCK) as descriptor:
            # `daemonize` hands the server to init: no zombie stays in this process, and
            # neither its signals nor its end reach the server.
            subprocess.run(  # noqa: S603 - the program is the operator's choice
                [program, config.name],
                cwd=self._folder,
                pass_fds=[descriptor],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                check=False,
                timeout=START_SECONDS,
            )

    def _wait_for(self, sock: Path) -> bool:
        """Return True once it answers, False when it is dead or out of reach."""
        until = time.monotonic() + START_SECONDS
        missing_until = time.monotonic() + 2.0
        while time.monotonic() < until:
            if _answers(sock):
                return True
            if not self.running():
                return False
            if not _connects(sock) and time.monotonic() > missing_until:
                return False
            time.sleep(0.02)
        return False

    def _stop_locked(self) -> None:
        sock = self._socket_path()
        if self.running():
            self._ask_to_end(sock)
            until = time.monotonic() + START_SECONDS
            while self.running():
                if time.monotonic() > until:
                    raise StateUnavailable("The embedded Redis does not stop.")
                time.sleep(0.02)
            log.info("embedded_redis_stopped")
        sock.unlink(missing_ok=True)
        (self._folder / "redis.pid").unlink(missing_ok=True)
        if sock.parent != self._folder.resolve():
            with suppress(OSError):
                sock.parent.rmdir()

    def _ask_to_end(self, sock: Path) -> None:
        """Have the server write its data out and end, through its socket if it can."""
        try:
            if not _ask(sock, b"SHUTDOWN").startswith(b"-"):
                return
        except (FileNotFoundError, ConnectionRefusedError):
            pass
        except OSError:
            return
        pid = self.find_pid()
        if pid is not None:
            os.kill(pid, signal.SIGTERM)

    def find_pid(self) -> int | None:
        """Return the server's process id; only asked while it holds its lock."""
        try:
            pid = int((self._folder / "redis.pid").read_text())
            os.kill(pid, 0)
            proc = Path("/proc") / str(pid) / "cwd"
            # Seen from another container the number may be somebody else's.
            if proc.parent.parent.is_dir() and not proc.samefile(self._folder):
                return None
        except (OSError, ValueError):
            return None
        return pid

    def _why_not(self) -> str:
        try:
            text = (self._folder / "redis.log").read_text(errors="replace")
        except OSError:
            text = ""
        if re.search(r"Bad file format|Can't handle RDB|Unrecoverable|corrupt", text):
            return (
                "DATA_DIR: the embedded Redis cannot read its data; redis.log beside it"
                " says why. Repair it with redis-check-aof, or move the folder away"
            )
        return (
            "DATA_DIR: the embedded Redis did not start; see redis.log beside its data"
        )

    def _socket_path(self) -> Path:
        # Resolved: one folder has one socket, however its path is spelled.
        folder = self._folder.resolve()
        if len(os.fsencode(folder / "redis.sock")) <= LONGEST_SOCKET_PATH:
            return folder / "redis.sock"
        # Not what TMPDIR says: processes with another one must find the same socket.
        base = Path("/tmp")  # noqa: S108 - what is put there is made private
        if not base.is_dir():
            base = Path(tempfile.gettempdir())
        digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
        return base / f"tanya-{os.getuid()}" / digest / "redis.sock"


def _make_private(folder: Path) -> None:
    """Make *folder* for this user alone, or refuse one that is somebody else's."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    state = folder.lstat()
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.getuid():
        raise ConfigurationError("DATA_DIR: the Redis folder belongs to somebody else")
    if state.st_mode & 0o077:
        folder.chmod(0o700)


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """
    Hold the lock of *path* and give its descriptor.

    Closing the file, not unlocking it, is what ends the hold: a server that inherited
    the descriptor keeps it.
    """
    until = time.monotonic() + START_SECONDS * 2
    with path.open("a") as held:
        while True:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise StateUnavailable(retry_after_seconds=5.0) from None
                time.sleep(0.02)
        yield held.fileno()


def _is_held(path: Path) -> bool:
    try:
        with path.open("r") as probe:
            fcntl.flock(probe, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _ask(sock: Path, *words: bytes, seconds: float = 1.0) -> bytes:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(seconds)
        client.connect(str(sock))
        parts = b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
        client.sendall(b"*%d\r\n%s" % (len(words), parts))
        return client.recv(65_536)


def _answers(sock: Path) -> bool:
    try:
        return _ask(sock, b"PING").startswith(b"+PONG")
    except OSError:
        return False


def _connects(sock: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1.0)
            client.connect(str(sock))
    except (FileNotFoundError, ConnectionRefusedError):
        return False
    except OSError:
        return True
    return True
