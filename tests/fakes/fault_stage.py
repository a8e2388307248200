"""The whole product on loopback, each server behind a proxy that can spoil its way."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from domain.documents import Passage
from stores.vectors import open_remote
from tests.fakes.fault_proxy import FaultProxy
from tests.fakes.openai_server import OpenAIServer
from tests.fakes.qdrant_server import FakeQdrant, serve_qdrant
from tests.fakes.redis_server import RedisServer
from tests.service import RunningService, start_service

JSON = dict[str, Any]

TEXT = "Perahu dayung Kenari disewakan pukul 06.15 di dermaga timur."
QUESTION = "Pukul berapa perahu dayung Kenari disewakan?"
ANSWER = "06.15"


class Guest:
    """A caller of the service who gives up on nothing by itself."""

    def __init__(self, service: RunningService, *, timeout: float = 40.0) -> None:
        self.service = service
        self.http = service.client(timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.http.close()

    def ask(
        self,
        conversation: str,
        message: str = QUESTION,
        *,
        key: str | None = None,
        **body: Any,
    ) -> httpx.Response:
        """Ask once; the answer may be a problem."""
        return self.http.post(
            "/v1/chat",
            json={"message": message, **body},
            headers=_turn_headers(conversation, key),
        )

    def told(self, conversation: str, message: str = QUESTION, **options: Any) -> JSON:
        """Ask, and have an answer; return its body."""
        reply = self.ask(conversation, message, **options)
        assert reply.status_code == 200, reply.text
        body: JSON = reply.json()
        return body

    def stream(
        self, conversation: str, message: str = QUESTION
    ) -> list[tuple[str, JSON]]:
        """Ask for a stream; return its events."""
        with self.http.stream(
            "POST",
            "/v1/chat",
            json={"message": message, "stream": True},
            headers=_turn_headers(conversation, None),
        ) as reply:
            assert reply.status_code == 200, reply.read()
            return list(read_events(reply.iter_lines()))

    def messages(self, conversation: str) -> list[JSON]:
        """Return the stored messages; none for a conversation that is not there."""
        reply = self.http.get(f"/v1/conversations/{conversation}")
        if reply.status_code == 404:
            return []
        assert reply.status_code == 200, reply.text
        found: list[JSON] = reply.json()["messages"]
        return found

    def turns(self, conversation: str) -> list[tuple[str, str]]:
        """Return (question, id of its answer) of each stored turn; all are whole."""
        messages = self.messages(conversation)
        assert [one["role"] for one in messages] == ["user", "assistant"] * (
            len(messages) // 2
        )
        return [
            (question["text"], answer["id"])
            for question, answer in zip(messages[::2], messages[1::2], strict=True)
        ]

    def health(self) -> JSON:
        """Return what `/health` says, which it always does."""
        reply = self.http.get("/health")
        assert reply.status_code == 200
        body: JSON = reply.json()
        return body

    def ready(self) -> tuple[int, list[str]]:
        """Return status and reasons of `/ready`."""
        reply = self.http.get("/ready")
        return reply.status_code, reply.json().get("reasons", [])


def _turn_headers(conversation: str, key: str | None) -> dict[str, str]:
    headers = {"X-Conversation-Id": conversation}
    return headers | ({"Idempotency-Key": key} if key else {})


def read_events(lines: Iterator[str]) -> Iterator[tuple[str, JSON]]:
    """Yield (name, data) of each server-sent event."""
    name = ""
    for line in lines:
        if line.startswith("event:"):
            name = line[6:].strip()
        elif line.startswith("data:"):
            yield name, json.loads(line[5:])


@dataclass
class Stage:
    """What runs; a part that was not asked for is None."""

    service: RunningService
    redis: RedisServer | None = None
    redis_way: FaultProxy | None = None
    qdrant: FakeQdrant | None = None
    qdrant_way: FaultProxy | None = None
    model: OpenAIServer | None = None
    model_way: FaultProxy | None = None

    def guest(self, *, timeout: float = 40.0) -> Guest:
        """Return a caller; the test closes it."""
        return Guest(self.service, timeout=timeout)


@contextlib.contextmanager
def set_stage(
    folder: Path,
    *,
    workers: int = 1,
    redis: RedisServer | None = None,
    remote_vectors: bool = False,
    model: str | None = None,
    model_options: Mapping[str, Any] | None = None,
    proxied_model: bool = True,
    env: Mapping[str, str] | None = None,
    arguments: Sequence[str] = (),
    prefix: Sequence[str] = (),
    app: str = "wsgi:app",
) -> Iterator[Stage]:
    """
    Run the service with what it is given, one passage known to it.

    Args:
        redis: A running server, reached through a proxy; None: the embedded one.
        remote_vectors: A Qdrant stand-in behind a proxy; needed for several workers.
        model: Name of the model, behind a proxy; None: the extractive answerer.
        proxied_model: False spares the proxy, for campaigns of many streams.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data_dir = folder / "data"
    data_dir.mkdir(exist_ok=True)
    settings: dict[str, str] = {
        "WEB_CONCURRENCY": str(workers),
        # Their processes and models are nothing that these tests ask for.
        **{f"{engine}_ENGINE": "off" for engine in ("STT", "TTS", "EMOTION")},
    }
    with contextlib.ExitStack() as stack:
        parts: dict[str, Any] = {}
        if redis is not None:
            way = stack.enter_context(FaultProxy(redis.port))
            parts |= {"redis": redis, "redis_way": way}
            settings["REDIS_URL"] = f"redis://127.0.0.1:{way.port}"
        if remote_vectors or workers > 1:
            qdrant = stack.enter_context(serve_qdrant())
            teach_remote(qdrant.url)
            way = stack.enter_context(FaultProxy(int(qdrant.url.rpartition(":")[2])))
            parts |= {"qdrant": qdrant, "qdrant_way": way}
            settings["QDRANT_URL"] = f"http://127.0.0.1:{way.port}"
        if model is not None:
            server = OpenAIServer(**(model_options or {}))
            server.start()
            stack.callback(server.stop)
            port = server.port
            parts["model"] = server
            if proxied_model:
                way = stack.enter_context(FaultProxy(server.port))
                parts["model_way"], port = way, way.port
            settings |= {
                "LLM_BASE_URL": f"http://127.0.0.1:{port}/v1",
                "LLM_MODEL": model,
                "LLM_API_KEY": "key-of-the-model",
            }
        service = stack.enter_context(
            start_service(
                settings | dict(env or {}),
                app=app,
                data_dir=data_dir,
                arguments=arguments,
                prefix=prefix,
            )
        )
        stage = Stage(service, **parts)
        if stage.qdrant is None:
            teach_over_http(service)
        yield stage


def teach_remote(url: str) -> None:
    """Put the one passage into a Qdrant server."""
    store = open_remote(url, collection="tanya")
    store.open()
    store.add([_passage()])
    store.close()


def teach_over_http(service: RunningService) -> None:
    """Hand the one passage in and wait until it is found."""
    with service.client() as client:
        reply = client.post(
            "/v1/documents", json={"title": "Jam layanan perahu dayung", "text": TEXT}
        )
        assert reply.status_code in {200, 202}, reply.text
        place = f"/v1/documents/{reply.json()['document_id']}"
        wait_until(lambda: client.get(place).json()["status"] == "ready")


def _passage() -> Passage:
    return Passage(
        id="2b6e1a52-7d1c-4f6c-9d6b-0b8a3e0c9f11",
        tenant="default",
        document_id="doc_boat",
        ordinal=0,
        file="perahu.txt",
        title="Jam layanan perahu dayung",
        text=TEXT,
        language="id",
    )


def wait_until(
    check: Callable[[], bool], *, seconds: float = 30.0, pause: float = 0.05
) -> float:
    """Wait until *check* holds; return the seconds it took, fail after *seconds*."""
    began = time.monotonic()
    while not check():
        assert time.monotonic() - began < seconds, "it did not happen in time"
        time.sleep(pause)
    return time.monotonic() - began


def find_workers(service: RunningService) -> list[int]:
    """Return the processes that gunicorn has forked and that live."""
    children = Path(f"/proc/{service.pid}/task/{service.pid}/children")
    return [int(pid) for pid in children.read_text().split()]


@contextlib.contextmanager
def standing_still(pid: int) -> Iterator[None]:
    """Stop a process for the length of the block."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
