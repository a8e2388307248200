"""The line of documents that any number of machines work on: RQ over Redis."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import redis
from redis.exceptions import RedisError
from rq import Queue, Retry, SimpleWorker
from rq.exceptions import InvalidJobOperation, NoSuchJobError
from rq.job import Job as RQJob
from rq.job import JobStatus
from rq.registry import FailedJobRegistry, StartedJobRegistry
from rq.serializers import JSONSerializer

from domain.errors import AppError, Overloaded, StateUnavailable, UploadStorageFull
from knowledge.jobs import (
    BROKEN,
    RETRY_SECONDS,
    GiveUp,
    Job,
    Work,
)
from knowledge.jobs_worker import SILENCE_SECONDS, Handler, Worker, make_job_class
from stores.redis_client import RedisConnection, state_errors

log = logging.getLogger(__name__)

MOST_WAITING = 1_000
# All uploads that wait in Redis together.
MOST_WAITING_BYTES = 512_000_000
# An upload nobody worked on for a day is not waited for any more.
UPLOAD_TTL_SECONDS = 86_400
# Small enough for one round trip within the client's time limit.
_CHUNK_BYTES = 1_000_000
# Longest time RQ waits for a job in one call, and the limit of one job, seconds.
_WAIT_SECONDS = 45
_JOB_SECONDS = 3_600
# Between two looks at whether somebody works on the line.
HELP_SECONDS = 2.0
# How often a job is begun again whose worker died.
_RESTARTS = 2
# What RQ raises of a job that ended, at the first look or between two of them.
_GONE = (NoSuchJobError, InvalidJobOperation)


class RedisQueue:
    """
    A `JobQueue` over Redis. Any number of processes put, any number of workers work.

    Bytes travel in keys that expire; their sum is bounded. Jobs are JSON, never
    pickled, and name no function: whoever can write to this Redis cannot make a
    worker run anything but `work`.

    Args:
        connection: Of the shared Redis; not a Cluster, which RQ does not support.
        prefix: Of every key and of the queue's name: deployments do not mix.
    """

    def __init__(
        self,
        connection: RedisConnection,
        *,
        prefix: str = "tanya",
        most_waiting: int = MOST_WAITING,
        most_waiting_bytes: int = MOST_WAITING_BYTES,
        help_seconds: float = HELP_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._connection = connection
        self._prefix = prefix
        self._most_waiting = most_waiting
        self._most_waiting_bytes = most_waiting_bytes
        self._clock = clock
        self._help_seconds = help_seconds
        self._stopping = threading.Event()
        self._helper: threading.Thread | None = None

    def put(self, job: Job, content: bytes) -> None:
        """Send *content* to Redis and queue it; see `JobQueue`."""
        with self._storage_errors():
            self._check_room(len(content))
            self._send(job, content)
            self._enqueue(job)

    def cancel(self, job: Job) -> None:
        """Forget a job; one that runs notices by itself that its document is gone."""
        with state_errors(), contextlib.suppress(*_GONE):
            self._fetch(job).delete()
        with state_errors():
            self.discard(job)

    def resume(self, job: Job) -> bool:
        """Queue a job anew whose bytes are here but whose work is lost."""
        with state_errors():
            if self._is_in_hands(job):
                return True
            if not self._client().exists(self._key(job)):
                return False
            self._enqueue(job)
            return True

    def sweep(self) -> None:
        """Do nothing: keys expire by themselves."""

    def start(self, work: Work, give_up: GiveUp) -> None:
        """Watch the line: while there is no worker anywhere, this process works."""
        if self._helper is None:
            handler = Handler(self, work, give_up, retry_seconds=RETRY_SECONDS)
            self._stopping.clear()
            self._helper = threading.Thread(
                target=self._help, args=(handler,), name="documents", daemon=True
            )
            self._helper.start()

    def close(self, *, grace_seconds: float = 30.0) -> None:
        """End the watch, after the job at hand; workers go on."""
        self._stopping.set()
        helper, self._helper = self._helper, None
        if helper is not None:
            helper.join(grace_seconds)

    def load(self, job: Job) -> bytes | None:
        """Return the bytes of a job, or None when they expired."""
        key, client = self._key(job), self._client()
        parts: list[bytes] = []
        with state_errors():
            count = int(client.llen(key))
            for index in range(count):
                part = client.lindex(key, index)
                if part is None:
                    return None
                parts.append(part)  # type: ignore[arg-type]
        return b"".join(parts) if parts else None

    def discard(self, job: Job) -> None:
        """Delete the bytes of a job."""
        client = self._client()
        client.delete(self._key(job))
        client.zrem(self._index, *self._index_entries(job))

    def count_workers(self) -> int:
        """Return how many living processes work on this queue."""
        with state_errors():
            # RQ's own count keeps those that were killed until another worker tidies.
            keys = SimpleWorker.all_keys(queue=self._queue())
            return int(self._client().exists(*keys)) if keys else 0

    def work_forever(
        self,
        work: Work,
        give_up: GiveUp,
        *,
        burst: bool = False,
        retry_seconds: Sequence[float] = RETRY_SECONDS,
    ) -> None:
        """
        Work on jobs in this process, in its main thread, until it is asked to stop.

        SIGTERM and SIGINT let the job at hand end first.

        Args:
            work: See `JobQueue.start`.
            give_up: See `JobQueue.start`.
            burst: Stop when the queue is empty.
            retry_seconds: Pauses before each further try while a store is away.
        """
        client = self._client()
        handler = Handler(self, work, give_up, retry_seconds=retry_seconds)
        job_class = make_job_class(handler)
        worker = Worker(
            [self._queue(job_class)],
            connection=client,
            job_class=job_class,
            serializer=JSONSerializer,
            worker_ttl=_WAIT_SECONDS + 15,
            log_job_description=False,
            maintenance_interval=60,
        )
        worker.tidy = lambda: self.tidy(give_up)
        handler.is_stopping = lambda: worker.is_stopping
        # RQ raised the time limit of this client's connections: no old ones.
        client.connection_pool.reset()
        worker.work(burst=burst, logging_level="WARNING")

    def tidy(self, give_up: GiveUp) -> None:
        """
        Put jobs of dead workers back in line; give up those that no worker survived.

        Raises:
            RedisError: Redis is away.
            AppError: A store is away; the next call goes on.
        """
        queue = self._queue()
        StartedJobRegistry(queue=queue).cleanup()
        ended = FailedJobRegistry(queue=queue)
        for job_id in ended.get_job_ids(cleanup=False):
            try:
                found = RQJob.fetch(
                    job_id, connection=queue.connection, serializer=JSONSerializer
                )
            except NoSuchJobError:
                ended.remove(job_id)
                continue
            job = Job(*map(str, found.args))
            give_up(job, BROKEN)
            self.discard(job)
            with contextlib.suppress(*_GONE):
                found.delete()
            log.error("document_given_up", extra={"document_id": job.document_id})

    def _help(self, handler: Handler) -> None:
        handler.is_stopping = self._stopping.is_set
        while not self._stopping.wait(self._help_seconds):
            try:
                while not self._stopping.is_set() and not self.count_workers():
                    # Workers do this for each other; the last one is gone.
                    self.tidy(handler.give_up)
                    if not self._work_on_next(handler):
                        break
            except (AppError, RedisError) as exc:
                log.warning(
                    "document_queue_failed", extra={"error": type(exc).__name__}
                )

    def _work_on_next(self, handler: Handler) -> bool:
        """Take the first job of the line; False when it is empty."""
        raw = self._client().lpop(self._queue().key)
        if raw is None:
            return False
        job_id = raw.decode()  # type: ignore[union-attr]
        with contextlib.suppress(*_GONE):
            job = RQJob.fetch(
                job_id, connection=self._client(), serializer=JSONSerializer
            )
            # Should this process die now, `resume` finds bytes without a job.
            handler(*job.args)
            job.delete()
        return True

    def _client(self) -> redis.Redis:
        client = self._connection.sync_client()
        if not isinstance(client, redis.Redis):
            raise StateUnavailable("Background jobs need a Redis without Cluster.")
        return client

    def _queue(self, job_class: type[RQJob] = RQJob) -> Queue:
        return Queue(
            f"{self._prefix}-documents",
            connection=self._client(),
            serializer=JSONSerializer,
            job_class=job_class,
        )

    def _check_room(self, size: int) -> None:
        client = self._client()
        if len(self._queue()) >= self._most_waiting:
            raise Overloaded("Too many documents are waiting.", retry_after_seconds=30)
        client.zremrangebyscore(self._index, "-inf", self._clock())
        entries: list[bytes] = client.zrange(self._index, 0, -1)  # type: ignore[assignment]
        waiting = sum(int(entry.rsplit(b":", 1)[1]) for entry in entries)
        if waiting + size > self._most_waiting_bytes:
            raise UploadStorageFull(retry_after_seconds=60)

    def _send(self, job: Job, content: bytes) -> None:
        key, client = self._key(job), self._client()
        self.discard(job)
        entry = f"{_digest(job)}:{len(content)}"
        client.zadd(self._index, {entry: self._clock() + UPLOAD_TTL_SECONDS})
        for begin in range(0, max(len(content), 1), _CHUNK_BYTES):
            client.rpush(key, content[begin : begin + _CHUNK_BYTES])
            if begin == 0:
                client.expire(key, UPLOAD_TTL_SECONDS)

    def _enqueue(self, job: Job) -> None:
        with contextlib.suppress(*_GONE):
            self._fetch(job).delete()
        self._queue().enqueue_call(
            "knowledge.ingest",
            args=(job.tenant, job.document_id),
            job_id=_job_id(job),
            description="document",
            timeout=_JOB_SECONDS,
            result_ttl=0,
            failure_ttl=UPLOAD_TTL_SECONDS,
            retry=Retry(max=_RESTARTS),
        )

    def _fetch(self, job: Job) -> RQJob:
        return RQJob.fetch(
            _job_id(job), connection=self._client(), serializer=JSONSerializer
        )

    def _is_in_hands(self, job: Job) -> bool:
        """Tell whether RQ has the job in its line, or a living worker holds it."""
        try:
            found = self._fetch(job)
            if found.get_status() == JobStatus.QUEUED:
                line = self._queue()
                if (
                    found.get_position() is not None
                    or found.id in line.intermediate_queue.get_job_ids()
                ):
                    return True
                # It may have begun between the two looks.
                found = self._fetch(job)
            return self._is_held(found)
        except _GONE:
            return False

    def _is_held(self, found: RQJob) -> bool:
        if found.get_status() != JobStatus.STARTED:
            return False
        registry = StartedJobRegistry(queue=self._queue())
        alive = registry.get_job_ids(cleanup=False)
        beat = found.last_heartbeat
        silent = self._clock() - beat.timestamp() if beat else SILENCE_SECONDS + 1
        return found.id in alive and silent <= SILENCE_SECONDS

    @property
    def _index(self) -> str:
        return f"{self._prefix}:uploads"

    def _key(self, job: Job) -> str:
        return f"{self._prefix}:upload:{_digest(job)}"

    def _index_entries(self, job: Job) -> list[bytes]:
        begin = _digest(job).encode() + b":"
        entries: list[bytes] = self._client().zrange(self._index, 0, -1)  # type: ignore[assignment]
        return [entry for entry in entries if entry.startswith(begin)] or [b"-"]

    @contextmanager
    def _storage_errors(self) -> Iterator[None]:
        try:
            with state_errors():
                yield
        except StateUnavailable as exc:
            raise UploadStorageFull(retry_after_seconds=5) from exc


def _digest(job: Job) -> str:
    raw = f"{job.tenant}\x00{job.document_id}".encode()
    return hashlib.sha256(raw).hexdigest()[:40]


def _job_id(job: Job) -> str:
    return f"ingest-{_digest(job)}"
