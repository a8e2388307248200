"""The product on servers: Redis, Qdrant, a model, two workers and one for documents."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import SAMPLES, settle
from tests.fakes.openai_server import OpenAIServer
from tests.fakes.problems import assert_problem
from tests.fakes.qdrant_server import Engine, FakeQdrant, serve_qdrant
from tests.fakes.redis_server import RedisServer
from tests.service import ROOT, RunningService, start_service

QUESTION = "Kapan ULS berdiri?"
ANSWER = "17 Maret 1968"
QDRANT_KEY = "key-of-the-vector-store"


@dataclass
class Qdrant:
    """The stand-in, which can go away and come back with its data."""

    engine: Engine = field(default_factory=Engine)
    port: int = 0
    running: FakeQdrant | None = None
    _stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def start(self) -> None:
        self.running = self._stack.enter_context(
            serve_qdrant(self.port, engine=self.engine, api_key=QDRANT_KEY)
        )
        self.port = int(self.running.url.rpartition(":")[2])

    def stop(self) -> None:
        self._stack.close()

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        self.stop()
        try:
            yield
        finally:
            self.start()


@dataclass
class Deployment:
    """Everything that runs, and the addresses it was told."""

    service: RunningService
    qdrant: Qdrant
    model: OpenAIServer
    redis: RedisServer
    worker: subprocess.Popen[bytes]
    worker_log: Path


@contextlib.contextmanager
def document_worker(
    env: dict[str, str], log_path: Path
) -> Iterator[subprocess.Popen[bytes]]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG")}
    with log_path.open("ab") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "knowledge", "work"],
            cwd=ROOT,
            env=kept | env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        yield worker
    finally:
        worker.terminate()
        worker.wait(timeout=30)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("servers")
    data_dir = folder / "data"
    data_dir.mkdir()
    with contextlib.ExitStack() as stack:
        qdrant = Qdrant()
        qdrant.start()
        stack.callback(qdrant.stop)
        model = OpenAIServer()
        model.start()
        stack.callback(model.stop)
        redis = stack.enter_context(RedisServer(folder / "redis"))
        env = {
            "REDIS_URL": redis.url,
            "QDRANT_URL": f"http://127.0.0.1:{qdrant.port}",
            "QDRANT_API_KEY": QDRANT_KEY,
            "LLM_BASE_URL": model.url,
            "LLM_MODEL": "good",
            "LLM_API_KEY": "key-of-the-model",
            "OPENAI_BASE_URL": model.url,
            "OPENAI_API_KEY": "key-of-the-embeddings",
            "EMBEDDING_MODEL": "embed",
        }
        log = folder / "worker.log"
        worker = stack.enter_context(
            document_worker(env | {"DATA_DIR": str(data_dir)}, log)
        )
        wait_for(
            lambda: b":1\r\n" in redis.command("SCARD", "rq:workers:tanya-documents")
        )
        service = stack.enter_context(
            start_service(env | {"WEB_CONCURRENCY": "2"}, data_dir=data_dir)
        )
        yield Deployment(service, qdrant, model, redis, worker, log)


@pytest.fixture(scope="module")
def client(deployment: Deployment) -> Iterator[httpx.Client]:
    with deployment.service.client(timeout=60) as one:
        yield one


@pytest.fixture(scope="module")
def taught(client: httpx.Client) -> list[Any]:
    """Hand every sample in, in all formats; return the documents."""
    return hand_in_samples(client)


def hand_in_samples(client: httpx.Client) -> list[Any]:
    ids = []
    for path in sorted(SAMPLES.iterdir()):
        reply = client.post(
            "/v1/documents", files={"file": (path.name, path.read_bytes())}
        )
        assert reply.status_code in {200, 202}, reply.text
        ids.append(reply.json()["document_id"])
    return [settle(client, one) for one in ids]


def wait_for(condition: Callable[[], bool], *, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)


def chat(client: httpx.Client, conversation: str, message: str) -> httpx.Response:
    return client.post(
        "/v1/chat",
        json={"message": message},
        headers={"X-Conversation-Id": conversation},
    )


def ask(client: httpx.Client, conversation: str, message: str) -> Any:
    reply = chat(client, conversation, message)
    assert reply.status_code == 200, reply.text
    return reply.json()


def stream(client: httpx.Client, conversation: str, message: str) -> list[Any]:
    """Return the events of a streamed turn as (name, data)."""
    events: list[Any] = []
    name = ""
    with client.stream(
        "POST",
        "/v1/chat",
        json={"message": message, "stream": True},
        headers={"X-Conversation-Id": conversation},
    ) as reply:
        assert reply.status_code == 200
        for line in reply.iter_lines():
            if line.startswith("event:"):
                name = line[6:].strip()
            elif line.startswith("data:"):
                events.append((name, json.loads(line[5:])))
    return events


def find_workers(service: RunningService) -> list[int]:
    """Return the processes that gunicorn has forked."""
    children = Path(f"/proc/{service.pid}/task/{service.pid}/children")
    return [int(pid) for pid in children.read_text().split()]


@contextlib.contextmanager
def standing_still(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_every_format_is_taken_in_by_the_worker(
    deployment: Deployment, taught: list[Any]
) -> None:
    assert [one["status"] for one in taught] == ["ready"] * len(taught)
    assert {Path(one["file"]).suffix for one in taught} == {
        *(".md", ".pdf", ".html", ".docx", ".txt")
    }
    assert all(one["chunks"] >= 1 for one in taught)
    # The service itself read none of them.
    assert "document_ready" not in deployment.service.log()
    # One request, one vector: passages were embedded by the worker.
    assert deployment.model.stats.embedded_texts >= sum(one["chunks"] for one in taught)


def test_a_second_time_makes_no_second_copy(
    deployment: Deployment, client: httpx.Client, taught: list[Any]
) -> None:
    embedded = deployment.model.stats.embedded_texts

    again = hand_in_samples(client)

    assert [one["document_id"] for one in again] == [
        one["document_id"] for one in taught
    ]
    assert [one["chunks"] for one in again] == [one["chunks"] for one in taught]
    listed = client.get("/v1/documents?limit=100").json()["items"]
    assert len(listed) == len(taught)
    assert deployment.model.stats.embedded_texts == embedded


def test_an_answer_is_streamed_by_the_model_and_cited(
    deployment: Deployment, client: httpx.Client, taught: list[Any]
) -> None:
    calls = deployment.model.stats.chat_calls

    events = stream(client, "servers-stream", QUESTION)

    names = [name for name, _ in events]
    assert names[0] == "turn.started"
    assert names[-1] == "answer.completed"
    said = "".join(data["delta"] for name, data in events if name == "answer.delta")
    body = events[-1][1]
    assert said == body["answer"]
    assert ANSWER in body["answer"]
    assert "[1]" in body["answer"]
    assert body["citations"][0]["file"] == "01-profil-universitas.md"
    assert body["citations"][0]["supported"] is True
    assert body["degraded"] == []
    assert deployment.model.stats.chat_calls > calls


def test_two_workers_serve_one_conversation_in_order(
    deployment: Deployment, client: httpx.Client, taught: list[Any]
) -> None:
    questions = [f"Kapan ULS berdiri? Pertanyaan ke-{n}." for n in range(20)]
    workers = find_workers(deployment.service)
    assert len(workers) == 2
    answers = []

    for turn, question in enumerate(questions):
        # While one stands still, the other one must answer: they take turns.
        with standing_still(workers[turn % 2]), deployment.service.client() as fresh:
            answers.append(ask(fresh, "servers-long", question))

    told = client.get("/v1/conversations/servers-long").json()["messages"]
    assert [one["text"] for one in told if one["role"] == "user"] == questions
    assert [one["id"] for one in told if one["role"] == "assistant"] == [
        one["message_id"] for one in answers
    ]
    assert [one["role"] for one in told] == ["user", "assistant"] * len(questions)


def test_turns_that_come_at_once_wait_for_each_other(
    deployment: Deployment, client: httpx.Client, taught: list[Any]
) -> None:
    def turn(number: int) -> str:
        with deployment.service.client() as fresh:
            body = ask(fresh, "servers-crowd", f"Kapan ULS berdiri? Nomor {number}.")
            return str(body["message_id"])

    with ThreadPoolExecutor(4) as pool:
        answers = set(pool.map(turn, range(8)))

    told = client.get("/v1/conversations/servers-crowd").json()["messages"]
    assert [one["role"] for one in told] == ["user", "assistant"] * 8
    assert {one["id"] for one in told if one["role"] == "assistant"} == answers


def test_a_removed_document_is_in_no_later_answer(
    client: httpx.Client, taught: list[Any]
) -> None:
    text = "Perahu dayung Kenari disewakan pukul 06.15 di dermaga timur."
    reply = client.post(
        "/v1/documents", json={"title": "Jam layanan perahu dayung", "text": text}
    )
    settle(client, reply.json()["document_id"])
    question = "Pukul berapa perahu dayung Kenari disewakan?"
    before = ask(client, "servers-boat-1", question)

    removed = client.delete(reply.headers["location"])

    assert "06.15" in before["answer"]
    assert removed.status_code == 204
    for turn in range(6):
        # Neither worker remembers it.
        after = ask(client, f"servers-boat-after-{turn}", question)
        assert "06.15" not in after["answer"]


def test_without_qdrant_a_turn_is_refused_and_nothing_is_stored(
    deployment: Deployment, client: httpx.Client, taught: list[Any]
) -> None:
    with deployment.qdrant.away():
        reply = chat(client, "servers-away", QUESTION)
        problem = assert_problem(reply, 503, "retrieval_unavailable")
        streamed = stream(client, "servers-away", QUESTION)
        health = client.get("/health")
        kept = client.get("/v1/conversations/servers-away")

    assert problem["retryable"] is True
    assert int(reply.headers["retry-after"]) >= 1
    assert streamed[-1][0] == "error"
    assert streamed[-1][1]["code"] == "retrieval_unavailable"
    assert health.status_code == 200
    assert kept.status_code == 404
    assert ANSWER in ask(client, "servers-away", QUESTION)["answer"]


def test_a_document_handed_in_while_qdrant_is_away_is_ready_afterwards(
    deployment: Deployment, client: httpx.Client, taught: list[Any]
) -> None:
    text = "Sepeda lipat Merpati dipinjamkan di gedung Anggrek lantai tiga."
    with deployment.qdrant.away():
        reply = client.post("/v1/documents", json={"title": "Sepeda", "text": text})
        assert reply.status_code == 202
        wait_for(lambda: "document_postponed" in deployment.worker_log.read_text())

    body = settle(client, reply.json()["document_id"])

    assert body["status"] == "ready"
    found = ask(client, "servers-bicycle", "Di mana sepeda lipat Merpati dipinjamkan?")
    assert "Anggrek" in found["answer"]


def test_without_redis_turns_go_on_and_uploads_wait(
    deployment: Deployment, client: httpx.Client, taught: list[Any]
) -> None:
    document = {
        "title": "Kapal",
        "text": "Kapal riset Camar berlabuh di dermaga tujuh.",
    }
    question = "Di mana kapal riset Camar berlabuh?"
    before = ask(client, "servers-no-redis", QUESTION)
    deployment.redis.kill()
    try:
        refused = client.post("/v1/documents", json=document)
        during = ask(client, "servers-no-redis", QUESTION)
    finally:
        deployment.redis.start()

    problem = assert_problem(refused, 503, "upload_storage")
    assert problem["retryable"] is True
    assert during["degraded"] == ["state"]
    wait_for(lambda: client.get("/health").json()["redis"] == "ok")
    reply = client.post("/v1/documents", json=document)
    assert settle(client, reply.json()["document_id"])["status"] == "ready"
    assert "tujuh" in ask(client, "servers-ship", question)["answer"]
    wait_for(lambda: "degraded" not in client.get("/health").text)
    after = ask(client, "servers-no-redis", QUESTION)
    told = client.get("/v1/conversations/servers-no-redis").json()["messages"]
    assert [one["id"] for one in told if one["role"] == "assistant"] == [
        turn["message_id"] for turn in (before, during, after)
    ]
    assert after["degraded"] == []


def test_a_model_that_is_away_is_told_by_its_code(
    deployment: Deployment, client: httpx.Client, taught: list[Any]
) -> None:
    port = deployment.model.port
    deployment.model.stop()
    try:
        reply = chat(client, "servers-model", QUESTION)
        problem = assert_problem(reply, 502, "upstream_error")
        kept = client.get("/v1/conversations/servers-model")
    finally:
        deployment.model.start(port)

    assert problem["retryable"] is True
    assert kept.status_code == 404
    again = ask(client, "servers-model", QUESTION)
    assert ANSWER in again["answer"]
    assert again["degraded"] == []


def test_a_restart_keeps_conversations_and_documents(
    deployment: Deployment, client: httpx.Client, taught: list[Any]
) -> None:
    first = ask(client, "servers-restart", QUESTION)

    deployment.service.restart()

    with deployment.service.client() as fresh:
        second = ask(fresh, "servers-restart", QUESTION)
        told = fresh.get("/v1/conversations/servers-restart").json()["messages"]
    assert [one["id"] for one in told if one["role"] == "assistant"] == [
        first["message_id"],
        second["message_id"],
    ]
    assert second["answer"] == first["answer"]


def test_no_key_and_no_text_of_a_document_reaches_a_log(
    deployment: Deployment, taught: list[Any]
) -> None:
    written = deployment.service.log() + deployment.worker_log.read_text()

    for secret in (
        *(QDRANT_KEY, "key-of-the-model", "key-of-the-embeddings"),
        *(deployment.service.key, ANSWER, QUESTION),
    ):
        assert secret not in written
