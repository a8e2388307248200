"""Settings to engines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from config import Settings, load_settings
from domain.deadlines import Deadline
from domain.errors import ConfigurationError, SpeechEngineUnavailable
from domain.speech import AudioClip, VoiceStyle
from speech.fallback_stt import FallbackSTT
from speech.fallback_tts import FallbackTTS
from speech.local_stt import LocalSTT
from speech.local_tts import LocalTTS
from utils.stt import build_stt
from utils.tts import build_tts

CLIP = AudioClip(bytes(3_200), 16_000)


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def _settings(**values: Any) -> Settings:
    return Settings(_env_file=None, **values)


def test_nothing_configured_is_the_engines_of_this_machine() -> None:
    assert isinstance(build_stt(_settings(), vocabulary=list), LocalSTT)
    assert isinstance(build_tts(_settings()), LocalTTS)


@pytest.mark.parametrize(
    "values",
    [
        {"stt_engine": "openai", "openai_api_key": "k"},
        {"stt_engine": "openai", "openai_base_url": "http://127.0.0.1:9/v1"},
        {"stt_engine": "prosa", "prosa_stt_api_key": "k"},
        {"stt_engine": "prosa", "prosa_stt_url": "https://127.0.0.1:9/v2/speech"},
    ],
)
def test_remote_ears_have_the_local_ones_in_reserve(values: dict[str, Any]) -> None:
    engine = build_stt(_settings(**values), vocabulary=list)

    assert isinstance(engine, FallbackSTT)
    assert engine.state() == "ok"


@pytest.mark.parametrize(
    ("values", "voices"),
    [
        ({"tts_engine": "openai", "openai_api_key": "k"}, ("alloy", "ash")),
        (
            {
                "tts_engine": "openai",
                "openai_base_url": "http://127.0.0.1:9/v1",
                "openai_tts_voice": "af_heart",
            },
            ("af_heart",),
        ),
        (
            {
                "tts_engine": "prosa",
                "prosa_tts_api_key": "k",
                "prosa_tts_voice_id": "tts-ghifari-professional",
            },
            ("tts-ghifari-professional",),
        ),
    ],
)
def test_remote_mouths_have_the_local_ones_in_reserve(
    values: dict[str, Any], voices: tuple[str, ...]
) -> None:
    engine = build_tts(_settings(**values))

    assert isinstance(engine, FallbackTTS)
    assert engine.state() == "ok"
    assert tuple(engine.voices("id"))[: len(voices)] == voices


@pytest.mark.parametrize("engine", ["faster-whisper", "sherpa"])
async def test_ears_without_a_model_say_what_is_missing(engine: Any) -> None:
    ears = build_stt(_settings(stt_engine=engine), vocabulary=list)

    assert ears.state() == "unavailable"
    with pytest.raises(SpeechEngineUnavailable, match=r"not installed|STT_MODEL_PATH"):
        await ears.transcribe(CLIP, language="id", deadline=Deadline.after(5))


@pytest.mark.parametrize("engine", ["piper", "sherpa"])
async def test_mouths_without_a_model_say_what_is_missing(engine: Any) -> None:
    mouth = build_tts(_settings(tts_engine=engine))
    sound = mouth.speak("a", style=VoiceStyle("id"), deadline=Deadline.after(5))

    assert mouth.state() == "unavailable"
    with pytest.raises(SpeechEngineUnavailable, match=r"not installed|TTS_MODEL_PATH"):
        await anext(sound)


async def test_engines_can_be_switched_off() -> None:
    ears = build_stt(_settings(stt_engine="off"), vocabulary=list)
    mouth = build_tts(_settings(tts_engine="off"))

    for engine in (ears, mouth):
        await engine.start()
        assert engine.state() == "off"
        await engine.close()


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"STT_ENGINE": "openai"}, "OPENAI_API_KEY"),
        ({"TTS_ENGINE": "openai"}, "OPENAI_API_KEY"),
        ({"STT_ENGINE": "prosa"}, "PROSA_STT_API_KEY"),
        ({"TTS_ENGINE": "prosa"}, "PROSA_TTS_API_KEY"),
        ({"STT_ENGINE": "prosa", "PROSA_STT_URL": "ftp://host/stt"}, "PROSA_STT_URL"),
        ({"TTS_ENGINE": "prosa", "PROSA_TTS_URL": "redis://host"}, "PROSA_TTS_URL"),
        ({"STT_ENGINE": "piper"}, "STT_ENGINE"),
        ({"TTS_ENGINE": "faster-whisper"}, "TTS_ENGINE"),
        ({"OPENAI_TTS_RATE_HZ": "4000"}, "OPENAI_TTS_RATE_HZ"),
        ({"STT_TIMEOUT": "0"}, "STT_TIMEOUT"),
    ],
)
def test_settings_that_cannot_work_stop_the_start_by_name(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str], name: str
) -> None:
    for variable, value in values.items():
        monkeypatch.setenv(variable, value)

    with pytest.raises(ConfigurationError, match=f"^{name}:"):
        load_settings()
