"""
A spoken conversation: listens while it speaks, and stops when it is spoken over.

    sound -> Ear -> Hearing ----------------> Response -> sound
              |        `-> EarlySearch          ^  |
              `-> somebody speaks: stop --------'  `-> what was heard is kept
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from agents.early_search import EarlySearch
from agents.realtime_talk import LINGER_SECONDS, Talk
from domain.callers import Caller
from domain.ports import ConversationStore
from domain.realtime import RealtimeConfig, RealtimeEvent
from domain.realtime_ports import Admit
from domain.speech_ports import SpeechServices, VoiceActivity

HEARING_SECONDS = 20.0
"""What the local engine needs for a minute of sound, several times over."""
_DETECTORS = 8
"""Voice activity detectors kept for the next sessions."""


class RealtimeTalks:
    """
    Satisfies `domain.realtime_ports.RealtimeAgent`.

    Args:
        early: The retriever that answers are looked up with.
        new_id: Returns ids of messages.
        turn_seconds: Wall-clock budget of one answer.
        hearing_seconds: For the recogniser's last pass over an utterance.
        linger_seconds: What a turn that was spoken over has to be stored.
    """

    def __init__(
        self,
        *,
        speech: SpeechServices,
        conversations: ConversationStore,
        early: EarlySearch,
        new_id: Callable[[], str],
        turn_seconds: float = 90.0,
        hearing_seconds: float = HEARING_SECONDS,
        linger_seconds: float = LINGER_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.speech = speech
        self.conversations = conversations
        self.early = early
        self.new_id = new_id
        self.turn_seconds = turn_seconds
        self.hearing_seconds = hearing_seconds
        self.linger_seconds = linger_seconds
        self.clock = clock
        self._detectors: list[VoiceActivity] = []

    async def open(
        self,
        caller: Caller,
        conversation_id: str,
        *,
        config: RealtimeConfig,
        emit: Callable[[RealtimeEvent], None],
        admit: Admit,
    ) -> Talk:
        """Begin; *emit* is called for every event, in order, and does not block."""
        detector = await self._take_detector()
        return Talk(
            self,
            caller,
            conversation_id,
            config=config,
            emit=emit,
            admit=admit,
            detector=detector,
        )

    def give_back(self, detector: VoiceActivity) -> None:
        """Keep a detector for the next session."""
        if len(self._detectors) < _DETECTORS:
            self._detectors.append(detector)

    async def _take_detector(self) -> VoiceActivity:
        if self._detectors:
            detector = self._detectors.pop()
            detector.reset()
            return detector
        # Loading one takes 0.2 s.
        return await asyncio.to_thread(self.speech.new_voice_activity)
