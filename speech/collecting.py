"""Listening for engines that hear whole recordings."""

from __future__ import annotations

from domain.deadlines import Deadline
from domain.speech import AudioClip, Transcript
from domain.speech_ports import SpeechToText

RATE_HZ = 16_000


class CollectedListening:
    """`Listening` that keeps what is said and has it heard when it is over."""

    def __init__(self, engine: SpeechToText, *, language: str | None) -> None:
        self._engine = engine
        self._language = language
        self._pcm = bytearray()

    async def feed(self, pcm: bytes) -> Transcript | None:
        """Add samples; there are no interim hypotheses."""
        self._pcm += pcm
        return None

    async def finish(self, *, deadline: Deadline) -> Transcript:
        """Return what was said. Raises `RecognitionFailed`."""
        return await self._engine.transcribe(
            AudioClip(bytes(self._pcm), RATE_HZ),
            language=self._language,
            deadline=deadline,
        )
