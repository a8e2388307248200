"""An answer is spoken while the visitor is there, and no longer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from agents.visitor_voice import VisitorVoice
from domain.callers import Caller
from domain.deadlines import Deadline
from domain.errors import VisitorSessionEnded
from domain.speech import (
    AudioClip,
    SpeechDelta,
    SpeechDone,
    Transcript,
    TranscriptDone,
    VoiceStyle,
    VoiceTurn,
)
from domain.speech_ports import VoiceEvent
from domain.turns import Question, Turn
from stores.kiosk import KioskSessions
from tests.fakes.visitors import Clock, make_sessions

DEVICE = Caller("campus", "a", kind="device")
HEARD = Transcript("kapan", "id", 0.9)
STYLE = VoiceStyle("id")
PIECES = 3


class Talker:
    """Speaks three pieces; whoever listens may do something after each."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.closed = False
        self.clock = clock

    async def stream(self, turn: VoiceTurn) -> AsyncIterator[VoiceEvent]:
        try:
            yield TranscriptDone(HEARD)
            async for event in self.reply(turn.turn, HEARD, clip=None, style=STYLE):
                yield event
        finally:
            self.closed = True

    async def reply(
        self,
        turn: Turn,
        heard: Transcript,
        *,
        clip: AudioClip | None,
        style: VoiceStyle,
        hush: asyncio.Event | None = None,
    ) -> AsyncIterator[VoiceEvent]:
        del turn, heard, clip, style, hush
        for number in range(PIECES):
            if self.clock is not None:
                # Others run meanwhile, as they do while an engine works.
                await asyncio.sleep(0.01)
                self.clock.now += 59
            yield SpeechDelta(AudioClip(b"\0\0", 16_000), number, "kata")
        yield SpeechDone()


async def _forget(_tenant: str, _conversation_id: str) -> None:
    """Leave everything as it is."""


@pytest.fixture
def sessions() -> KioskSessions:
    return make_sessions(_forget)


def _turn(conversation_id: str) -> VoiceTurn:
    turn = Turn(
        caller=DEVICE,
        conversation_id=conversation_id,
        question=Question(""),
        question_id="msg_1",
        message_id="msg_2",
        deadline=Deadline.after(30),
    )
    return VoiceTurn(turn=turn, audio=b"", style=STYLE)


async def _hear(voice: VisitorVoice, conversation_id: str) -> list[VoiceEvent]:
    return [event async for event in voice.stream(_turn(conversation_id))]


async def test_a_visitor_hears_all_of_it(sessions: KioskSessions) -> None:
    _, session = await sessions.begin(DEVICE)

    heard = await _hear(VisitorVoice(Talker(), sessions), session.conversation_id)

    assert len(heard) == PIECES + 2


async def test_nothing_is_asked_for_other_conversations(
    sessions: KioskSessions,
) -> None:
    heard = await _hear(VisitorVoice(Talker(), sessions), "kiosk-7")

    assert len(heard) == PIECES + 2


async def test_nobody_is_silent_while_being_spoken_to() -> None:
    clock = Clock()
    sessions = make_sessions(_forget, clock=clock, silence=60)
    secret, session = await sessions.begin(DEVICE)

    voice = VisitorVoice(Talker(clock), sessions)
    heard = await _hear(voice, session.conversation_id)

    assert len(heard) == PIECES + 2
    assert await sessions.load(DEVICE, secret)


@pytest.mark.parametrize("door", ["stream", "reply"])
async def test_who_left_hears_no_more(sessions: KioskSessions, door: str) -> None:
    secret, session = await sessions.begin(DEVICE)
    talker = Talker()
    voice = VisitorVoice(talker, sessions)
    turn = _turn(session.conversation_id)
    events = (
        voice.stream(turn)
        if door == "stream"
        else voice.reply(turn.turn, HEARD, clip=None, style=STYLE)
    )
    pieces = 0

    async def listen() -> None:
        nonlocal pieces
        async for event in events:
            if isinstance(event, SpeechDelta):
                pieces += 1
                await sessions.end(DEVICE, secret)

    with pytest.raises(VisitorSessionEnded):
        await listen()
    assert pieces == 1
    assert talker.closed == (door == "stream")
