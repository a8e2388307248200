"""Documents worked on by other processes: RQ over a real Redis, real workers."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rq.job import Job as RQJob

from domain.documents import Document, Upload
from domain.errors import DocumentNotFound
from knowledge.jobs import Job
from knowledge.jobs_redis import RedisQueue
from knowledge.shelf import Shelf
from stores.redis_client import RedisConnection
from tests.fakes.document_workers import ROOT, Deployment, wait_for
from tests.fakes.qdrant_server import serve_qdrant
from tests.fakes.redis_server import RedisServer

LINE = "rq:queue:tanya-documents"


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def deployment(tmp_path: Path, redis_server: RedisServer) -> Iterator[Deployment]:
    redis_server.command("FLUSHALL")
    with serve_qdrant() as qdrant:
        running = Deployment(tmp_path, redis_server, qdrant)
        try:
            yield running
        finally:
            running.close()


def submit(shelf: Shelf, number: int, *, paragraphs: int = 12) -> Document:
    text = "\n\n".join(
        f"Paragraph {at} of document {number}. " + f"Room {number}-{at} is open. " * 20
        for at in range(paragraphs)
    )
    document, new = shelf.library.submit(
        "default", Upload(content=text.encode(), file=f"document-{number}.txt")
    )
    assert new
    return document


def load(shelf: Shelf, document: Document) -> Document:
    return shelf.library.load_document("default", document.id)


def all_ready(shelf: Shelf) -> bool:
    page = shelf.library.list_documents("default", limit=100)
    return {one.status for one in page.items} == {"ready"}


def test_two_workers_lose_and_double_nothing_when_one_is_killed(
    deployment: Deployment,
) -> None:
    first = deployment.start_worker()
    deployment.start_worker()
    with deployment.open_library() as shelf:
        for number in range(30):
            submit(shelf, number)
        held = deployment.freeze_at_work(first)
        first.kill()
        first.wait()
        deployment.pass_silence(held)
        # What supervises workers starts another; the first thing it does is to look
        # for abandoned jobs.
        deployment.start_worker()

        wait_for(lambda: all_ready(shelf))

        documents = shelf.library.list_documents("default", limit=100).items
        assert len(documents) == 30
        for document in documents:
            found = list(shelf.passages.iter_passages("default", document.id))
            assert [one.ordinal for one in found] == list(range(document.chunks))
        assert shelf.passages.count("default") == sum(one.chunks for one in documents)
        wait_for(lambda: deployment.find_leftovers() == [])


def test_a_document_removed_while_it_waits_is_never_worked_on(
    deployment: Deployment,
) -> None:
    worker = deployment.start_worker()
    worker.send_signal(signal.SIGSTOP)
    with deployment.open_library() as shelf:
        document = submit(shelf, 1)
        assert deployment.client.keys("tanya:upload:*")

        shelf.library.remove_document("default", document.id)

        assert deployment.find_leftovers() == []
        assert deployment.client.llen(LINE) == 0
        worker.send_signal(signal.SIGCONT)
        other = submit(shelf, 2)
        wait_for(lambda: all_ready(shelf))
        assert shelf.passages.count("default", document.id) == 0
        assert shelf.passages.count("default", other.id) > 0


def test_a_document_removed_under_the_hands_of_a_worker_leaves_nothing(
    deployment: Deployment,
) -> None:
    worker = deployment.start_worker()
    with deployment.open_library() as shelf:
        document = submit(shelf, 1, paragraphs=3_000)
        deployment.freeze_at_work(worker)

        shelf.library.remove_document("default", document.id)
        worker.send_signal(signal.SIGCONT)
        submit(shelf, 2)

        wait_for(lambda: all_ready(shelf))
        wait_for(lambda: deployment.find_leftovers() == [])
        assert shelf.passages.count("default", document.id) == 0
        with pytest.raises(DocumentNotFound):
            shelf.library.load_document("default", document.id)


def test_bytes_of_an_upload_leave_redis_with_its_job(deployment: Deployment) -> None:
    deployment.start_worker()
    with deployment.open_library() as shelf:
        submit(shelf, 1, paragraphs=1_500)

        wait_for(lambda: all_ready(shelf))

        wait_for(lambda: deployment.find_leftovers() == [])
        assert deployment.client.zcard("tanya:uploads") == 0


def test_without_any_worker_the_service_takes_its_documents_in_itself(
    deployment: Deployment,
) -> None:
    with deployment.open_library() as shelf:
        submit(shelf, 1)

        wait_for(lambda: all_ready(shelf))

        wait_for(lambda: deployment.find_leftovers() == [])


def test_the_service_goes_on_when_the_last_worker_was_killed(
    deployment: Deployment,
) -> None:
    worker = deployment.start_worker()
    with deployment.open_library() as shelf:
        submit(shelf, 1, paragraphs=3_000)
        # Before the worker stands still, perhaps in the middle of a write.
        submit(shelf, 2)
        held = deployment.freeze_at_work(worker)
        worker.kill()
        worker.wait()
        # It is missed after its last sign of life has expired.
        deployment.expire_workers()
        deployment.pass_silence(held)

        wait_for(lambda: all_ready(shelf))

        assert len(shelf.library.list_documents("default", limit=9).items) == 2
        wait_for(lambda: deployment.find_leftovers() == [])


def test_a_document_that_kills_every_worker_fails_with_a_reason(
    deployment: Deployment,
) -> None:
    with deployment.open_library() as shelf:
        worker = deployment.start_worker()
        document = submit(shelf, 1, paragraphs=3_000)
        for _ in range(3):
            held = deployment.freeze_at_work(worker)
            worker.kill()
            worker.wait()
            deployment.pass_silence(held)
            worker = deployment.start_worker()

        wait_for(lambda: load(shelf, document).status == "failed")

        assert load(shelf, document).error
        assert shelf.passages.count("default", document.id) == 0
        wait_for(lambda: deployment.find_leftovers() == [])


def test_a_job_done_twice_does_not_undo_the_document(deployment: Deployment) -> None:
    with deployment.open_library() as shelf:
        document = submit(shelf, 1)
        wait_for(lambda: all_ready(shelf))
        passages = shelf.passages.count("default", document.id)

        # A second worker was given the job too, and finds that its bytes are gone.
        shelf.library.give_up(Job("default", document.id), "The upload was lost.")

        assert all_ready(shelf)
        assert shelf.passages.count("default", document.id) == passages > 0


def test_a_stopped_worker_finishes_the_job_at_hand(deployment: Deployment) -> None:
    worker = deployment.start_worker()
    with deployment.open_library() as shelf:
        submit(shelf, 1, paragraphs=2_000)
        deployment.freeze_at_work(worker)
        worker.terminate()
        worker.send_signal(signal.SIGCONT)

        assert worker.wait(timeout=60) == 0

        assert all_ready(shelf)
        assert deployment.count_registered() == 0


def test_nobody_counts_as_a_worker_who_was_killed(deployment: Deployment) -> None:
    queue = RedisQueue(RedisConnection(url=deployment.server.url))
    worker = deployment.start_worker()
    assert queue.count_workers() == 1

    worker.kill()
    worker.wait()
    deployment.expire_workers()

    assert queue.count_workers() == 0


def test_threads_may_make_their_first_call_at_once() -> None:
    program = """
import threading
from domain.errors import RetrievalUnavailable
from stores.vectors import open_remote

failures = []
store = open_remote("http://127.0.0.1:9", collection="c", timeout_seconds=1)

def call():
    try:
        store.count("one")
    except RetrievalUnavailable:
        pass
    except BaseException as exc:
        failures.append(repr(exc))

store.open()
threads = [threading.Thread(target=call) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(failures)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert done.stdout.strip() == "[]"


def test_a_job_that_a_worker_is_taking_is_left_to_it(deployment: Deployment) -> None:
    queue = RedisQueue(RedisConnection(url=deployment.server.url))
    job = Job("default", "doc_1")
    queue.put(job, b"some text")
    # The first half of what RQ does to take a job; the worker dies or goes on.
    deployment.client.lmove(LINE, f"{LINE}:intermediate")

    assert queue.resume(job)

    assert deployment.client.llen(LINE) == 0


def test_a_job_that_ends_at_the_second_look_is_queued_anew(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = RedisQueue(RedisConnection(url=deployment.server.url))
    job = Job("default", "doc_1")
    queue.put(job, b"some text")
    deployment.client.delete(LINE)
    fetch = RQJob.fetch

    def fetch_and_end(*args: Any, **options: Any) -> RQJob:
        found = fetch(*args, **options)
        deployment.client.delete(found.key)
        return found

    monkeypatch.setattr(RQJob, "fetch", fetch_and_end)

    assert queue.resume(job)

    assert deployment.client.llen(LINE) == 1
