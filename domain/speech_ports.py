"""What the rooms ask of whoever deals in sound."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from domain.deadlines import Deadline
from domain.speech import (
    AudioClip,
    Emotion,
    EmotionDone,
    SpeechDelta,
    SpeechDone,
    Transcript,
    TranscriptDelta,
    TranscriptDone,
    VoiceCompleted,
    VoiceStyle,
    VoiceTurn,
)
from domain.turns import Turn, TurnEvent


class AudioDecoder(Protocol):
    """Who opens uploads."""

    async def decode(
        self, data: bytes, *, rate_hz: int, deadline: Deadline
    ) -> AudioClip:
        """
        Return the sound of *data* as one channel at *rate_hz*.

        Raises:
            AudioTooLarge, AudioTypeUnsupported, AudioUnreadable, AudioTooLong.
        """
        ...


class Listening(Protocol):
    """One utterance being heard while it is spoken."""

    async def feed(self, pcm: bytes) -> Transcript | None:
        """Add 16-bit mono samples at 16 kHz; an interim hypothesis when it changed."""
        ...

    async def finish(self, *, deadline: Deadline) -> Transcript:
        """Return what was said. Raises `RecognitionFailed`."""
        ...


class SpeechToText(Protocol):
    """Who hears words."""

    async def transcribe(
        self, clip: AudioClip, *, language: str | None, deadline: Deadline
    ) -> Transcript:
        """
        Return what was said; empty text when there are no words.

        Raises:
            RecognitionFailed: The engine failed, after retry and fallback.
            SpeechEngineUnavailable: A program or model is missing.
        """
        ...

    def listen(self, *, language: str | None) -> AbstractAsyncContextManager[Listening]:
        """Hear one utterance while it is spoken."""
        ...

    def state(self) -> str:
        """Return a component state for `/health`, naming what is missing."""
        ...


class TextToSpeech(Protocol):
    """Who speaks."""

    def speak(
        self, text: str, *, style: VoiceStyle, deadline: Deadline
    ) -> AsyncIterator[AudioClip]:
        """
        Yield the sound of one sentence in pieces, at the rate of *style*.

        Raises:
            SynthesisFailed: The engine failed, after retry and fallback.
            SpeechEngineUnavailable: A program or model is missing.
        """
        ...

    def voices(self, language: str) -> Sequence[str]:
        """Return the names of the voices of a language, the default first."""
        ...

    def state(self) -> str:
        """Return a component state for `/health`, naming what is missing."""
        ...


class EmotionReader(Protocol):
    """Who hears how something is said."""

    async def read(
        self, text: str, clip: AudioClip | None, *, language: str, deadline: Deadline
    ) -> Emotion | None:
        """Return the emotion, `neutral` when unsure, None when it is switched off."""
        ...


class VoiceActivity(Protocol):
    """Who hears whether somebody speaks. Pure computation, under 1 ms a frame."""

    def probability(self, frame: bytes) -> float:
        """Return how likely 32 ms (512 samples, 16 kHz, 16 bit) are speech."""
        ...

    def reset(self) -> None:
        """Forget the frames so far."""
        ...


VoiceEvent = (
    TurnEvent
    | TranscriptDelta
    | TranscriptDone
    | EmotionDone
    | SpeechDelta
    | SpeechDone
    | VoiceCompleted
)


class VoiceAnswerer(Protocol):
    """Who answers a spoken question."""

    def stream(self, turn: VoiceTurn) -> AsyncIterator[VoiceEvent]:
        """
        Hear, answer and speak: every event as soon as it is known. Close it to cancel.

        Raises:
            AppError: The turn failed; nothing of it was stored.
        """
        ...

    def reply(
        self,
        turn: Turn,
        heard: Transcript,
        *,
        clip: AudioClip | None,
        style: VoiceStyle,
        hush: asyncio.Event | None = None,
    ) -> AsyncIterator[VoiceEvent]:
        """
        Answer and speak what was *heard* already: events from the emotion on.

        Args:
            turn: With the text of the question in it.
            heard: What the question is, as the engine wrote it.
            clip: The sound of the question, for its emotion.
            style: Wanted voice; its language is that of the question.
            hush: Once set, nothing more is spoken; the turn still ends and is stored.

        Raises:
            AppError: The turn failed; nothing of it was stored.
        """
        ...


class EncodedStream(Protocol):
    """One file on its way out; the bytes in order are the file. Blocking."""

    def feed(self, clip: AudioClip) -> bytes:
        """Add *clip* and return what is ready to be sent."""
        ...

    def finish(self) -> bytes:
        """Return the rest."""
        ...


class AudioEncoder(Protocol):
    """Who writes sound in the formats of `AUDIO_MEDIA_TYPES`. Blocking."""

    def encode(self, clip: AudioClip, *, audio_format: str) -> bytes:
        """Return *clip* as a complete file; `pcm` are its samples alone."""
        ...

    def start(self, *, audio_format: str, rate_hz: int) -> EncodedStream:
        """Begin a file whose length is not known; clips come at *rate_hz*."""
        ...


class Narrator(Protocol):
    """Who reads a text out, whatever its length."""

    def narrate(
        self,
        text: str,
        *,
        rate_hz: int,
        voice: str | None = None,
        language: str | None = None,
        speed: float = 1.0,
        deadline: Deadline,
    ) -> AsyncIterator[AudioClip]:
        """
        Yield the sound of *text*, a sentence at a time, in the language it is in.

        Args:
            text: Markup, numbers and abbreviations are spoken as people do.
            rate_hz: Samples per second of what is yielded.
            voice: Name known to the engine; anything else is the default voice.
            language: `id` or `en`, or None to find out.
            speed: Factor of the usual pace, 0.25 to 4.
            deadline: For everything together.

        Raises:
            SynthesisFailed: The engine failed, after retry and fallback.
            SpeechEngineUnavailable: A program or model is missing.
        """
        ...


@dataclass(frozen=True, slots=True)
class SpeechServices:
    """
    Everything that deals in sound.

    Attributes:
        find_speech: Returns the spoken part of a clip at 16 kHz; None: nobody speaks.
    """

    voice: VoiceAnswerer
    decoder: AudioDecoder
    stt: SpeechToText
    tts: TextToSpeech
    emotion: EmotionReader
    new_voice_activity: Callable[[], VoiceActivity]
    find_speech: Callable[[AudioClip], Awaitable[AudioClip | None]]
    encoder: AudioEncoder
    narrator: Narrator
