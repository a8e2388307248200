"""A service whose engines for speech are elsewhere, away, or missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.service import RunningService, start_service

RECORDING = Path(__file__).parents[2] / "samples" / "speech" / "az_weather.wav"
NOWHERE = "http://127.0.0.1:9/v1"


@pytest.fixture(scope="module")
def missing() -> Iterator[RunningService]:
    with start_service({"STT_ENGINE": "sherpa", "TTS_ENGINE": "piper"}) as service:
        yield service


@pytest.fixture(scope="module")
def away() -> Iterator[RunningService]:
    engines = {"STT_ENGINE": "openai", "TTS_ENGINE": "openai"}
    with start_service({**engines, "OPENAI_BASE_URL": NOWHERE}) as service:
        yield service


def _components(service: RunningService) -> dict[str, str]:
    found: dict[str, str] = httpx.get(f"{service.url}/health").json()["components"]
    return found


def _ask(service: RunningService) -> httpx.Response:
    return httpx.post(
        f"{service.url}/v1/audio",
        headers={"X-API-Key": service.key, "X-Conversation-Id": "engines-1"},
        files={"audio": ("question.wav", RECORDING.read_bytes(), "audio/wav")},
        data={"language": "en"},
        timeout=120,
    )


def test_what_an_engine_lacks_is_told_before_anybody_asks(
    missing: RunningService,
) -> None:
    components = _components(missing)

    assert components["speech_to_text"] == "unavailable"
    assert components["text_to_speech"] == "unavailable"


def test_a_missing_engine_is_a_503_that_names_what_is_missing(
    missing: RunningService,
) -> None:
    answer = _ask(missing)

    problem = answer.json()
    assert answer.status_code == 503
    assert problem["code"] == "speech_engine_unavailable"
    assert "sherpa-onnx" in problem["detail"] or "STT_MODEL_PATH" in problem["detail"]
    assert "/" not in problem["detail"]


def test_the_engines_of_the_machine_stand_in_for_servers_that_are_away(
    away: RunningService,
) -> None:
    before = _components(away)

    answer = _ask(away)

    after = _components(away)
    assert before["speech_to_text"] == before["text_to_speech"] == "ok"
    assert answer.status_code == 200
    assert answer.json()["transcript"] == "what's the weather like"
    assert answer.json()["audio"].startswith("52494646")
    assert "tts_failed" not in answer.json()["warnings"]
    assert after["speech_to_text"] == after["text_to_speech"] == "degraded"
