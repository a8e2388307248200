"""The official client for JavaScript, unchanged, on a real service."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.javascript import run_script
from tests.e2e.openai_service import SOUND, WORDS, informed_service

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def seen() -> Any:
    """Return what the client saw, by the name of the job."""
    with informed_service() as service:
        return run_script(
            "ask.mjs",
            {
                "BASE_URL": f"{service.url}/v1",
                "API_KEY": service.key,
                "SOUND": str(SOUND),
            },
        )


def value(seen: Any, job: str) -> Any:
    assert "value" in seen[job], seen[job]
    return seen[job]["value"]


def test_models_are_listed_and_read(seen: Any) -> None:
    names = [model["id"] for model in value(seen, "models")]

    assert names == ["tanya", "tanya-transcribe", "tanya-speech"]
    assert value(seen, "model")["id"] == "tanya"


def test_an_answer_comes_with_its_sources(seen: Any) -> None:
    completion = value(seen, "chat")

    message = completion["choices"][0]["message"]
    cited = message["annotations"][0]["url_citation"]
    assert "1 Maret 2026" in message["content"]
    assert message["content"][cited["start_index"] : cited["end_index"]] == "[1]"
    assert completion["tanya"]["citations"][0]["title"] == "Panduan PMB"


def test_the_history_is_that_of_the_caller(seen: Any) -> None:
    message = value(seen, "follow_up")["choices"][0]["message"]

    assert "30 April 2026" in message["content"]


def test_a_stream_adds_up_to_the_answer(seen: Any) -> None:
    chunks = value(seen, "stream")

    answer = value(seen, "chat")["choices"][0]["message"]["content"]
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    assert "".join(delta.get("content", "") for delta in deltas) == answer
    assert value(seen, "runner") == answer
    assert chunks[-1]["usage"]["total_tokens"] > 0


def test_speech_is_written_down(seen: Any) -> None:
    assert value(seen, "transcript")["text"] == WORDS
    assert value(seen, "transcript_stream")[-1]["text"] == WORDS
    assert WORDS in value(seen, "transcript_vtt")
    assert value(seen, "transcript_vtt").startswith("WEBVTT")


def test_a_text_is_read_out(seen: Any) -> None:
    sound = value(seen, "speech")

    assert (sound["type"], sound["head"]) == ("audio/flac", "fLaC")
    assert sound["length"] > 10_000


@pytest.mark.parametrize(
    ("job", "error", "status", "code", "param"),
    [
        ("wrong_key", "AuthenticationError", 401, "invalid_api_key", None),
        ("unknown_model", "NotFoundError", 404, "model_not_found", "model"),
        ("image", "BadRequestError", 400, "validation_failed", "messages.0.content"),
    ],
)
def test_errors_are_those_of_the_client(
    seen: Any, job: str, error: str, status: int, code: str, param: str | None
) -> None:
    found = seen[job]

    assert (found["error"], found["status"], found["code"]) == (error, status, code)
    assert found.get("param") == param
    assert found["request_id"]
