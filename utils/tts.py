"""Settings to one ready engine that speaks."""

from __future__ import annotations

from config import Settings
from domain.errors import ConfigurationError
from speech.engines import SpeakingEngine
from speech.local_tts import LocalTTS
from speech.off import OffTTS


def build_tts(settings: Settings) -> SpeakingEngine:
    """
    Return the engine of `TTS_ENGINE`; it is started and closed by the server.

    Raises:
        ConfigurationError: The engine cannot work with these settings.
    """
    engine = settings.tts_engine
    if engine == "off":
        return OffTTS()
    if engine == "local":
        return LocalTTS.find()
    raise ConfigurationError(f"TTS_ENGINE: {engine} is not installed")
