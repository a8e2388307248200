"""A spoken conversation over one connection: its settings and its events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from domain.speech import Emotion, Transcript
from domain.turns import Answer

Encoding = Literal["pcm", "pcmu", "pcma"]
ResponseStatus = Literal["completed", "cancelled", "failed"]
CancelReason = Literal["turn_detected", "client_cancelled"]


@dataclass(frozen=True, slots=True)
class SoundFormat:
    """
    How sound travels, one channel.

    Attributes:
        encoding: 16-bit little-endian samples, or G.711 by mu-law or A-law.
        rate_hz: Samples per second; 8000 for G.711.
    """

    encoding: Encoding = "pcm"
    rate_hz: int = 24_000

    @property
    def sample_bytes(self) -> int:
        """Bytes of one sample."""
        return 2 if self.encoding == "pcm" else 1


@dataclass(frozen=True, slots=True)
class TurnDetection:
    """
    How the server finds out that somebody has spoken.

    Attributes:
        threshold: Probability from which a frame is speech, 0 to 1.
        prefix_padding_ms: Sound before the first speech that belongs to it.
        silence_ms: Silence that ends an utterance.
        create_response: An utterance is answered without being asked to.
        interrupts: Who speaks over an answer ends it; else nobody is heard meanwhile.
        idle_timeout_ms: Silence after an answer that is told; None: never.
    """

    threshold: float = 0.5
    prefix_padding_ms: int = 300
    silence_ms: int = 500
    create_response: bool = True
    interrupts: bool = True
    idle_timeout_ms: int | None = None


@dataclass(frozen=True, slots=True)
class RealtimeConfig:
    """
    What a session was told; it may change between two answers.

    Attributes:
        hears: Format of the sound that comes.
        speaks: Format of the sound that goes.
        language: Spoken language, `id` or `en`; None: found out.
        voice: Name known to the engine; anything else is its default.
        speed: Factor of the usual pace, 0.25 to 4.
        with_sound: Answers are spoken; else only written.
        detection: None: the client says when an utterance ends.
    """

    hears: SoundFormat = SoundFormat()
    speaks: SoundFormat = SoundFormat()
    language: str | None = None
    voice: str | None = None
    speed: float = 1.0
    with_sound: bool = True
    detection: TurnDetection | None = field(default_factory=TurnDetection)


class RealtimeRefused(Exception):
    """
    What a client asked for cannot be done; the session goes on.

    Args:
        code: Constant, for programs.
        message: One sentence for people.
        param: Place in the client's event, when one is to blame.
    """

    def __init__(self, code: str, message: str, *, param: str | None = None) -> None:
        self.code = code
        self.message = message
        self.param = param
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Somebody began to speak, *at_ms* after the session's first sound."""

    item_id: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """The speaker fell silent."""

    item_id: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class SilenceNoted:
    """Nobody spoke for as long as the session was told to wait."""

    item_id: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class UtteranceCommitted:
    """An utterance became an item of the conversation; its words follow."""

    item_id: str
    previous_id: str | None


@dataclass(frozen=True, slots=True)
class TextAdded:
    """A typed question became an item of the conversation."""

    item_id: str
    previous_id: str | None
    text: str


@dataclass(frozen=True, slots=True)
class WordsHeard:
    """What was said in an utterance of *seconds*; empty when there were no words."""

    item_id: str
    transcript: Transcript
    seconds: float


@dataclass(frozen=True, slots=True)
class WordsNotHeard:
    """The recogniser failed."""

    item_id: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class ResponseStarted:
    """An answer is on its way."""

    response_id: str
    item_id: str
    previous_id: str | None
    with_sound: bool
    metadata: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class EmotionRead:
    """How the question was said; None: it could not be read."""

    response_id: str
    item_id: str
    emotion: Emotion | None


@dataclass(frozen=True, slots=True)
class ResponseText:
    """More of the answer: written text, or the words of the sound that follows."""

    response_id: str
    text: str


@dataclass(frozen=True, slots=True)
class ResponseSound:
    """More sound, in the session's format."""

    response_id: str
    sound: bytes


@dataclass(frozen=True, slots=True)
class ResponseEnded:
    """
    No more of this answer will come.

    Attributes:
        text: Everything that was said or written of it.
        answer: As it was stored; None unless it was completed.
        metrics: Milliseconds by stage.
        reason: Why it was cancelled.
        code: Why it failed, with a sentence in *message*.
    """

    response_id: str
    status: ResponseStatus
    text: str
    answer: Answer | None = None
    warnings: tuple[str, ...] = ()
    metrics: dict[str, float] = field(default_factory=dict)
    reason: CancelReason | None = None
    code: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """What the session wanted to do by itself was refused."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class SessionLost:
    """The conversation may not go on; the connection ends."""

    code: str
    message: str


RealtimeEvent = (
    SpeechStarted
    | SpeechStopped
    | SilenceNoted
    | UtteranceCommitted
    | TextAdded
    | WordsHeard
    | WordsNotHeard
    | ResponseStarted
    | EmotionRead
    | ResponseText
    | ResponseSound
    | ResponseEnded
    | Refused
    | SessionLost
)
