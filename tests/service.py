"""Real gunicorn on a free port, for tests that speak HTTP only."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import httpx

from stores.embedded_redis import EmbeddedRedis

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 60.0
STOP_SECONDS = 40.0

# Variables of the developer's shell must not reach the service under test.
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "VIRTUAL_ENV")


class ServiceFailed(Exception):
    """The service ended before it answered; the message holds its output."""


@dataclass(slots=True)
class RunningService:
    """
    A service under test.

    Attributes:
        url: `http://127.0.0.1:PORT`.
        key: Value of `API_KEY`.
        pid: Process id of the gunicorn master.
        data_dir: Its `DATA_DIR`.
        log_path: What it wrote to standard output and error.
    """

    url: str
    key: str
    pid: int
    data_dir: Path
    log_path: Path
    _command: list[str]
    _environ: dict[str, str]
    _process: subprocess.Popen[bytes]

    def __enter__(self) -> RunningService:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def headers(self) -> dict[str, str]:
        """Headers of a caller with the key."""
        return {"X-API-Key": self.key}

    @property
    def port(self) -> int:
        """Its port on 127.0.0.1."""
        return int(self.url.rpartition(":")[2])

    def client(self, *, timeout: float = 30.0) -> httpx.Client:
        """Return a client with its base URL and key; the caller closes it."""
        return httpx.Client(
            base_url=self.url, headers=self.headers, timeout=timeout, trust_env=False
        )

    def log(self) -> str:
        """Return what the service has written so far."""
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def send_signal(self, number: int) -> None:
        """Send a signal to the master."""
        self._process.send_signal(number)

    def stop(self, *, sig: int = signal.SIGTERM) -> int:
        """
        Stop it and its embedded Redis, return its exit code. Safe to call twice.

        The data stays: another service on the same folder goes on with it.
        """
        code = self._halt(sig)
        self._stop_redis()
        return code

    def wait(self, seconds: float = STOP_SECONDS) -> int:
        """Wait for its end, by force after *seconds*; return its exit code."""
        try:
            return self._process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self._kill_group()
            return self._process.wait(timeout=5)

    def kill(self) -> None:
        """End master and workers at once, as a power cut would; then its Redis."""
        self._kill_group()
        self._process.wait(timeout=5)
        self._stop_redis()

    def restart(self) -> None:
        """Stop it and start it again with the same port, key, data and Redis."""
        self._halt(signal.SIGTERM)
        self._process = _spawn(self._command, self._environ, self.log_path)
        self.pid = self._process.pid
        _wait_until_healthy(self)

    def _halt(self, sig: int) -> int:
        if self._process.poll() is None:
            self._process.send_signal(sig)
        return self.wait()

    def _stop_redis(self) -> None:
        # It belongs to no process; there is none when a server was named.
        EmbeddedRedis(self.data_dir / "redis").stop()

    def _kill_group(self) -> None:
        # The master leads its own group (`start_new_session`); nothing else is in it.
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def has_ended(self) -> bool:
        """Whether the master is gone."""
        return self._process.poll() is not None


def start_service(
    env: Mapping[str, str] | None = None,
    *,
    app: str = "wsgi:app",
    data_dir: Path | None = None,
    arguments: Sequence[str] = (),
    prefix: Sequence[str] = (),
    wait: bool = True,
) -> RunningService:
    """
    Start real gunicorn with `gunicorn.conf.py` and wait until `/health` answers.

    Args:
        env: Variables on top of a clean environment.
        app: Application as gunicorn names it.
        data_dir: Kept when given; else a new temporary folder.
        arguments: More of gunicorn's own, such as `--graceful-timeout=5`.
        prefix: A command that becomes gunicorn's, with its limits set.
        wait: Return only when it is healthy.

    Raises:
        ServiceFailed: It ended early or took longer than a minute.
    """
    folder = data_dir or Path(tempfile.mkdtemp(prefix="tanya-service-"))
    port = free_port()
    key = (env or {}).get("API_KEY", f"test-{secrets.token_hex(12)}")
    environ = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environ |= {
        "API_KEY": key,
        "DATA_DIR": str(folder),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "RATE_LIMIT_PER_HOUR": "100000",
        "PYTHONUNBUFFERED": "1",
        **(env or {}),
    }
    command = [
        *prefix,
        *(sys.executable, "-m", "gunicorn"),
        *("-c", str(ROOT / "gunicorn.conf.py")),
        *arguments,
        app,
    ]
    log_path = folder.parent / f"{folder.name}.log"
    process = _spawn(command, environ, log_path)
    service = RunningService(
        url=f"http://127.0.0.1:{port}",
        key=key,
        pid=process.pid,
        data_dir=folder,
        log_path=log_path,
        _command=command,
        _environ=environ,
        _process=process,
    )
    if wait:
        _wait_until_healthy(service)
    return service


def _spawn(
    command: list[str], environ: dict[str, str], log_path: Path
) -> subprocess.Popen[bytes]:
    with log_path.open("ab") as log:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _wait_until_healthy(service: RunningService) -> None:
    end = time.monotonic() + START_SECONDS
    with httpx.Client(base_url=service.url, timeout=5, trust_env=False) as client:
        while time.monotonic() < end:
            if service.has_ended():
                raise ServiceFailed(service.log()[-4000:])
            try:
                if client.get("/health").status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
    service.stop(sig=signal.SIGKILL)
    raise ServiceFailed(f"not healthy after {START_SECONDS} s\n{service.log()[-4000:]}")


def free_port() -> int:
    """Return a port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
