"""
A spoken turn: hear, answer like a typed one, speak while it is written.

    decode -> find speech -> recognise -+-> emotion ----------+
                                        `-> RagAgent -> script -> speech

What the sound adds is a tone, an apology and the offer of a person. The answer, its
citations and the conversation are those of text.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncGenerator, Awaitable, Callable

from agents.event_task import events_of
from agents.voice_reply import Reply, Spent
from domain.errors import NoSpeech
from domain.ports import Answerer
from domain.speech import (
    AudioClip,
    Transcript,
    TranscriptDelta,
    TranscriptDone,
    VoiceStyle,
    VoiceTurn,
)
from domain.speech_ports import (
    AudioDecoder,
    EmotionReader,
    SpeechToText,
    TextToSpeech,
    VoiceEvent,
)
from domain.turns import Turn
from language.detection import detect_language

RATE_HZ = 16_000
"""What recognisers and the voice activity detector were trained on."""
LANGUAGES = frozenset({"id", "en"})
REPEAT_BELOW = 0.55
"""Confidence from which recognised words are more often right than wrong."""


class VoiceAgent:
    """
    Answers spoken questions.

    Args:
        rag: Answers the question once it is text.
        find_speech: Returns the spoken part of a clip at 16 kHz, None when silent.
        repeat_below: Confidence under which the speaker is asked again.
    """

    def __init__(
        self,
        *,
        rag: Answerer,
        decoder: AudioDecoder,
        stt: SpeechToText,
        tts: TextToSpeech,
        emotion: EmotionReader,
        find_speech: Callable[[AudioClip], Awaitable[AudioClip | None]],
        repeat_below: float = REPEAT_BELOW,
    ) -> None:
        self._rag = rag
        self._decoder = decoder
        self._stt = stt
        self._tts = tts
        self._emotion = emotion
        self._find_speech = find_speech
        self._repeat_below = repeat_below

    async def stream(self, turn: VoiceTurn) -> AsyncGenerator[VoiceEvent]:
        """
        Hear, answer and speak: every event as soon as it is known. Close it to cancel.

        Raises:
            AppError: The turn failed; nothing of it was stored.
        """
        spent = Spent()
        with spent.stage("speech_to_text"):
            heard, clip = await self._hear(turn)
        yield TranscriptDelta(heard.text)
        yield TranscriptDone(heard)
        question = dataclasses.replace(
            turn.turn.question, text=heard.text, language=heard.language
        )
        reply = self._reply(
            dataclasses.replace(turn.turn, question=question),
            heard,
            clip=clip,
            style=turn.style,
            hush=None,
            spent=spent,
            is_language_known=turn.language is not None,
        )
        async with contextlib.aclosing(_events(reply)) as events:
            async for event in events:
                yield event

    async def reply(
        self,
        turn: Turn,
        heard: Transcript,
        *,
        clip: AudioClip | None,
        style: VoiceStyle,
        hush: asyncio.Event | None = None,
    ) -> AsyncGenerator[VoiceEvent]:
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
        reply = self._reply(
            turn,
            heard,
            clip=clip,
            style=style,
            hush=hush,
            spent=Spent(),
            is_language_known=turn.question.language is not None,
        )
        async with contextlib.aclosing(_events(reply)) as events:
            async for event in events:
                yield event

    async def _hear(self, voice: VoiceTurn) -> tuple[Transcript, AudioClip]:
        deadline = voice.turn.deadline
        sound = await self._decoder.decode(
            voice.audio, rate_hz=RATE_HZ, deadline=deadline
        )
        clip = await self._find_speech(sound)
        if clip is None:
            raise NoSpeech
        heard = await self._stt.transcribe(
            clip, language=voice.language, deadline=deadline
        )
        text = heard.text.strip()
        if not text:
            raise NoSpeech("No words were heard in the audio.")
        language = voice.language or heard.language
        if language not in LANGUAGES:
            # Engines that know a hundred languages take Indonesian for Malay.
            language = detect_language(text)
        return dataclasses.replace(heard, text=text, language=language), clip

    def _reply(
        self,
        turn: Turn,
        heard: Transcript,
        *,
        clip: AudioClip | None,
        style: VoiceStyle,
        hush: asyncio.Event | None,
        spent: Spent,
        is_language_known: bool,
    ) -> Reply:
        return Reply(
            rag=self._rag,
            tts=self._tts,
            emotion=self._emotion,
            turn=turn,
            heard=heard,
            clip=clip,
            style=dataclasses.replace(style, language=heard.language),
            hush=hush,
            spent=spent,
            must_repeat=heard.confidence < self._repeat_below,
            is_language_known=is_language_known,
        )


def _events(reply: Reply) -> AsyncGenerator[VoiceEvent]:
    return events_of(reply.run, deadline=reply.turn.deadline)
