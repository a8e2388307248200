"""Settings to one ready engine that hears."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from config import Settings
from speech.engines import RecognitionEngine
from speech.fallback_stt import FallbackSTT
from speech.faster_whisper_stt import FasterWhisperSTT
from speech.local_stt import LocalSTT
from speech.off import OffSTT
from speech.openai_stt import OpenAISTT
from speech.outage import Outage
from speech.prosa_stt import ProsaSTT
from speech.sherpa_stt import SherpaSTT

Vocabulary = Callable[[], Iterable[str]]


def build_stt(settings: Settings, *, vocabulary: Vocabulary) -> RecognitionEngine:
    """
    Return the engine of `STT_ENGINE`; the server starts and closes it.

    Every engine but the local one has the local one in reserve.

    Args:
        settings: Of this deployment.
        vocabulary: Sentences of the ingested documents; called in a thread.
    """
    if settings.stt_engine == "off":
        return OffSTT()
    local = LocalSTT(vocabulary)
    if settings.stt_engine == "local":
        return local
    return FallbackSTT(
        _build_primary(settings, vocabulary),
        local,
        timeout_seconds=settings.stt_timeout,
        outage=Outage(f"{settings.stt_engine} stt"),
    )


def _build_primary(settings: Settings, vocabulary: Vocabulary) -> RecognitionEngine:
    if settings.stt_engine == "openai":
        key = settings.openai_api_key
        return OpenAISTT(
            model=settings.openai_stt_model,
            base_url=settings.openai_base_url,
            api_key=key.get_secret_value() if key else None,
            timeout_seconds=settings.stt_timeout,
            vocabulary=vocabulary,
        )
    if settings.stt_engine == "prosa":
        key = settings.prosa_stt_api_key
        return ProsaSTT(
            url=settings.prosa_stt_url,
            api_key=key.get_secret_value() if key else None,
            model=settings.prosa_stt_model,
            timeout_seconds=settings.stt_timeout,
        )
    if settings.stt_engine == "faster-whisper":
        return FasterWhisperSTT(settings.stt_model_path, vocabulary=vocabulary)
    return SherpaSTT(settings.stt_model_path)
