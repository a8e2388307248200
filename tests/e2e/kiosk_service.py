"""A service with kiosks, a guide to its library, and a question about it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from auth.keys import digest_key
from tests.e2e.conftest import SAMPLES, ingest_file
from tests.fakes.spoken import speak
from tests.service import RunningService, start_service

KEY = "tanya_program-key-of-the-campus-00000000000000000"
HALL = "tanya_device-key-of-the-kiosk-in-the-hall-0000000"
UPSTAIRS = "tanya_device-key-of-the-kiosk-upstairs-00000000000"
ELSEWHERE = "tanya_device-key-of-another-tenants-kiosk-0000000"
GUIDE = SAMPLES / "07-perpustakaan.txt"
QUESTION = "Jam berapa perpustakaan buka?"
LEARN_SECONDS = 120.0
CURRENT = "/v1/kiosk/sessions/current"


@contextmanager
def start_kiosks(**env: str) -> Iterator[RunningService]:
    """Yield a service with two kiosks that knows its library, and hears about it."""
    devices = ",".join(f"default:{digest_key(key)}" for key in (HALL, UPSTAIRS))
    settings = {
        "API_KEY": KEY,
        "DEVICE_KEYS": devices,
        "PUBLIC_URL": "https://tanya.example.ac.id",
    }
    with start_service(settings | env) as running:
        with running.client(timeout=60) as client:
            assert ingest_file(client, GUIDE)["status"] == "ready"
        # The recogniser learns the words of the documents when it starts.
        running.restart()
        with running.client(timeout=60) as client:
            _wait_until_heard(client)
        yield running


def _wait_until_heard(client: httpx.Client) -> None:
    """Return when the recogniser has learnt the words of the guide."""
    audio = speak(QUESTION, language="id")
    end = time.monotonic() + LEARN_SECONDS
    while time.monotonic() < end:
        reply = client.post(
            "/v1/audio",
            headers={"X-Conversation-Id": "is-it-heard"},
            files={"audio": ("question.wav", audio)},
            data={"language": "id"},
        )
        if reply.is_success and "perpustakaan" in reply.json()["transcript"]:
            client.delete("/v1/conversations/is-it-heard")
            return
        time.sleep(0.5)
    raise AssertionError("the question was never heard")


class Kiosk:
    """One device, as a program on it would use the service."""

    def __init__(self, service: RunningService, key: str = HALL) -> None:
        self.client = httpx.Client(
            base_url=service.url,
            headers={"X-API-Key": key},
            timeout=60,
            trust_env=False,
        )

    def begin(self) -> Any:
        """Return the body of a new session."""
        reply = self.client.post("/v1/kiosk/sessions")
        assert reply.status_code == 201, reply.text
        return reply.json()

    def ask(self, session: str | None, audio: bytes, **headers: str) -> httpx.Response:
        """Ask aloud for the visitor of *session*."""
        sent = {"X-Kiosk-Session": session} if session else {}
        return self.client.post(
            "/v1/audio",
            headers=sent
            | {name.replace("_", "-"): text for name, text in headers.items()},
            files={"audio": ("question.wav", audio)},
            data={"language": "id"},
        )

    def current(self, session: str, method: str, path: str = "") -> httpx.Response:
        """Do something with the session."""
        return self.client.request(
            method, CURRENT + path, headers={"X-Kiosk-Session": session}
        )

    def end(self, session: str) -> httpx.Response:
        """Let the visitor go."""
        return self.current(session, "DELETE")

    def __enter__(self) -> Kiosk:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()


def in_thread(work: Any, *arguments: Any) -> tuple[threading.Thread, list[Any]]:
    """Start *work* beside the test; the list gets its result."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(work(*arguments)))
    thread.start()
    return thread, results


def read_log(service: RunningService) -> str:
    """Return everything the service has written."""
    return Path(service.log_path).read_text(encoding="utf-8", errors="replace")
