"""What comes in and what goes out of `/v1/audio`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from api.v1.fields import (
    NO_NUL,
    Characters,
    Incoming,
    Language,
    Outgoing,
    check_free_fields,
)
from api.v1.schemas import ChatAnswer, PageContext, UserContext
from domain.errors import AppError
from domain.speech import Emotion, VoiceReply
from utils.validation import parse_json

MIN_RATE_HZ, MAX_RATE_HZ = 8_000, 48_000
AUDIO_TYPES = (
    "audio/wav, audio/mpeg, audio/mp4, audio/aac, audio/ogg, audio/webm, audio/flac,"
    " audio/amr, audio/aiff, audio/x-caf, video/mp4, video/webm"
)

AudioFormat = Literal["wav", "mp3", "opus"]
AudioEncoding = Literal["hex", "base64"]


def _number(value: object) -> object:
    # Fields of a form are texts; only plain digits are a number.
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value[:10])
    return value


def _boolean(value: object) -> object:
    words = {"true": True, "1": True, "false": False, "0": False}
    return words.get(value.lower(), value) if isinstance(value, str) else value


def _object(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return parse_json(value.encode("utf-8", "surrogatepass"))
    except AppError:
        raise ValueError("must be a JSON object") from None


def _describe(schema: dict[str, Any]) -> None:
    fields: dict[str, Any] = schema["properties"]
    fields["voice"]["pattern"] = fields["selected_text"]["pattern"] = NO_NUL
    # Objects travel as texts in a form.
    for name in ("page", "user"):
        about = fields[name].get("description", "")
        fields[name] = {"type": "string", "minLength": 2, "description": about}
    # The sound is read from its part, not as a field.
    fields["audio"] = {
        "type": "string",
        "contentMediaType": "application/octet-stream",
        "minLength": 1,
        # What a tool makes up is sent as a text, and texts have no control characters.
        "pattern": r"^[^\u0000-\u0008\u000e-\u001f\u007f-\u009f]*$",
        "description": "WAV, MP3, M4A, AAC, OGG, WebM, FLAC, AMR, AIFF, CAF or MP4,"
        " 8 to 192 kHz, up to 8 channels, 16 MB and 120 s; known by its content.",
    }
    schema["required"] = ["audio"]


class AudioForm(Incoming):
    """The sound, and what may be wanted; empty fields count as absent."""

    model_config = ConfigDict(json_schema_extra=_describe)

    language: Language | SkipJsonSchema[None] = Field(
        None, description="Language spoken and answered in; left out: found out."
    )
    voice: (
        Annotated[str, Characters(64), Field(description="Name of a voice.")]
        | SkipJsonSchema[None]
    ) = None
    audio_format: AudioFormat = Field("wav", description="Format of the spoken answer.")
    audio_encoding: AudioEncoding = Field("hex", description="How `audio` is written.")
    sample_rate: Annotated[
        int, Field(ge=MIN_RATE_HZ, le=MAX_RATE_HZ), BeforeValidator(_number)
    ] = 16_000
    stream: Annotated[bool, BeforeValidator(_boolean)] = False
    selected_text: (
        Annotated[
            str, Characters(8000), Field(description="Text the answer is about first.")
        ]
        | SkipJsonSchema[None]
    ) = None
    page: Annotated[PageContext, BeforeValidator(_object)] | SkipJsonSchema[None] = (
        Field(None, description="Context as in the chat, a JSON object as text.")
    )
    user: (
        Annotated[
            UserContext, BeforeValidator(_object), AfterValidator(check_free_fields)
        ]
        | SkipJsonSchema[None]
    ) = Field(None, description="Context as in the chat, a JSON object as text.")
    max_results: Annotated[int, Field(ge=1, le=20), BeforeValidator(_number)] = 5


class EmotionBody(Outgoing):
    """How the question was said."""

    label: Literal["neutral", "happy", "sad", "angry", "fear"]
    score: Annotated[float, Field(ge=0, le=1)]
    heard_in: list[Literal["text", "sound"]] = Field(alias="from")


class VoiceAnswer(ChatAnswer):
    """The whole result of a spoken turn."""

    audio: str = Field(
        description="The spoken answer, a complete file; empty when speech failed."
    )
    audio_format: AudioFormat
    sample_rate: int
    transcript: str = Field(description="What was heard.")
    confidence: Annotated[
        float, Field(ge=0, le=1, description="How sure the words were heard.")
    ]
    answer_confidence: Annotated[
        float, Field(ge=0, le=1, description="How sure the documents answer this.")
    ]
    spoken: str = Field(description="What is said: shorter, in words, with its source.")
    emotion: EmotionBody | None = Field(description="Null when it was not read.")
    warnings: list[Literal["please_repeat", "emotion_failed", "tts_failed"]]
    time_to_first_audio: float | None = Field(
        description="Seconds from the end of the upload; null when nothing was spoken."
    )

    @classmethod
    def without_audio(cls, reply: VoiceReply) -> dict[str, Any]:
        """Return *reply* as JSON values, the sound and its format excepted."""
        heard = reply.transcript
        return {
            "transcript": heard.text,
            **ChatAnswer.of(reply.answer),
            "exec_time": {
                stage: round(seconds, 4) for stage, seconds in reply.exec_time.items()
            },
            "spoken": reply.spoken,
            "emotion": emotion_body(reply.emotion),
            "confidence": _share(heard.confidence),
            "answer_confidence": _share(reply.answer.confidence),
            "warnings": list(reply.warnings),
            "time_to_first_audio": _seconds(reply.time_to_first_audio),
        }


class VoiceEvent(Outgoing):
    """One event of a spoken answer; `data` is the text of a JSON object."""

    event: Literal[
        "transcript.text.delta",
        "transcript.text.done",
        "emotion.done",
        "retrieval.completed",
        "response.output_text.delta",
        "speech.audio.delta",
        "speech.audio.done",
        "response.done",
        "error",
    ]
    data: str


def emotion_body(emotion: Emotion | None) -> dict[str, Any] | None:
    """Return *emotion* as JSON values."""
    if emotion is None:
        return None
    return {
        "label": emotion.label,
        "score": _share(emotion.score),
        "from": list(emotion.heard_in),
    }


def _share(value: float) -> float:
    return min(1.0, max(0.0, round(value, 4)))


def _seconds(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
