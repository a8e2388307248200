"""How the service is run: workers, timeouts, recycling. No application logic."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger

# gunicorn reads this file before it puts the root on the path.
sys.path.insert(0, str(Path(__file__).resolve().parent))

from config import load_settings
from domain.errors import ConfigurationError
from utils.logging_config import configure_logging

try:
    _settings = load_settings()
except ConfigurationError as exc:
    sys.stderr.write(f"configuration: {exc.detail}\n")
    raise SystemExit(2) from None

# Read by LangGraph at its import, which the master does: no saver, whoever makes it,
# builds objects from stored bytes.
os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")

wsgi_app = "wsgi:app"
bind = f"{_settings.host}:{_settings.port}"
workers = _settings.workers
worker_class = "api.server.DrainWorker"

# A worker whose loop stands still for this long is replaced.
timeout = 30
# From SIGTERM to SIGKILL; streams say their last bytes four seconds before. Keep it
# below the grace period of the orchestrator (Kubernetes: 30 s by default).
graceful_timeout = 28
# Longer than proxies keep an idle connection to us, so that they close it first.
keepalive = 75
max_requests = _settings.max_requests
max_requests_jitter = _settings.max_requests // 10

# Addresses in X-Forwarded-For are believed from these peers only.
forwarded_allow_ips = _settings.forwarded_allow_ips
# The control socket would be a file under the home directory.
control_socket_disable = True
# The heartbeat file must not be on a disk, nor on a read-only file system.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108

accesslog = None
errorlog = "-"
loglevel = _settings.log_level.lower()


class _Log(Logger):  # type: ignore[misc]
    """The master's own lines, in the form of all others."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        configure_logging(_settings)


logger_class = _Log

if workers > 1:
    # Counters of several processes meet in files; the library looks for this variable.
    os.environ.setdefault(
        "PROMETHEUS_MULTIPROC_DIR", str(_settings.data_dir.resolve() / "metrics")
    )


# Libraries that every worker imports and none of which starts a thread. The master
# imports them once: a worker is then up in a third of a second instead of two, and
# their memory is shared. Our own code is not among them, so SIGHUP still loads it anew;
# after an upgrade of libraries restart instead.
_LIBRARIES = (
    "aiohttp",
    "alembic.migration",
    "asgiref.wsgi",
    "flask_openapi3",
    "langgraph.graph",
    "redis.asyncio",
    "sqlalchemy.orm",
    "uvicorn_worker",
)


def on_starting(server: Any) -> None:  # noqa: ARG001
    """Import what workers share; begin with no counters of processes that are gone."""
    for name in _LIBRARIES:
        import_module(name)
    gc.collect()
    # What was made before the fork is not written to by the collectors of workers.
    gc.freeze()
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        for left_over in Path(folder).glob("*.db"):
            left_over.unlink(missing_ok=True)


def post_fork(server: Any, worker: Any) -> None:  # noqa: ARG001
    """One process owns the embedded vectors: on a reload the next waits its turn."""
    if _settings.embedded_vectors:
        worker.owner_lock = _settings.data_dir / "worker.lock"


def when_ready(server: Any) -> None:
    """Leave our address in the data folder, for the command line beside us."""
    port = server.LISTENERS[0].sock.getsockname()[1]
    folder = _settings.data_dir
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / "service_url").write_text(f"http://127.0.0.1:{port}\n")


def child_exit(server: Any, worker: Any) -> None:  # noqa: ARG001
    """Forget the gauges of a worker that ended."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        from prometheus_client import multiprocess  # noqa: PLC0415 - Only with workers.

        multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
