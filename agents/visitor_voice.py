"""Nobody is spoken to who has left."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator

from domain.errors import StateUnavailable, VisitorSessionEnded
from domain.ports import VisitorSessions
from domain.speech import (
    AudioClip,
    SpeechDelta,
    Transcript,
    VoiceCompleted,
    VoiceStyle,
    VoiceTurn,
)
from domain.speech_ports import VoiceAnswerer, VoiceEvent
from domain.turns import Turn
from domain.visitors import is_visitor_conversation

# A fraction of the shortest silence that can be set.
_BEAT_SECONDS = 1.0


class VisitorVoice:
    """
    Satisfies `domain.speech_ports.VoiceAnswerer`: *voice*, for visitors who may leave.

    The answer is stored before it is spoken, and speaking takes longer than writing.
    Before each piece of sound, and before the whole is handed over, this asks whether
    the conversation is still open. Meanwhile it says that the visitor is there.
    """

    def __init__(self, voice: VoiceAnswerer, visitors: VisitorSessions) -> None:
        self._voice = voice
        self._visitors = visitors

    async def stream(self, turn: VoiceTurn) -> AsyncGenerator[VoiceEvent]:
        """
        Hear, answer and speak; see the port.

        Raises:
            VisitorSessionEnded: The visitor left meanwhile.
        """
        events = self._while_there(turn.turn, self._voice.stream(turn))
        async with contextlib.aclosing(events):
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
        Answer and speak what was heard already; see the port.

        Raises:
            VisitorSessionEnded: The visitor left meanwhile.
        """
        answer = self._voice.reply(turn, heard, clip=clip, style=style, hush=hush)
        events = self._while_there(turn, answer)
        async with contextlib.aclosing(events):
            async for event in events:
                yield event

    async def _while_there(
        self, turn: Turn, events: AsyncIterator[VoiceEvent]
    ) -> AsyncGenerator[VoiceEvent]:
        visiting = is_visitor_conversation(turn.conversation_id)
        beating = asyncio.create_task(self._keep_there(turn)) if visiting else None
        try:
            async for event in events:
                if visiting and isinstance(event, SpeechDelta | VoiceCompleted):
                    await self._check(turn)
                yield event
        finally:
            if beating is not None:
                beating.cancel()
                await asyncio.gather(beating, return_exceptions=True)
            if isinstance(events, AsyncGenerator):
                await events.aclose()

    async def _keep_there(self, turn: Turn) -> None:
        """Nobody is silent while a question is being heard or an answer spoken."""
        while True:
            # What is over stays over; who speaks to it next is told.
            with contextlib.suppress(StateUnavailable, VisitorSessionEnded):
                await self._check(turn)
            await asyncio.sleep(_BEAT_SECONDS)

    async def _check(self, turn: Turn) -> None:
        if not await self._visitors.may_speak(turn.caller, turn.conversation_id):
            raise VisitorSessionEnded
