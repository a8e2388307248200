"""A real service that knows one document, for the clients of other people."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.conftest import settle
from tests.service import RunningService, start_service

DOCUMENT = {
    "title": "Panduan PMB",
    "text": (
        "Jadwal pendaftaran\n\nPendaftaran mahasiswa baru dibuka pada 1 Maret 2026"
        " dan ditutup pada 30 April 2026.\n"
    ),
    "url": "https://example.ac.id/pmb",
}
QUESTION = "Kapan pendaftaran mahasiswa baru dibuka?"
SOUND = Path(__file__).resolve().parents[2] / "samples" / "speech" / "az_weather.wav"
WORDS = "what's the weather like"


@contextmanager
def informed_service(env: dict[str, str] | None = None) -> Iterator[RunningService]:
    """Start a service and let it read the document."""
    with start_service(env) as service:
        with service.client() as client:
            reply = client.post("/v1/documents", json=DOCUMENT)
            settle(client, reply.json()["document_id"])
        yield service
