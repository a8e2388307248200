"""One reply to what was heard: emotion and answer side by side, speech behind them."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from agents.speaking import Speaker
from agents.spoken_script import Sentence, SpokenScript
from agents.voice_tone import offer_of_a_person, opening
from domain.deadlines import Deadline
from domain.errors import AppError, InternalError
from domain.ports import Answerer
from domain.speech import (
    AudioClip,
    Emotion,
    EmotionDone,
    SpeechDelta,
    SpeechDone,
    Transcript,
    VoiceCompleted,
    VoiceReply,
    VoiceStyle,
)
from domain.speech_ports import EmotionReader, TextToSpeech, VoiceEvent
from domain.streams import closing
from domain.turns import Answer, AnswerCompleted, AnswerDelta, Turn
from prompts import voice as texts

log = logging.getLogger(__name__)

EMOTION_PATIENCE_SECONDS = 0.4
"""How long ready words wait for their tone; then they are spoken without one."""
LAST_SECONDS = 0.5
"""Kept of the turn's budget to send an answer whose speech took too long."""
EMOTION_FAILED, TTS_FAILED = "emotion_failed", "tts_failed"
PLEASE_REPEAT = "please_repeat"


@dataclass(slots=True)
class Spent:
    """Seconds by stage of one spoken turn, from the end of its upload."""

    started: float = field(default_factory=time.monotonic)
    stages: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time of the block to *name*."""
        begun = time.monotonic()
        try:
            yield
        finally:
            spent = time.monotonic() - begun
            self.stages[name] = self.stages.get(name, 0.0) + spent

    def total(self) -> float:
        """Return the seconds since the start."""
        return time.monotonic() - self.started


class Reply:
    """
    Runs one reply.

    Args:
        must_repeat: The words are too uncertain: the speaker is asked again, nothing
            is looked up and nothing is stored.
        is_language_known: The caller named it; otherwise the recogniser guessed.
    """

    def __init__(
        self,
        *,
        rag: Answerer,
        tts: TextToSpeech,
        emotion: EmotionReader,
        turn: Turn,
        heard: Transcript,
        clip: AudioClip | None,
        style: VoiceStyle,
        hush: asyncio.Event | None,
        spent: Spent,
        must_repeat: bool,
        is_language_known: bool,
    ) -> None:
        self.turn = turn
        self._rag = rag
        self._tts = tts
        self._reader = emotion
        self._heard = heard
        self._clip = clip
        self._style = style
        self._hush = hush
        self._spent = spent
        self._must_repeat = must_repeat
        self._is_language_known = is_language_known
        self._script = SpokenScript(style.language)
        self._warnings: list[str] = []
        self._first_audio: float | None = None

    async def run(self, emit: Callable[[VoiceEvent], None]) -> None:
        """
        Answer and speak.

        Raises:
            AppError: The answer failed; emotion and speech are warnings instead.
        """
        speaker = Speaker(
            self._tts,
            deadline=Deadline(self.turn.deadline.expires_at - LAST_SECONDS),
            emit=lambda delta: emit(self._note(delta)),
            hush=self._hush,
        )
        feeling = asyncio.create_task(self._read_emotion(emit))
        speaking = asyncio.create_task(self._speak(speaker, feeling))
        try:
            with self._spent.stage("process_rag"):
                answer = await self._answer(speaker, emit)
            emotion = await feeling
            last = ""
            if not self._must_repeat:
                last = offer_of_a_person(
                    emotion, answer.language, answered=answer.answered
                )
            for sentence in self._script.close(answer, last=last):
                speaker.say(sentence)
            speaker.end()
            speech = await speaking
        finally:
            feeling.cancel()
            speaking.cancel()
            await asyncio.wait({feeling, speaking})
        if speech is None:
            self._warnings.append(TTS_FAILED)
        emit(SpeechDone())
        self._spent.stages["text_to_speech"] = speaker.busy_seconds
        emit(VoiceCompleted(self._complete(answer, speech, emotion)))

    async def _answer(
        self, speaker: Speaker, emit: Callable[[VoiceEvent], None]
    ) -> Answer:
        if self._must_repeat:
            return self._ask_again(speaker, emit)
        answer: Answer | None = None
        async with closing(self._rag.stream(self.turn)) as events:
            async for event in events:
                if isinstance(event, AnswerCompleted):
                    # The whole reply is told when it has been spoken as well.
                    answer = event.answer
                    continue
                emit(event)
                if isinstance(event, AnswerDelta):
                    for sentence in self._script.feed(event.text):
                        speaker.say(sentence)
        if answer is None:
            raise InternalError
        return answer

    def _ask_again(
        self, speaker: Speaker, emit: Callable[[VoiceEvent], None]
    ) -> Answer:
        """Ask for the question again instead of guessing it."""
        self._warnings.append(PLEASE_REPEAT)
        language = self._style.language
        asked = [texts.PLEASE_REPEAT.get(language, texts.PLEASE_REPEAT["en"])]
        if not self._is_language_known:
            asked += [one for one in texts.PLEASE_REPEAT.values() if one not in asked]
        text = " ".join(asked)
        emit(AnswerDelta(text))
        for sentence in self._script.feed(text):
            speaker.say(sentence)
        return Answer(
            text=text,
            citations=(),
            answered=False,
            confidence=0.0,
            language=language,
            conversation_id=self.turn.conversation_id,
            message_id=self.turn.message_id,
        )

    async def _read_emotion(self, emit: Callable[[VoiceEvent], None]) -> Emotion | None:
        with self._spent.stage("emotion_analysis"):
            try:
                emotion = await self._reader.read(
                    self._heard.text,
                    self._clip,
                    language=self._style.language,
                    deadline=self.turn.deadline,
                )
            except AppError as exc:
                log.warning("emotion_failed", extra={"code": exc.code})
                self._warnings.append(EMOTION_FAILED)
                emotion = None
        emit(EmotionDone(emotion))
        return emotion

    async def _speak(
        self, speaker: Speaker, feeling: asyncio.Task[Emotion | None]
    ) -> AudioClip | None:
        """Speak in the tone of the speaker's emotion, once there are words."""
        await speaker.wait_for_words()
        known, _ = await asyncio.wait({feeling}, timeout=EMOTION_PATIENCE_SECONDS)
        emotion = feeling.result() if known else None
        style = self._style
        if emotion is not None:
            style = dataclasses.replace(style, tone=emotion.label)
        first: list[Sentence] = []
        if not self._must_repeat:
            first = self._script.open(opening(emotion, style.language, answered=True))
        return await speaker.run(style, first=first)

    def _note(self, delta: SpeechDelta) -> SpeechDelta:
        if self._first_audio is None:
            self._first_audio = self._spent.total()
        return delta

    def _complete(
        self, answer: Answer, speech: AudioClip | None, emotion: Emotion | None
    ) -> VoiceReply:
        seconds = self._spent.stages | {"total": self._spent.total()}
        reply = VoiceReply(
            transcript=self._heard,
            answer=answer,
            spoken=self._script.text,
            speech=speech,
            emotion=emotion,
            warnings=tuple(self._warnings),
            exec_time=seconds,
            time_to_first_audio=self._first_audio,
        )
        log.info(
            "voice_turn_answered",
            extra={
                "tenant": self.turn.caller.tenant,
                "answered": answer.answered,
                "warnings": list(self._warnings),
                "heard_confidence": round(self._heard.confidence, 3),
                **{
                    f"{name}_seconds": round(spent, 4)
                    for name, spent in seconds.items()
                },
            },
        )
        return reply
