"""A whole `SpeechServices`: a decoder in this process, engines that are set up."""

from __future__ import annotations

from dataclasses import dataclass, field

from agents.narrator import TextNarrator
from agents.voice import VoiceAgent
from domain.deadlines import Deadline
from domain.errors import AppError, AudioTooLarge
from domain.ports import Answerer
from domain.speech import AudioClip, Emotion
from domain.speech_ports import SpeechServices
from speech.audio import decode
from speech.encoder import SoundEncoder
from speech.encoding import encode_wav
from tests.fakes.speech import FakeSTT, FakeTTS, tone

RATE_HZ = 16_000


@dataclass
class FakeDecoder:
    """Decodes in this process, without the child's limits."""

    max_bytes: int = 16 * 1024 * 1024
    max_seconds: float = 120.0

    async def decode(
        self, data: bytes, *, rate_hz: int, deadline: Deadline
    ) -> AudioClip:
        deadline.remaining()
        if len(data) > self.max_bytes:
            raise AudioTooLarge
        return decode(data, max_seconds=self.max_seconds, rate_hz=rate_hz)


@dataclass
class FakeEmotion:
    """Reads one emotion in everything; `failure` is raised instead."""

    emotion: Emotion | None = field(
        default_factory=lambda: Emotion("neutral", 0.9, ("text", "sound"))
    )
    failure: AppError | None = None
    texts: list[str] = field(default_factory=list)

    async def read(
        self,
        text: str,
        clip: AudioClip | None,
        *,
        language: str,
        deadline: Deadline,
    ) -> Emotion | None:
        deadline.remaining()
        self.texts.append(text)
        if self.failure is not None:
            raise self.failure
        return self.emotion if clip is None or clip.pcm or language else None


class FakeVoiceActivity:
    """Hears speech wherever a sample is not zero."""

    def probability(self, frame: bytes) -> float:
        return 1.0 if any(frame) else 0.0

    def reset(self) -> None:
        """Nothing is remembered."""


async def find_sound(clip: AudioClip) -> AudioClip | None:
    """Return *clip* unless it is silent."""
    return clip if any(clip.pcm) else None


@dataclass
class FakeSound:
    """The engines by their own types, so that tests can set them up."""

    decoder: FakeDecoder = field(default_factory=FakeDecoder)
    stt: FakeSTT = field(
        default_factory=lambda: FakeSTT("kapan pendaftaran dibuka", language="id")
    )
    tts: FakeTTS = field(default_factory=FakeTTS)
    emotion: FakeEmotion = field(default_factory=FakeEmotion)

    def voice(self, rag: Answerer) -> VoiceAgent:
        """Return the agent made of them."""
        return VoiceAgent(
            rag=rag,
            decoder=self.decoder,
            stt=self.stt,
            tts=self.tts,
            emotion=self.emotion,
            find_speech=find_sound,
        )

    def services(self, rag: Answerer) -> SpeechServices:
        """Return them as the bundle an application is given."""
        return SpeechServices(
            voice=self.voice(rag),
            decoder=self.decoder,
            stt=self.stt,
            tts=self.tts,
            emotion=self.emotion,
            new_voice_activity=FakeVoiceActivity,
            find_speech=find_sound,
            encoder=SoundEncoder(),
            narrator=TextNarrator(self.tts),
        )


def recording(seconds: float = 0.5) -> bytes:
    """Return a WAV file of a tone."""
    return encode_wav(AudioClip(tone(seconds), RATE_HZ))


def silence(seconds: float = 0.5) -> bytes:
    """Return a WAV file of zeros."""
    return encode_wav(AudioClip(bytes(2 * int(seconds * RATE_HZ)), RATE_HZ))
