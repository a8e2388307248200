"""Settings to one ready engine that hears."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from config import Settings
from domain.errors import ConfigurationError
from speech.engines import RecognitionEngine
from speech.local_stt import LocalSTT
from speech.off import OffSTT
from speech.openai_stt import OpenAISTT

Vocabulary = Callable[[], Iterable[str]]


def build_stt(settings: Settings, *, vocabulary: Vocabulary) -> RecognitionEngine:
    """
    Return the engine of `STT_ENGINE`; it is started and closed by the server.

    Args:
        settings: Of this deployment.
        vocabulary: Sentences of the ingested documents; called in a thread.

    Raises:
        ConfigurationError: The engine cannot work with these settings.
    """
    engine = settings.stt_engine
    if engine == "off":
        return OffSTT()
    if engine == "local":
        return LocalSTT(vocabulary)
    if engine == "openai":
        key = settings.openai_api_key
        return OpenAISTT(
            base_url=settings.openai_base_url,
            api_key=key.get_secret_value() if key else None,
            timeout_seconds=settings.stt_timeout,
            vocabulary=vocabulary,
        )
    raise ConfigurationError(f"STT_ENGINE: {engine} is not installed")
