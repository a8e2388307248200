"""What comes in and what goes out of `/v1/audio/transcriptions` and `.../speech`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from api.openai import examples
from api.openai.models import SPEAK, SPEAK_ALIASES, TRANSCRIBE, TRANSCRIBE_ALIASES
from api.v1.fields import Characters, Incoming, Outgoing

TranscriptFormat = Literal["json", "text", "srt", "verbose_json", "vtt"]
SoundFormat = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]


def _boolean(value: object) -> object:
    words = {"true": True, "1": True, "false": False, "0": False}
    return words.get(value.lower(), value) if isinstance(value, str) else value


def _primary_language(value: object) -> object:
    if not isinstance(value, str):
        return value
    primary = value.lower().replace("_", "-").partition("-")[0]
    # `in` is what Indonesian was called until 1989, and Java still calls it that.
    return "id" if primary == "in" else primary


def _without_words(value: object) -> object:
    if isinstance(value, list) and "word" in value:
        raise ValueError("times of words are not known here")
    return value


def _describe_form(schema: dict[str, Any]) -> None:
    fields: dict[str, Any] = schema["properties"]
    fields["file"] = {
        "type": "string",
        "contentMediaType": "application/octet-stream",
        "minLength": 1,
        # What a tool makes up is sent as a text, and texts have no control characters.
        "pattern": r"^[^\u0000-\u0008\u000e-\u001f\u007f-\u009f]*$",
        "description": "WAV, MP3, M4A, AAC, OGG, WebM, FLAC, AMR, AIFF, CAF or MP4,"
        " 16 MB and 120 s; known by its content.",
    }
    schema["required"] = ["file", "model"]


class TranscriptionForm(Incoming):
    """A sound file and how its words are wanted; empty fields count as absent."""

    model_config = ConfigDict(json_schema_extra=_describe_form)

    model: Annotated[
        str, Field(json_schema_extra={"enum": [TRANSCRIBE, *TRANSCRIBE_ALIASES]})
    ]
    language: (
        Annotated[Literal["id", "en"], BeforeValidator(_primary_language)]
        | SkipJsonSchema[None]
    ) = Field(None, description="Language spoken; left out: found out.")
    prompt: (
        Annotated[str, Characters(8000), Field(description="Taken, without effect.")]
        | SkipJsonSchema[None]
    ) = None
    response_format: TranscriptFormat = "json"
    stream: Annotated[bool, BeforeValidator(_boolean)] = False
    timestamp_granularities: Annotated[
        list[Literal["segment"]] | SkipJsonSchema[None],
        BeforeValidator(_without_words),
    ] = Field(None, alias="timestamp_granularities[]")


class DurationUsage(Outgoing):
    """What was listened to."""

    type: Literal["duration"]
    seconds: Annotated[float, Field(ge=0)]


class TranscriptSegment(Outgoing):
    """The whole file: the engines give no times of words."""

    id: Literal[0]
    seek: Literal[0]
    start: float
    end: float
    text: str
    tokens: list[int]
    temperature: float
    avg_logprob: float = Field(description="Logarithm of the engine's confidence.")
    compression_ratio: float
    no_speech_prob: float


class TranscriptBody(Outgoing):
    """What was said; the fields after `text` are those of `verbose_json`."""

    text: str = Field(description="Empty when nobody speaks.")
    usage: DurationUsage
    task: Literal["transcribe"] | None = None
    language: str | None = None
    duration: float | None = None
    segments: list[TranscriptSegment] | None = None


class TranscriptEvent(Outgoing):
    """The data of one event."""

    type: Literal["transcript.text.delta", "transcript.text.done"]
    delta: str | None = None
    text: str | None = None


class VoiceID(Incoming):
    """A voice as an object."""

    id: Annotated[str, Characters(64)]


class SpeechRequest(Incoming):
    """A text to be read out."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.SPEECH_REQUEST]})

    model: Annotated[str, Field(json_schema_extra={"enum": [SPEAK, *SPEAK_ALIASES]})]
    input: Annotated[
        str,
        Characters(4096, trimmed=True),
        Field(description="Spoken in the language it is in."),
    ]
    voice: Annotated[str, Characters(64)] | VoiceID | None = Field(
        None, description="A voice of the engine; any other name is its default."
    )
    response_format: SoundFormat | None = None
    speed: Annotated[float, Field(ge=0.25, le=4.0)] | None = None
    instructions: Annotated[str, Characters(4096)] | None = Field(
        None, description="Taken, without effect."
    )
    stream_format: Literal["audio", "sse"] | None = Field(
        None,
        description="`sse`: events. `audio`: a WAV is sent while it is made, with"
        " unknown sizes in its header; left out: it is sent when it is whole.",
    )

    @property
    def voice_name(self) -> str | None:
        """The voice, however it was named."""
        return self.voice.id if isinstance(self.voice, VoiceID) else self.voice


class SpeechUsage(Outgoing):
    """An estimate, four characters a token; sound is not counted."""

    input_tokens: int
    output_tokens: int
    total_tokens: int


class SpeechEvent(Outgoing):
    """The data of one event; `audio` are the next bytes of the file in base64."""

    type: Literal["speech.audio.delta", "speech.audio.done"]
    audio: str | None = None
    usage: SpeechUsage | None = None
