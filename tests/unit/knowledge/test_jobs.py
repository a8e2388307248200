from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from domain.errors import BadRequest, Overloaded, StoreUnavailable, UploadStorageFull
from knowledge.jobs import BROKEN, LOST, Job, ThreadQueue

ONE, TWO = Job("t", "doc_1"), Job("t", "doc_2")


class Worker:
    """Notes what it is asked to do; *behave* may raise or wait."""

    def __init__(self, behave: Callable[[Job], None] = lambda job: None) -> None:
        self.behave = behave
        self.done: list[tuple[Job, bytes]] = []
        self.given_up: list[tuple[Job, str]] = []

    def work(self, job: Job, content: bytes) -> None:
        self.behave(job)
        self.done.append((job, content))

    def give_up(self, job: Job, reason: str) -> None:
        self.given_up.append((job, reason))


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[ThreadQueue]:
    made = ThreadQueue(tmp_path / "uploads", retry_seconds=(0.01, 0.01))
    yield made
    made.close()


def files(queue_folder: Path) -> list[Path]:
    return list(queue_folder.glob("*.bytes"))


def test_jobs_are_worked_on_in_order_and_leave_nothing(
    queue: ThreadQueue, tmp_path: Path
) -> None:
    worker = Worker()
    queue.put(ONE, b"one")
    queue.put(TWO, b"two")

    queue.start(worker.work, worker.give_up)

    assert queue.wait_idle(10)
    assert worker.done == [(ONE, b"one"), (TWO, b"two")]
    assert files(tmp_path / "uploads") == []


def test_uploads_are_for_the_eyes_of_their_owner_only(
    queue: ThreadQueue, tmp_path: Path
) -> None:
    queue.put(Job("../../etc", "doc_1"), b"one")

    assert (tmp_path / "uploads").stat().st_mode & 0o777 == 0o700
    assert len(files(tmp_path / "uploads")) == 1


def test_a_cancelled_job_is_not_worked_on(queue: ThreadQueue, tmp_path: Path) -> None:
    worker = Worker()
    queue.put(ONE, b"one")
    queue.cancel(ONE)

    queue.start(worker.work, worker.give_up)

    assert queue.wait_idle(10)
    assert worker.done == []
    assert files(tmp_path / "uploads") == []


def test_a_line_that_is_full_refuses(tmp_path: Path) -> None:
    queue = ThreadQueue(tmp_path, most_waiting=1)
    queue.put(ONE, b"one")

    with pytest.raises(Overloaded):
        queue.put(TWO, b"two")
    queue.close()


def test_a_folder_that_cannot_be_written_is_upload_storage(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(UploadStorageFull):
        ThreadQueue(tmp_path / "file" / "uploads").put(ONE, b"one")


def test_work_is_tried_again_while_a_store_is_away(queue: ThreadQueue) -> None:
    failures = iter([StoreUnavailable(), StoreUnavailable()])

    def behave(job: Job) -> None:
        for failure in failures:
            raise failure

    worker = Worker(behave)
    queue.start(worker.work, worker.give_up)
    queue.put(ONE, b"one")

    assert queue.wait_idle(10)
    assert worker.done == [(ONE, b"one")]
    assert worker.given_up == []


def test_work_is_given_up_after_the_last_try(
    queue: ThreadQueue, tmp_path: Path
) -> None:
    def behave(job: Job) -> None:
        raise StoreUnavailable("The database cannot be reached.")

    worker = Worker(behave)
    queue.start(worker.work, worker.give_up)
    queue.put(ONE, b"one")

    assert queue.wait_idle(10)
    assert worker.given_up == [(ONE, "The database cannot be reached.")]
    assert files(tmp_path / "uploads") == []


@pytest.mark.parametrize(
    ("error", "reason"),
    [(ValueError("secret words"), BROKEN), (BadRequest("No."), "No.")],
)
def test_work_that_can_never_succeed_is_given_up_at_once(
    queue: ThreadQueue, error: Exception, reason: str
) -> None:
    def behave(job: Job) -> None:
        raise error

    worker = Worker(behave)
    queue.start(worker.work, worker.give_up)
    queue.put(ONE, b"one")

    assert queue.wait_idle(10)
    assert worker.given_up == [(ONE, reason)]


def test_a_mistake_does_not_stop_the_jobs_behind_it(
    queue: ThreadQueue, caplog: pytest.LogCaptureFixture
) -> None:
    def behave(job: Job) -> None:
        if job == ONE:
            raise ValueError("words of a document")

    worker = Worker(behave)
    queue.put(ONE, b"one")
    queue.put(TWO, b"two")
    queue.start(worker.work, worker.give_up)

    assert queue.wait_idle(10)
    assert worker.done == [(TWO, b"two")]
    assert all("words of a document" not in str(r.__dict__) for r in caplog.records)


def test_close_finishes_the_job_at_hand_and_keeps_the_rest(tmp_path: Path) -> None:
    begun, going_on = threading.Event(), threading.Event()

    def behave(job: Job) -> None:
        begun.set()
        assert going_on.wait(10)

    worker = Worker(behave)
    queue = ThreadQueue(tmp_path)
    queue.put(ONE, b"one")
    queue.put(TWO, b"two")
    queue.start(worker.work, worker.give_up)
    assert begun.wait(10)
    closing = threading.Thread(target=queue.close)
    closing.start()
    going_on.set()
    closing.join(10)

    assert worker.done == [(ONE, b"one")]
    assert len(files(tmp_path)) == 1


def test_a_new_process_takes_over_what_a_dead_one_left(tmp_path: Path) -> None:
    dead = ThreadQueue(tmp_path)
    dead.put(ONE, b"one")
    dead.close()
    worker = Worker()
    alive = ThreadQueue(tmp_path)
    alive.start(worker.work, worker.give_up)

    assert alive.resume(ONE)
    assert not alive.resume(TWO)

    assert alive.wait_idle(10)
    assert worker.done == [(ONE, b"one")]
    alive.close()


def test_what_a_living_process_holds_is_left_to_it(tmp_path: Path) -> None:
    holder, other = ThreadQueue(tmp_path), ThreadQueue(tmp_path)
    holder.put(ONE, b"one")

    assert other.resume(ONE)
    other.sweep()

    worker = Worker()
    other.start(worker.work, worker.give_up)
    assert other.wait_idle(10)
    assert worker.done == []
    assert len(files(tmp_path)) == 1
    holder.close()
    other.close()


def test_one_of_two_new_processes_takes_a_job_over(tmp_path: Path) -> None:
    dead = ThreadQueue(tmp_path)
    dead.put(ONE, b"one")
    dead.close()
    worker = Worker()
    queues = [ThreadQueue(tmp_path) for _ in range(2)]
    # Both look before either works: afterwards the bytes are rightly gone.
    for queue in queues:
        assert queue.resume(ONE)
    for queue in queues:
        queue.start(worker.work, worker.give_up)

    assert all(queue.wait_idle(10) for queue in queues)
    assert worker.done == [(ONE, b"one")]
    for queue in queues:
        queue.close()


def test_sweeping_removes_what_dead_processes_left(tmp_path: Path) -> None:
    dead = ThreadQueue(tmp_path)
    dead.put(ONE, b"one")
    dead.close()
    alive = ThreadQueue(tmp_path)

    alive.sweep()

    assert files(tmp_path) == []
    alive.close()


def test_bytes_that_vanished_end_the_job(queue: ThreadQueue, tmp_path: Path) -> None:
    worker = Worker()
    queue.put(ONE, b"one")
    for path in files(tmp_path / "uploads"):
        path.unlink()

    queue.start(worker.work, worker.give_up)

    assert queue.wait_idle(10)
    assert worker.given_up == [(ONE, LOST)]
