"""Work on documents in this process: one thread, files that survive a restart."""

from __future__ import annotations

import contextlib
import hashlib
import heapq
import itertools
import logging
import os
import threading
import time
import traceback
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout

from domain.errors import AppError, Overloaded, UploadStorageFull

log = logging.getLogger(__name__)

MOST_WAITING = 1_000
# Pauses before the next try while a store is away.
RETRY_SECONDS = (2.0, 10.0, 30.0, 120.0, 300.0)
LOST = "The upload was lost when the service stopped; send the file again."
BROKEN = "The file could not be taken in because of an internal error."


@dataclass(frozen=True, slots=True)
class Job:
    """A document to be worked on."""

    tenant: str
    document_id: str


Work = Callable[[Job, bytes], None]
GiveUp = Callable[[Job, str], None]


class JobQueue(Protocol):
    """Keeps the bytes of documents until they are worked on."""

    def put(self, job: Job, content: bytes) -> None:
        """
        Keep *content* and have it worked on.

        Raises:
            UploadStorageFull: It cannot be kept.
            Overloaded: Too many wait.
        """
        ...

    def cancel(self, job: Job) -> None:
        """Forget a job that has not begun, and the bytes of one that has."""
        ...

    def resume(self, job: Job) -> bool:
        """
        Go on with a job found unfinished; True when it is in good hands.

        False when its bytes are gone: nobody can finish it.
        """
        ...

    def sweep(self) -> None:
        """Delete bytes that no job needs; called when every job was resumed."""
        ...

    def start(self, work: Work, give_up: GiveUp) -> None:
        """
        Begin to work, in a thread or a process of the queue's choice.

        Args:
            work: Called with a job and its bytes; again later when it raised an
                `AppError` that is retryable.
            give_up: Called with a job and a reason when it will not be tried again.
        """
        ...

    def close(self, *, grace_seconds: float = 30.0) -> None:
        """Finish the job at hand and stop; what waits is resumed by the next start."""
        ...


class ThreadQueue:
    """
    A `JobQueue` of this process; several processes may share its folder.

    Bytes lie in files named after the job and the process that owns it; a process
    proves that it lives by a lock. Files of the dead are taken over by `resume`.

    Args:
        folder: Made at first use, readable by this user only.
        retry_seconds: Pauses before each further try while a store is away.
    """

    def __init__(
        self,
        folder: Path,
        *,
        most_waiting: int = MOST_WAITING,
        retry_seconds: Sequence[float] = RETRY_SECONDS,
    ) -> None:
        self._folder = folder
        self._most_waiting = most_waiting
        self._retry_seconds = tuple(retry_seconds)
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._waiting: deque[Job] = deque()
        # Jobs to be tried again: when, in which order, which, after how many tries.
        self._later: list[tuple[float, int, Job]] = []
        self._tries: dict[Job, int] = {}
        self._running: Job | None = None
        self._closing = False
        self._thread: threading.Thread | None = None
        self._work: Work | None = None
        self._give_up: GiveUp | None = None
        self._owner = ""
        self._owner_lock: FileLock | None = None

    def put(self, job: Job, content: bytes) -> None:
        """Keep *content* in a file and queue it; see `JobQueue`."""
        with self._changed:
            if len(self._waiting) >= self._most_waiting:
                raise Overloaded(
                    "Too many documents are waiting.", retry_after_seconds=30
                )
        self._claim_owner()
        path = self._path(job, self._owner)
        partial = path.with_suffix(".part")
        try:
            partial.write_bytes(content)
            partial.replace(path)
        except OSError as exc:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
            raise UploadStorageFull(retry_after_seconds=60) from exc
        self._enqueue(job)

    def cancel(self, job: Job) -> None:
        """Forget a job; one that runs notices by itself that its document is gone."""
        with self._changed:
            with contextlib.suppress(ValueError):
                self._waiting.remove(job)
            self._later = [entry for entry in self._later if entry[2] != job]
            self._tries.pop(job, None)
        self._discard(job)

    def resume(self, job: Job) -> bool:
        """Take over the bytes of a process that died; see `JobQueue`."""
        with self._changed:
            if job == self._running or job in self._tries:
                return True
        self._claim_owner()
        for path in self._folder.glob(f"{_digest(job)}.*.bytes"):
            owner = path.name.split(".")[1]
            if owner != self._owner and self._is_alive(owner):
                return True
            with contextlib.suppress(FileNotFoundError):
                # Only one of several processes that try succeeds in renaming.
                path.rename(self._path(job, self._owner))
                self._enqueue(job)
                return True
        return False

    def sweep(self) -> None:
        """Delete what dead processes left that `resume` did not take over."""
        self._claim_owner()
        for path in self._folder.glob("*.*.*"):
            if path.name.count(".") == 2 and not path.name.endswith(".owner"):
                owner = path.name.split(".")[1]
                if owner != self._owner and not self._is_alive(owner):
                    with contextlib.suppress(OSError):
                        path.unlink()

    def start(self, work: Work, give_up: GiveUp) -> None:
        """Start the thread; what is queued already is worked on first."""
        with self._changed:
            self._work, self._give_up = work, give_up
            self._closing = False
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="documents", daemon=True
                )
                self._thread.start()

    def close(self, *, grace_seconds: float = 30.0) -> None:
        """Finish the job at hand; see `JobQueue`."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join(grace_seconds)
        lock, self._owner_lock = self._owner_lock, None
        if lock is not None:
            lock.release()
            with contextlib.suppress(OSError):
                Path(lock.lock_file).unlink()

    def wait_idle(self, timeout_seconds: float = 60.0) -> bool:
        """Wait until nothing waits and nothing runs; False when time is over."""
        with self._changed:
            return self._changed.wait_for(
                lambda: not self._tries and self._running is None, timeout_seconds
            )

    def _enqueue(self, job: Job) -> None:
        with self._changed:
            if job not in self._tries:
                self._tries[job] = 0
                self._waiting.append(job)
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            job = self._next()
            if job is None:
                return
            again = self._work_on(job)
            with self._changed:
                self._running = None
                if again is None:
                    self._tries.pop(job, None)
                elif job in self._tries:
                    self._tries[job] += 1
                    due = time.monotonic() + again
                    heapq.heappush(self._later, (due, next(self._order), job))
                self._changed.notify_all()

    def _next(self) -> Job | None:
        """Wait for a job that is due; None when the queue closes."""
        with self._changed:
            while not self._closing:
                now = time.monotonic()
                while self._later and self._later[0][0] <= now:
                    self._waiting.append(heapq.heappop(self._later)[2])
                if self._waiting:
                    self._running = self._waiting.popleft()
                    return self._running
                self._changed.wait(self._later[0][0] - now if self._later else None)
        return None

    def _work_on(self, job: Job) -> float | None:
        """Work on *job*; return after how many seconds to try again, or None."""
        work, give_up = self._work, self._give_up
        if work is None or give_up is None:
            return None
        try:
            content = self._path(job, self._owner).read_bytes()
        except OSError:
            self._end(job, give_up, LOST)
            return None
        try:
            work(job, content)
        except AppError as exc:
            tries = self._tries.get(job, 0)
            log.warning(
                "document_postponed",
                extra={
                    "document_id": job.document_id,
                    "code": exc.code,
                    "tries": tries,
                },
            )
            if exc.retryable and tries < len(self._retry_seconds):
                return self._retry_seconds[tries]
            self._end(job, give_up, exc.detail)
            return None
        except Exception as exc:  # noqa: BLE001 - a worker loop
            note_failure(job, exc)
            self._end(job, give_up, BROKEN)
            return None
        self._discard(job)
        return None

    def _end(self, job: Job, give_up: GiveUp, reason: str) -> None:
        """Give a job up; when even that fails, the next start finds it again."""
        try:
            give_up(job, reason)
        except AppError as exc:
            log.warning(
                "document_not_given_up",
                extra={"document_id": job.document_id, "code": exc.code},
            )
        else:
            self._discard(job)

    def _discard(self, job: Job) -> None:
        for path in self._folder.glob(f"{_digest(job)}.*"):
            with contextlib.suppress(OSError):
                path.unlink()

    def _path(self, job: Job, owner: str) -> Path:
        return self._folder / f"{_digest(job)}.{owner}.bytes"

    def _claim_owner(self) -> None:
        """Take a name for this process and hold its lock."""
        with self._changed:
            if self._owner_lock is not None:
                return
            try:
                self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._owner = f"{os.getpid()}-{uuid.uuid4().hex[:12]}"
                # Taken in one thread and given back in another.
                lock = FileLock(
                    self._folder / f"{self._owner}.owner", thread_local=False
                )
                lock.acquire(timeout=0)
            except (OSError, Timeout) as exc:
                raise UploadStorageFull(retry_after_seconds=60) from exc
            self._owner_lock = lock

    def _is_alive(self, owner: str) -> bool:
        path = self._folder / f"{owner}.owner"
        if not path.exists():
            return False
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return True
        lock.release()
        with contextlib.suppress(OSError):
            path.unlink()
        return False


def note_failure(job: Job, error: Exception) -> None:
    """Log a mistake of ours by kind and place; its message may quote a document."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    log.error(
        "document_job_failed",
        extra={
            "document_id": job.document_id,
            "error": type(error).__name__,
            "place": f"{Path(place.filename).name}:{place.lineno}",
        },
    )


def _digest(job: Job) -> str:
    """Return a file name for a job: a tenant's name is never part of a path."""
    return hashlib.sha256(f"{job.tenant}\x00{job.document_id}".encode()).hexdigest()[
        :40
    ]
