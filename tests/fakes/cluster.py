"""
The manifests without a cluster: each pod is a process with a folder of its own.

Environment and commands are those of `deploy/kubernetes`; only addresses differ.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import redis
import yaml

from tests.fakes.manifests import FOLDER, ROOT, workload
from tests.fakes.postgres_server import serve_postgres
from tests.fakes.qdrant_server import serve_qdrant
from tests.fakes.redis_server import RedisServer
from tests.service import RunningService, start_service

WORKERS = "rq:workers:tanya-documents"


def wait_for(condition: Callable[[], bool], *, seconds: float = 90.0) -> None:
    """Wait until *condition* holds; fail after *seconds*."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def make_secrets() -> dict[str, dict[str, str]]:
    """Return what `make_secrets.sh` prints, values by secret."""
    done = subprocess.run(
        ["/bin/sh", str(FOLDER / "make_secrets.sh")],
        capture_output=True,
        check=True,
        timeout=10,
        text=True,
    )
    return {
        one["metadata"]["name"]: one["stringData"]
        for one in yaml.safe_load_all(done.stdout)
    }


@dataclass
class Cluster:
    """Two pods of the service, two of the workers, and the stores."""

    folder: Path
    secrets: Mapping[str, Mapping[str, str]]
    addresses: Mapping[str, str]
    hosts: list[RunningService] = field(default_factory=list)
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def environment(self, name: str, data_dir: Path) -> dict[str, str]:
        """Return the variables of a workload's pods, with our addresses."""
        values = workload(name).environment(self.secrets)
        values |= {key: self.addresses[key] for key in values if key in self.addresses}
        return values | {"DATA_DIR": str(data_dir)}

    def run(self, name: str) -> subprocess.CompletedProcess[str]:
        """Run the pod of a job to its end."""
        with self._spawn(name, 0, stdout=subprocess.PIPE) as process:
            out, _ = process.communicate(timeout=60)
        return subprocess.CompletedProcess(process.args, process.returncode, out, "")

    def start_worker(self) -> None:
        """Start a pod of document workers."""
        number = len(self.workers)
        with self.worker_log(number).open("ab") as log:
            self.workers.append(self._spawn("tanya-worker", number, stdout=log))

    def worker_log(self, number: int) -> Path:
        """Return the file with what that worker wrote."""
        return self.folder / f"worker-{number}.log"

    def start_host(self) -> None:
        """Start a pod of the service; `wait` says when it is ready."""
        data_dir = self.folder / f"host-{len(self.hosts)}"
        environ = self.environment("tanya", data_dir)
        self.hosts.append(start_service(environ, data_dir=data_dir, wait=False))

    def reschedule(self, host: RunningService) -> None:
        """Start a pod again as on another machine: nothing of its files is there."""
        shutil.rmtree(host.data_dir)
        host.restart()
        wait_for(lambda: is_ready(host))

    def wait(self) -> None:
        """Wait until every pod is there."""
        with redis.Redis.from_url(self.addresses["REDIS_URL"]) as client:
            wait_for(lambda: client.scard(WORKERS) == len(self.workers))
        for host in self.hosts:
            wait_for(lambda host=host: is_ready(host))  # type: ignore[misc]

    def close(self) -> None:
        """End what runs."""
        for worker in self.workers:
            worker.terminate()
        for host in self.hosts:
            host.send_signal(15)
        for worker in self.workers:
            worker.wait(timeout=30)
        for host in self.hosts:
            host.stop()

    def _spawn(self, name: str, number: int, *, stdout: Any) -> subprocess.Popen[Any]:
        kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG")}
        command = workload(name).container["command"]
        assert command[0] == "python"
        data_dir = self.folder / f"{name}-{number}"
        return subprocess.Popen(
            [sys.executable, *command[1:]],
            cwd=ROOT,
            env=kept | self.environment(name, data_dir),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.STDOUT,
            text=stdout == subprocess.PIPE,
        )


def is_ready(host: RunningService) -> bool:
    """Ask as the kubelet does: a new connection each time."""
    try:
        reply = httpx.get(f"{host.url}/ready", timeout=5, trust_env=False)
    except httpx.TransportError:
        assert not host.has_ended(), host.log()[-4000:]
        return False
    return reply.status_code == 200


@contextmanager
def serve_cluster(folder: Path, *, programs: Path) -> Iterator[Cluster]:
    """
    Run two hosts and two workers on real Redis and PostgreSQL.

    Args:
        programs: Where PostgreSQL's are.
    """
    secrets = make_secrets()
    with ExitStack() as stack:
        server = stack.enter_context(
            RedisServer(folder / "redis", options=("--maxmemory-policy", "noeviction"))
        )
        password = urlsplit(secrets["tanya-stores"]["REDIS_URL"]).password or ""
        server.command("CONFIG", "SET", "requirepass", password)
        key = secrets["tanya-stores"]["QDRANT_API_KEY"]
        qdrant = stack.enter_context(serve_qdrant(api_key=key))
        postgres = stack.enter_context(serve_postgres(programs))
        addresses = {
            "REDIS_URL": re.sub(
                r"@redis:6379",
                f"@127.0.0.1:{server.port}",
                secrets["tanya-stores"]["REDIS_URL"],
            ),
            "QDRANT_URL": qdrant.url,
            "DATABASE_URL": postgres.url,
        }
        cluster = Cluster(folder, secrets, addresses)
        stack.callback(cluster.close)
        yield cluster
