"""A real service that can be spoken over: a slow model, one document, recordings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from speech.encoding import parse_wav, resample
from tests.e2e.conftest import settle
from tests.fakes.openai_server import OpenAIServer
from tests.service import RunningService, start_service

SAMPLES = Path(__file__).resolve().parents[2] / "samples" / "speech"
CLIPS = ("austen_0930", "az_weather", "cards_005", "sb_spk2_snt1")
RATE_HZ = 24_000
SENTENCES = (
    "The university library opens at eight in the morning from Monday to Friday [1].",
    "Borrowing cards are issued free of charge at the desk on the ground floor [1].",
    "Overdue books cost two thousand rupiah for every day and every single book [1].",
    "Study rooms on the third floor are booked with the mobile application [1].",
)
FACTS = " ".join(sentence.replace(" [1]", "") for sentence in SENTENCES)
QUESTION = "Tell me about the opening, the cards, the overdue books and study rooms."


@dataclass(frozen=True, slots=True)
class SpokenService:
    """The service and the model behind it."""

    service: RunningService
    model: OpenAIServer


@contextmanager
def spoken_service(*, token_delay: float = 0.05) -> Iterator[SpokenService]:
    """Start a service whose model says four sentences, slowly."""
    model = OpenAIServer(
        token_delay=token_delay, script={"librarian": " ".join(SENTENCES)}
    )
    model.start()
    env = {
        "LLM_BASE_URL": model.url,
        "LLM_API_KEY": "unused",
        "LLM_MODEL": "librarian",
    }
    try:
        with start_service(env) as service:
            with service.client() as client:
                document = {"title": "Library guide", "text": FACTS}
                reply = client.post("/v1/documents", json=document)
                settle(client, reply.json()["document_id"])
            yield SpokenService(service, model)
    finally:
        model.stop()


def load_clip(name: str) -> bytes:
    """Return a recording as 16-bit samples at 24 kHz."""
    clip = parse_wav((SAMPLES / f"{name}.wav").read_bytes())
    return resample(clip, rate_hz=RATE_HZ).pcm
