"""Sound in, sound out, and what is heard in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from domain.turns import Answer, Turn

EmotionLabel = Literal["neutral", "happy", "sad", "angry", "fear"]
SAMPLE_BYTES = 2

AUDIO_MEDIA_TYPES: Final[Mapping[str, str]] = {
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "pcm": "audio/pcm",
}
"""Formats that sound is sent in, and what they are called on the wire."""


@dataclass(frozen=True, slots=True)
class AudioClip:
    """
    Decoded sound.

    Attributes:
        pcm: Signed 16-bit little-endian samples, one channel.
        rate_hz: Samples per second.
    """

    pcm: bytes
    rate_hz: int

    @property
    def seconds(self) -> float:
        """Length of the clip."""
        return len(self.pcm) / (SAMPLE_BYTES * self.rate_hz)


@dataclass(frozen=True, slots=True)
class Transcript:
    """
    What was said.

    Attributes:
        text: As the engine writes it; empty when it heard no words.
        confidence: 0.0 to 1.0; below the threshold of the voice agent it asks again.
        final: False for an interim hypothesis of a stream.
    """

    text: str
    language: str
    confidence: float
    final: bool = True


@dataclass(frozen=True, slots=True)
class Emotion:
    """
    How it was said.

    Attributes:
        score: 0.0 to 1.0, of the label.
        heard_in: `text`, `sound`, in order of weight.
    """

    label: EmotionLabel
    score: float
    heard_in: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VoiceStyle:
    """
    How an answer is to be spoken.

    Attributes:
        language: `id` or `en`; decides the voice when none is named.
        voice: Name known to the engine, or None.
        rate_hz: Samples per second wanted.
        tone: Emotion of the speaker to answer to; changes pace and tone, never words.
        speed: Factor of the usual pace, 0.25 to 4; engines may know narrower bounds.
    """

    language: str
    voice: str | None = None
    rate_hz: int = 16_000
    tone: EmotionLabel = "neutral"
    speed: float = 1.0


@dataclass(frozen=True, slots=True)
class VoiceTurn:
    """
    A spoken question.

    Attributes:
        turn: The turn it becomes; its question's text is empty until it was heard.
        audio: The upload as it came, any container with an audio stream.
        style: Wanted voice; the language is that of the question unless given.
        language: Language spoken, or None to find out.
    """

    turn: Turn
    audio: bytes
    style: VoiceStyle
    language: str | None = None


@dataclass(frozen=True, slots=True)
class VoiceReply:
    """
    The whole result of a voice turn.

    Attributes:
        speech: The spoken answer, or None when speech failed (see *warnings*).
        spoken: The words that were spoken: no marks, numbers written out.
        emotion: None when it could not be read.
        warnings: `emotion_failed`, `tts_failed`, `please_repeat`.
        exec_time: Seconds: speech_to_text, emotion_analysis, process_rag,
            text_to_speech, total.
    """

    transcript: Transcript
    answer: Answer
    spoken: str
    speech: AudioClip | None
    emotion: Emotion | None
    warnings: tuple[str, ...] = ()
    exec_time: Mapping[str, float] = field(default_factory=dict)
    time_to_first_audio: float | None = None


@dataclass(frozen=True, slots=True)
class TranscriptDelta:
    """More of the transcript."""

    text: str


@dataclass(frozen=True, slots=True)
class TranscriptDone:
    """The question was heard."""

    transcript: Transcript


@dataclass(frozen=True, slots=True)
class EmotionDone:
    """The emotion was read, or could not be."""

    emotion: Emotion | None


@dataclass(frozen=True, slots=True)
class SpeechDelta:
    """Sound of one sentence; *index* counts from 0, *text* are its words."""

    clip: AudioClip
    index: int
    text: str


@dataclass(frozen=True, slots=True)
class SpeechDone:
    """No more sound will come."""


@dataclass(frozen=True, slots=True)
class VoiceCompleted:
    """The turn is stored; this is its reply."""

    reply: VoiceReply
