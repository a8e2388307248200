"""A deployment of document workers: Redis, the stand-in of Qdrant, real processes."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import redis

from app import build_library
from config import Settings
from knowledge.shelf import Shelf
from tests.fakes.qdrant_server import FakeQdrant
from tests.fakes.redis_server import RedisServer

ROOT = Path(__file__).resolve().parents[2]
AT_WORK = "rq:wip:tanya-documents"
WORKERS = "rq:workers:tanya-documents"


def wait_for(condition: Callable[[], bool], *, seconds: float = 90.0) -> None:
    """Wait until *condition* holds; fail after *seconds*."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


class Deployment:
    """Redis, the stand-in of Qdrant, one database, and any number of workers."""

    def __init__(self, folder: Path, server: RedisServer, qdrant: FakeQdrant) -> None:
        self.folder = folder
        self.server = server
        self.values = {
            "DATA_DIR": str(folder / "data"),
            "REDIS_URL": server.url,
            "QDRANT_URL": qdrant.url,
        }
        self.client: Any = redis.Redis.from_url(server.url)
        self._workers: list[subprocess.Popen[bytes]] = []
        (folder / "data").mkdir()

    def start_worker(self) -> subprocess.Popen[bytes]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG")}
        before = self.count_registered()
        with (self.folder / "worker.log").open("ab") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "knowledge", "work"],
                cwd=ROOT,
                env=kept | self.values,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._workers.append(worker)
        wait_for(lambda: self.count_registered() > before or self._has_died(worker))
        return worker

    def _has_died(self, worker: subprocess.Popen[bytes]) -> bool:
        assert worker.poll() is None, _troubles(self.folder / "worker.log")
        return False

    def count_registered(self) -> int:
        return int(self.client.scard(WORKERS))

    def find_job_of(self, worker: subprocess.Popen[bytes]) -> str | None:
        for key in self.client.smembers(WORKERS):
            pid, job = self.client.hmget(key, "pid", "current_job")
            if pid == str(worker.pid).encode():
                return job.decode() if job else None
        return None

    def freeze_at_work(self, worker: subprocess.Popen[bytes]) -> str:
        """
        Stop the worker while it holds a job; return the id of that job.

        Not in the middle of a write: it would keep everybody else from writing.
        """
        found: list[str] = []

        def caught() -> bool:
            if self.find_job_of(worker) is None:
                return False
            worker.send_signal(signal.SIGSTOP)
            held = self.find_job_of(worker)
            if held is None or self._is_written():
                worker.send_signal(signal.SIGCONT)
                return False
            found.append(held)
            return True

        wait_for(caught)
        return found[0]

    def _is_written(self) -> bool:
        database = self.folder / "data" / "tanya.sqlite3"
        with closing(sqlite3.connect(database, timeout=0)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return True
        return False

    def pass_silence(self, job_id: str) -> None:
        """Let the 90 silent seconds be over after which a job counts as abandoned."""
        for entry in self.client.zrange(AT_WORK, 0, -1):
            if entry.decode().startswith(job_id):
                self.client.zadd(AT_WORK, {entry: 1}, xx=True)

    def expire_workers(self) -> None:
        """Let the time be over after which a silent worker is forgotten."""
        for key in self.client.smembers(WORKERS):
            self.client.delete(key)

    def find_leftovers(self) -> list[bytes]:
        found = self.client.keys("tanya:upload*") + self.client.keys("rq:job:*")
        return list(found)

    @contextmanager
    def open_library(self) -> Iterator[Shelf]:
        settings = Settings(
            data_dir=self.folder / "data",
            redis_url=self.values["REDIS_URL"],
            qdrant_url=self.values["QDRANT_URL"],
        )
        shelf = build_library(settings)
        shelf.open()
        try:
            yield shelf
        finally:
            shelf.shut()

    def close(self) -> None:
        for worker in self._workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGCONT)
                worker.terminate()
        for worker in self._workers:
            worker.wait(timeout=20)
        self.client.close()


def _troubles(log: Path) -> str:
    """Return the end of *log* without the lines of work that went well."""
    lines = log.read_text().splitlines()
    return "\n".join(line for line in lines if '"level":"INFO"' not in line)[-3000:]
