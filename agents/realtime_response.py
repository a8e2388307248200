"""One answer of a spoken conversation: spoken, interrupted, remembered."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from agents.realtime_heard import CutAnswer, Playback, cut_answer, cut_written
from agents.voice_reply import PLEASE_REPEAT
from domain.errors import AppError, InternalError
from domain.realtime import (
    CancelReason,
    EmotionRead,
    RealtimeConfig,
    RealtimeEvent,
    ResponseEnded,
    ResponseSound,
    ResponseStarted,
    ResponseText,
)
from domain.speech import (
    AudioClip,
    EmotionDone,
    SpeechDelta,
    Transcript,
    VoiceCompleted,
    VoiceReply,
    VoiceStyle,
)
from domain.speech_ports import VoiceAnswerer, VoiceEvent
from domain.streams import closing
from domain.turns import AnswerDelta, RetrievalCompleted, Turn
from speech.g711 import encode_g711

# So much sound goes in one event: what is dropped at an interruption is not long, and
# no event is large.
_PIECE_SECONDS = 0.4


@dataclass(frozen=True, slots=True)
class Asked:
    """
    What is to be answered.

    Attributes:
        clip: Its sound, for the emotion.
        ended_at: When the last word was heard (monotonic seconds).
        heard_at: When the words were known.
    """

    heard: Transcript
    clip: AudioClip | None
    item_id: str
    ended_at: float
    heard_at: float


@dataclass
class Response:
    """
    One answer from its beginning to what is kept of it.

    Attributes:
        reply: The whole result; None until it is stored, or when it failed.
        heard_ms: How much of its sound was heard; None: all of it, as far as is known.
        ended: Set when the turn is over, stored or not.
        told: Set when the client said how much was heard.
    """

    id: str
    item_id: str
    config: RealtimeConfig
    with_sound: bool
    emit: Callable[[RealtimeEvent], None]
    clock: Callable[[], float] = time.monotonic
    metadata: dict[str, str] | None = None
    reply: VoiceReply | None = None
    heard_ms: int | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    told: asyncio.Event = field(default_factory=asyncio.Event)
    hush: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: bool = False
    said: str = ""

    def __post_init__(self) -> None:
        self.playback = Playback(self.clock)
        self._metrics: dict[str, float] = {}
        self._started_at = self.clock()
        self._asked: Asked | None = None
        self._has_ended = False

    def start(self, *, previous_id: str | None) -> None:
        """Say that an answer is on its way."""
        self.emit(
            ResponseStarted(
                self.id, self.item_id, previous_id, self.with_sound, self.metadata
            )
        )

    @property
    def style(self) -> VoiceStyle:
        """How it is to be spoken."""
        config = self.config
        return VoiceStyle(
            language=config.language or "en",
            voice=config.voice,
            rate_hz=config.speaks.rate_hz,
            speed=config.speed,
        )

    async def run(self, voice: VoiceAnswerer, turn: Turn, asked: Asked) -> None:
        """
        Answer; every event as soon as it is known.

        Raises:
            AppError: The turn failed; nothing of it was stored. It was told.
        """
        self._asked = asked
        self._started_at = self.clock()
        self._measure("stt_ms", asked.heard_at - asked.ended_at)
        if not self.with_sound:
            self.hush.set()
        events = voice.reply(
            turn, asked.heard, clip=asked.clip, style=self.style, hush=self.hush
        )
        try:
            async with closing(events) as ordered:
                async for event in ordered:
                    self._take(event)
            if self.reply is None:
                raise InternalError
        except AppError as exc:
            self.fail(exc.code, exc.detail)
            raise
        self._complete(self.reply)

    def fail(self, code: str, message: str) -> None:
        """Say that it failed, unless its end was told before."""
        self._end(
            ResponseEnded(self.id, "failed", self.said, code=code, message=message)
        )

    def cancel(self, reason: CancelReason) -> None:
        """Say nothing more; what was not heard by now is not kept."""
        if self.cancelled:
            return
        self.cancelled = True
        self.hush.set()
        self.heard_ms = self.playback.heard_ms
        self._end(
            ResponseEnded(
                self.id,
                "cancelled",
                self.said,
                metrics=dict(self._metrics),
                reason=reason,
            )
        )

    @property
    def was_stored(self) -> bool:
        """Whether there is an answer in the conversation."""
        return self.reply is not None and PLEASE_REPEAT not in self.reply.warnings

    def cut(self) -> CutAnswer | None:
        """Return what is kept of the answer; None: all of it."""
        reply = self.reply
        if reply is None or self.heard_ms is None:
            return None
        if not self.with_sound:
            return cut_written(reply.answer, self.said)
        sentences = self.playback.sentences
        heard = self.playback.sentences_until(self.heard_ms)
        if not self.cancelled and len(heard) == len(sentences):
            return None
        if heard and " ".join(heard) == reply.spoken:
            return None
        return cut_answer(reply.answer, heard)

    def _end(self, event: ResponseEnded) -> None:
        if not self._has_ended:
            self._has_ended = True
            self.emit(event)

    def _take(self, event: VoiceEvent) -> None:
        match event:
            case VoiceCompleted(reply):
                self.reply = reply
            case EmotionDone(emotion) if not self.cancelled:
                self.emit(EmotionRead(self.id, self.item_id, emotion))
            case RetrievalCompleted():
                self._measure("retrieval_ms", self.clock() - self._started_at)
            case AnswerDelta(text):
                self._measure("llm_ttft_ms", self.clock() - self._started_at)
                if not self.with_sound:
                    self._say(text)
            case SpeechDelta(clip, _, text) if not self.cancelled:
                self._speak(clip, text)
            case _:
                pass

    def _say(self, text: str) -> None:
        if text and not self.cancelled:
            self.said += text
            self.emit(ResponseText(self.id, text))

    def _speak(self, clip: AudioClip, text: str) -> None:
        asked = self._asked
        if asked is not None:
            now = self.clock()
            self._measure("time_to_first_audio_ms", now - asked.ended_at)
            since = now - self._started_at - self._metrics.get("llm_ttft_ms", 0) / 1000
            self._measure("tts_ttfb_ms", since)
        self._say(f" {text}" if text and self.said else text)
        self.playback.sent(clip.seconds, words_of=text)
        size = int(_PIECE_SECONDS * clip.rate_hz) * 2
        for at in range(0, len(clip.pcm), size):
            self._send(clip.pcm[at : at + size])

    def _send(self, pcm: bytes) -> None:
        encoding = self.config.speaks.encoding
        sound = pcm if encoding == "pcm" else encode_g711(pcm, law=encoding)
        self.emit(ResponseSound(self.id, sound))

    def _complete(self, reply: VoiceReply) -> None:
        if self.cancelled:
            return
        if not self.with_sound:
            self.said = reply.answer.text
        elif reply.speech is None:
            # Nobody will hear the rest, but it can be read.
            spoken = self.said
            rest = reply.spoken.removeprefix(spoken)
            if rest != reply.spoken or not spoken:
                self._say(rest)
        self._end(
            ResponseEnded(
                self.id,
                "completed",
                self.said,
                answer=reply.answer,
                warnings=reply.warnings,
                metrics=self._all_metrics(reply),
            )
        )

    def _all_metrics(self, reply: VoiceReply) -> dict[str, float]:
        stages = {
            "emotion_ms": reply.exec_time.get("emotion_analysis"),
            "rag_ms": reply.exec_time.get("process_rag"),
            "tts_ms": reply.exec_time.get("text_to_speech"),
        }
        known = {
            name: round(seconds * 1000, 1)
            for name, seconds in stages.items()
            if seconds is not None
        }
        return self._metrics | known

    def _measure(self, name: str, seconds: float) -> None:
        self._metrics.setdefault(name, round(max(0.0, seconds) * 1000, 1))


def question_of(turn: Turn, heard: Transcript) -> Turn:
    """Return *turn* with what was heard as its question."""
    question = dataclasses.replace(
        turn.question, text=heard.text, language=heard.language
    )
    return dataclasses.replace(turn, question=question)
