"""Settings to one ready reader of emotions."""

from __future__ import annotations

from config import Settings
from domain.errors import ConfigurationError
from speech.engines import EmotionEngine
from speech.fallback_emotion import FallbackEmotion
from speech.http_emotion import HTTPEmotion
from speech.local_emotion import LocalEmotion
from speech.off import OffEmotion
from speech.outage import Outage
from speech.prosa_emotion import ProsaEmotion


def build_emotion(settings: Settings) -> EmotionEngine:
    """
    Return the engine of `EMOTION_ENGINE`; it is started and closed by the server.

    A service falls back to the local models within the same `EMOTION_TIMEOUT`.

    Raises:
        ConfigurationError: The engine cannot work with these settings.
    """
    seconds = settings.emotion_timeout
    if settings.emotion_engine == "off":
        return OffEmotion()
    local = LocalEmotion(timeout_seconds=seconds)
    if settings.emotion_engine == "local":
        return local
    return FallbackEmotion(
        _build_service(settings),
        local,
        timeout_seconds=seconds,
        outage=Outage("emotion"),
        needs_sound=settings.emotion_engine == "http",
    )


def _build_service(settings: Settings) -> EmotionEngine:
    seconds = settings.emotion_timeout
    if settings.emotion_engine == "http":
        if not settings.emotion_url:
            raise ConfigurationError(
                "EMOTION_URL: required when EMOTION_ENGINE is http"
            )
        return HTTPEmotion(settings.emotion_url, timeout_seconds=seconds)
    key = settings.prosa_emotion_api_key
    return ProsaEmotion(
        url=settings.prosa_emotion_url,
        api_key=key.get_secret_value() if key else None,
        timeout_seconds=seconds,
    )
