"""Settings to one ready engine that speaks."""

from __future__ import annotations

from config import Settings
from speech.engines import SpeakingEngine
from speech.fallback_tts import FallbackTTS
from speech.local_tts import LocalTTS
from speech.off import OffTTS
from speech.openai_tts import OpenAITTS
from speech.outage import Outage
from speech.piper_tts import PiperTTS
from speech.prosa_tts import ProsaTTS
from speech.sherpa_tts import SherpaTTS


def build_tts(settings: Settings) -> SpeakingEngine:
    """
    Return the engine of `TTS_ENGINE`; the server starts and closes it.

    Every engine but the local one has the local one in reserve: for outages, and for
    languages of which it has no voice.
    """
    if settings.tts_engine == "off":
        return OffTTS()
    local = LocalTTS.find()
    if settings.tts_engine == "local":
        return local
    return FallbackTTS(
        _build_primary(settings),
        local,
        timeout_seconds=settings.tts_timeout,
        outage=Outage(f"{settings.tts_engine} tts"),
    )


def _build_primary(settings: Settings) -> SpeakingEngine:
    if settings.tts_engine == "openai":
        key = settings.openai_api_key
        return OpenAITTS(
            model=settings.openai_tts_model,
            voice=settings.openai_tts_voice,
            rate_hz=settings.openai_tts_rate_hz,
            base_url=settings.openai_base_url,
            api_key=key.get_secret_value() if key else None,
            timeout_seconds=settings.tts_timeout,
        )
    if settings.tts_engine == "prosa":
        key = settings.prosa_tts_api_key
        return ProsaTTS(
            voices={
                "id": settings.prosa_tts_voice_id,
                "en": settings.prosa_tts_voice_en,
            },
            url=settings.prosa_tts_url,
            api_key=key.get_secret_value() if key else None,
            timeout_seconds=settings.tts_timeout,
        )
    if settings.tts_engine == "piper":
        return PiperTTS(settings.tts_model_path)
    return SherpaTTS(settings.tts_model_path)
