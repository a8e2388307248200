"""The worker's side of the shared line of documents: tries, heartbeats, the end."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from redis.exceptions import RedisError
from rq import Queue, SimpleWorker
from rq.job import Job as RQJob

from domain.errors import AppError
from knowledge.jobs import BROKEN, LOST, GiveUp, Job, Work, note_failure
from stores.redis_client import state_errors

log = logging.getLogger(__name__)

# A worker that is silent for this long lost its job to the next one.
SILENCE_SECONDS = 90
_BEAT_SECONDS = 20.0


class Uploads(Protocol):
    """The bytes of jobs, on the way to a worker."""

    def load(self, job: Job) -> bytes | None:
        """Return the bytes of a job, or None when they expired."""
        ...

    def discard(self, job: Job) -> None:
        """Delete the bytes of a job."""
        ...


class Handler:
    """
    What a worker does with a job: bytes, work, further tries, the end.

    Args:
        uploads: Where the bytes of a job are.
        work: See `JobQueue.start`.
        give_up: See `JobQueue.start`.
        retry_seconds: Pauses before each further try while a store is away.
    """

    def __init__(
        self,
        uploads: Uploads,
        work: Work,
        give_up: GiveUp,
        *,
        retry_seconds: Sequence[float],
    ) -> None:
        self._uploads = uploads
        self._work = work
        self.give_up = give_up
        self._retry_seconds = tuple(retry_seconds)
        self.is_stopping: Callable[[], bool] = lambda: False

    def __call__(self, tenant: str, document_id: str) -> None:
        """Do the job, or give it up; its bytes are gone afterwards."""
        job = Job(str(tenant), str(document_id))
        content = self._uploads.load(job)
        reason = LOST if content is None else self._run(job, content)
        if reason is not None:
            self.give_up(job, reason)
        with state_errors():
            self._uploads.discard(job)

    def _run(self, job: Job, content: bytes) -> str | None:
        """Return None after success, or why the job is given up."""
        for pause in (*self._retry_seconds, None):
            try:
                self._work(job, content)
            except AppError as exc:
                log.warning(
                    "document_postponed",
                    extra={"document_id": job.document_id, "code": exc.code},
                )
                if not exc.retryable or pause is None:
                    return exc.detail
                if not self._wait(pause):
                    # RQ puts the job back in line, for another worker.
                    raise
            except Exception as exc:  # noqa: BLE001 - a worker loop
                note_failure(job, exc)
                return BROKEN
            else:
                return None
        return BROKEN

    def _wait(self, seconds: float) -> bool:
        """Wait before the next try; False when this worker is asked to stop."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.is_stopping():
                return False
            time.sleep(min(0.5, seconds))
        return True


class Worker(SimpleWorker):
    """
    An RQ worker that works in its own process and proves that it lives.

    Files are parsed in the sandbox's children, so that RQ's fork would add nothing.
    """

    tidy: Callable[[], None]

    def run_maintenance_tasks(self) -> None:
        """Look for jobs whose worker died, at the start and every minute."""
        super().run_maintenance_tasks()  # type: ignore[no-untyped-call]
        try:
            self.tidy()
        except (AppError, RedisError) as exc:
            log.warning("document_queue_failed", extra={"error": type(exc).__name__})

    @property
    def is_stopping(self) -> bool:
        """A signal asked this worker to end."""
        return bool(self._stop_requested)

    def get_heartbeat_ttl(self, job: RQJob) -> int:
        """Return after how many silent seconds a job counts as abandoned."""
        del job
        return SILENCE_SECONDS

    def perform_job(self, job: RQJob, queue: Queue) -> bool:
        """Do the job while a thread sends heartbeats."""
        done = threading.Event()
        beats = threading.Thread(target=self._beat, args=(job, done), daemon=True)
        beats.start()
        try:
            return super().perform_job(job, queue)
        finally:
            done.set()
            beats.join()

    def _beat(self, job: RQJob, done: threading.Event) -> None:
        while not done.wait(_BEAT_SECONDS):
            with contextlib.suppress(RedisError):
                self.maintain_heartbeats(job)


def make_job_class(handler: Handler) -> type[RQJob]:
    """Return the class of jobs for a worker that does them with *handler*."""

    class IngestJob(RQJob):
        """A job that always means *handler*, whatever name is stored in Redis."""

        @property
        def func(self) -> Handler:
            return handler

        @property
        def success_callback(self) -> None:
            return None

        @property
        def failure_callback(self) -> None:
            return None

        @property
        def stopped_callback(self) -> None:
            return None

    return IngestJob
