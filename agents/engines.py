"""The engines of sound with their beginning and end, and the bundle made of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from agents.narrator import TextNarrator
from agents.voice import VoiceAgent
from domain.errors import AppError
from domain.ports import Answerer
from domain.speech import AudioClip
from domain.speech_ports import AudioEncoder, SpeechServices, VoiceActivity
from speech.decoder import SandboxedDecoder
from speech.engines import EmotionEngine, RecognitionEngine, SpeakingEngine

log = logging.getLogger(__name__)

# The first requests of a new worker go first; then the speech models are loaded.
WARMUP_SECONDS = 3.0


@dataclass(slots=True)
class Engines:
    """
    Everything that deals in sound.

    Attributes:
        warmup_seconds: After the start, until the models are loaded ahead of their use.
    """

    decoder: SandboxedDecoder
    stt: RecognitionEngine
    tts: SpeakingEngine
    emotion: EmotionEngine
    encoder: AudioEncoder
    find_speech: Callable[[AudioClip], Awaitable[AudioClip | None]]
    new_voice_activity: Callable[[], VoiceActivity]
    warmup_seconds: float = WARMUP_SECONDS
    _warming: asyncio.Task[None] | None = None

    def services(self, rag: Answerer) -> SpeechServices:
        """Return what the edges are given; *rag* answers what was heard."""
        return SpeechServices(
            voice=VoiceAgent(
                rag=rag,
                decoder=self.decoder,
                stt=self.stt,
                tts=self.tts,
                emotion=self.emotion,
                find_speech=self.find_speech,
            ),
            decoder=self.decoder,
            stt=self.stt,
            tts=self.tts,
            emotion=self.emotion,
            new_voice_activity=self.new_voice_activity,
            find_speech=self.find_speech,
            encoder=self.encoder,
            narrator=TextNarrator(self.tts),
        )

    async def start(self) -> None:
        """Load what the first spoken turn would wait for, beside the first requests."""
        self._warming = asyncio.create_task(self._warm())

    async def close(self) -> None:
        """End children and connections."""
        if self._warming is not None:
            self._warming.cancel()
            await asyncio.wait({self._warming})
        for part in (self.decoder, self.stt, self.tts, self.emotion):
            await part.close()

    async def _warm(self) -> None:
        await asyncio.sleep(self.warmup_seconds)
        for part in (self.decoder, self.stt, self.tts, self.emotion):
            try:
                await part.start()
            except AppError as exc:
                # The first turn will say what is missing, and health says it now.
                log.warning("speech_not_warm", extra={"code": exc.code})
