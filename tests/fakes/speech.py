"""Engines from memory: they hear what they are told and speak tones."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from domain.deadlines import Deadline
from domain.errors import AppError, RecognitionFailed, SynthesisFailed, TurnTimeout
from domain.speech import AudioClip, Transcript, VoiceStyle
from domain.speech_ports import Listening

RATE_HZ = 16_000
SECONDS_A_CHARACTER = 0.06
PIECE_SECONDS = 0.5
TONE_HZ = 220.0


def tone(seconds: float, *, rate_hz: int = RATE_HZ, tone_hz: float = TONE_HZ) -> bytes:
    """Return a quiet tone as 16-bit samples."""
    times = np.arange(round(seconds * rate_hz)) / rate_hz
    samples = 8_000 * np.sin(2 * np.pi * tone_hz * times)
    return bytes(samples.astype("<i2").tobytes())


@dataclass
class FakeSTT:
    """
    A `SpeechToText` that returns prepared transcripts.

    Attributes:
        texts: What is heard: one text for every clip, or one a clip in order, of which
            the last is repeated.
        language: Of what is heard, unless the caller names one.
        failure: Raised by every call, when given.
        known: Languages of which `can_hear` is true.
        heard: Clips that came.
        languages: What callers named.
    """

    texts: str | Sequence[str] = "where is the library"
    confidence: float = 0.9
    language: str = "en"
    failure: AppError | None = None
    known: tuple[str, ...] = ("en", "id")
    started: bool = False
    closed: bool = False
    heard: list[AudioClip] = field(default_factory=list)
    languages: list[str | None] = field(default_factory=list)

    async def start(self) -> None:
        """Note it."""
        self.started = True

    async def close(self) -> None:
        """Note it."""
        self.closed = True

    async def prepare(self) -> None:
        """Do nothing."""

    def can_hear(self, language: str | None) -> bool:
        """Return whether it is one of *known*."""
        return language in {None, *self.known}

    def state(self) -> str:
        """Return `embedded`."""
        return "embedded"

    async def transcribe(
        self, clip: AudioClip, *, language: str | None, deadline: Deadline
    ) -> Transcript:
        """Return the next text; nothing for a clip without samples."""
        if _is_over(deadline):
            raise RecognitionFailed
        self.heard.append(clip)
        self.languages.append(language)
        if self.failure is not None:
            raise self.failure
        found = language or self.language
        text = self._next() if clip.pcm else ""
        return Transcript(text, found, self.confidence if text else 0.0)

    @contextlib.asynccontextmanager
    async def listen(self, *, language: str | None) -> AsyncIterator[Listening]:
        """Hear one utterance: an interim hypothesis a piece, one word longer each."""
        yield _FakeListening(self, language=language)

    def _next(self) -> str:
        if isinstance(self.texts, str):
            return self.texts
        return self.texts[min(len(self.heard), len(self.texts)) - 1]

    def peek(self) -> str:
        """Return what the next clip will be heard as."""
        if isinstance(self.texts, str):
            return self.texts
        return self.texts[min(len(self.heard), len(self.texts) - 1)]


class _FakeListening:
    def __init__(self, engine: FakeSTT, *, language: str | None) -> None:
        self._engine = engine
        self._language = language
        self._pcm = bytearray()
        self._words = 0

    async def feed(self, pcm: bytes) -> Transcript | None:
        self._pcm += pcm
        words = self._engine.peek().split()
        if not pcm or self._words >= len(words):
            return None
        self._words += 1
        language = self._language or self._engine.language
        return Transcript(" ".join(words[: self._words]), language, 0.0, final=False)

    async def finish(self, *, deadline: Deadline) -> Transcript:
        clip = AudioClip(bytes(self._pcm), RATE_HZ)
        return await self._engine.transcribe(
            clip, language=self._language, deadline=deadline
        )


@dataclass
class FakeTTS:
    """
    A `TextToSpeech` whose sound is a tone, 60 ms a character.

    Attributes:
        failure: Raised instead of speaking, when given.
        fail_after: Pieces that are given out before *failure*.
        hang: Say nothing until the deadline, then fail as an engine does.
        spoken: Texts with their styles, in order.
    """

    failure: AppError | None = None
    fail_after: int = 0
    hang: bool = False
    started: bool = False
    closed: bool = False
    spoken: list[tuple[str, VoiceStyle]] = field(default_factory=list)

    async def start(self) -> None:
        """Note it."""
        self.started = True

    async def close(self) -> None:
        """Note it."""
        self.closed = True

    def voices(self, language: str) -> Sequence[str]:
        """Return two voices for `en` and for `id`, none for others."""
        return (
            (f"{language}-one", f"{language}-two") if language in {"en", "id"} else ()
        )

    def state(self) -> str:
        """Return `embedded`."""
        return "embedded"

    async def speak(
        self, text: str, *, style: VoiceStyle, deadline: Deadline
    ) -> AsyncIterator[AudioClip]:
        """Yield a tone in half-second pieces at the rate of *style*."""
        if _is_over(deadline):
            raise SynthesisFailed
        self.spoken.append((text, style))
        if self.hang:
            await asyncio.sleep(deadline.remaining())
            raise SynthesisFailed
        words = text.strip()
        pcm = tone(len(words) * SECONDS_A_CHARACTER, rate_hz=style.rate_hz)
        step = int(PIECE_SECONDS * style.rate_hz) * 2
        for index, start in enumerate(range(0, len(pcm), step)):
            if self.failure is not None and index >= self.fail_after:
                raise self.failure
            yield AudioClip(pcm[start : start + step], style.rate_hz)


def _is_over(deadline: Deadline) -> bool:
    try:
        deadline.remaining()
    except TurnTimeout:
        return True
    return False
