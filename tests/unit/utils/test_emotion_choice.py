"""Settings to a reader of emotions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from config import Settings, load_settings
from domain.errors import ConfigurationError
from speech.fallback_emotion import FallbackEmotion
from speech.local_emotion import LocalEmotion
from speech.off import OffEmotion
from utils.emotion import build_emotion


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def _settings(**values: Any) -> Settings:
    return Settings(_env_file=None, **values)


def test_nothing_configured_reads_on_this_machine() -> None:
    assert isinstance(build_emotion(_settings()), LocalEmotion)


def test_off_reads_nothing() -> None:
    assert isinstance(build_emotion(_settings(emotion_engine="off")), OffEmotion)


@pytest.mark.parametrize(
    "values",
    [
        {"emotion_engine": "http", "emotion_url": "http://127.0.0.1:9"},
        {"emotion_engine": "prosa", "prosa_emotion_api_key": "k"},
        {"emotion_engine": "prosa", "prosa_emotion_url": "http://127.0.0.1:9/e"},
    ],
)
def test_a_service_has_the_local_models_in_reserve(values: dict[str, Any]) -> None:
    engine = build_emotion(_settings(**values))

    assert isinstance(engine, FallbackEmotion)
    assert engine.state() == "ok"


def test_the_vendor_without_a_key_is_degraded_from_the_start() -> None:
    assert build_emotion(_settings(emotion_engine="prosa")).state() == "degraded"


def test_a_service_without_an_address_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EMOTION_ENGINE", "http")
    with pytest.raises(ConfigurationError, match="EMOTION_URL: required"):
        load_settings({})


@pytest.mark.parametrize("engine", ["openai", "sherpa", "LOCAL"])
def test_another_engine_is_refused(
    monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    monkeypatch.setenv("EMOTION_ENGINE", engine)
    with pytest.raises(ConfigurationError, match="EMOTION_ENGINE"):
        load_settings({})
