"""A turn of a visitor's conversation lives no longer than the visitor is there."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from domain.callers import Caller
from domain.conversations import Message
from domain.deadlines import Deadline
from domain.errors import ConversationBusy, VisitorSessionEnded
from domain.ports import TurnLease
from stores.kiosk import KioskSessions
from stores.kiosk_guard import GuardedConversations
from tests.fakes.services import FakeConversations
from tests.fakes.visitors import Clock, MemoryRecords, make_sessions

DEVICE = Caller("campus", "a", kind="device")
SILENCE = 60.0
SOON = 0.01


class House:
    """Conversations, sessions and a clock, as one service has them."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.store = FakeConversations()
        self.sessions: KioskSessions = make_sessions(
            self._forget,
            records=MemoryRecords(self.clock),
            clock=self.clock,
            silence=SILENCE,
        )
        self.guarded = GuardedConversations(
            self.store, self.sessions, watch_seconds=SOON
        )

    async def _forget(self, tenant: str, conversation_id: str) -> None:
        self.store.kept.pop((tenant, conversation_id), None)

    def turn(
        self, conversation_id: str
    ) -> contextlib.AbstractAsyncContextManager[TurnLease]:
        return self.guarded.turn("campus", conversation_id, deadline=Deadline.after(30))

    def commit(self, conversation_id: str) -> None:
        self.store.add("campus", conversation_id, Message("msg_1", "user", "Apa?", 0.0))


@pytest.fixture
def house() -> House:
    return House()


async def test_other_conversations_are_not_looked_at(house: House) -> None:
    async with house.turn("kiosk-7") as lease:
        house.commit("kiosk-7")

    assert lease.configurable["thread_id"] == "campus/kiosk-7"
    assert ("campus", "kiosk-7") in house.store.kept


async def test_a_turn_runs_while_the_visitor_is_there(house: House) -> None:
    secret, session = await house.sessions.begin(DEVICE)

    async with house.turn(session.conversation_id):
        house.commit(session.conversation_id)

    assert ("campus", session.conversation_id) in house.store.kept
    assert await house.sessions.load(DEVICE, secret)


async def test_no_turn_begins_in_a_conversation_that_is_over(house: House) -> None:
    secret, session = await house.sessions.begin(DEVICE)
    await house.sessions.end(DEVICE, secret)

    with pytest.raises(VisitorSessionEnded):
        async with house.turn(session.conversation_id):
            pytest.fail("it began")


async def test_nobody_makes_up_a_visitors_conversation(house: House) -> None:
    with pytest.raises(VisitorSessionEnded):
        async with house.turn("visitor-" + "0" * 40):
            pytest.fail("it began")


async def test_what_is_written_after_the_end_is_forgotten_again(house: House) -> None:
    secret, session = await house.sessions.begin(DEVICE)

    async def answer() -> None:
        async with house.turn(session.conversation_id):
            await house.sessions.end(DEVICE, secret)
            house.commit(session.conversation_id)

    with pytest.raises(VisitorSessionEnded):
        await answer()
    assert house.store.kept == {}


async def test_a_turn_in_flight_is_cut(house: House) -> None:
    secret, session = await house.sessions.begin(DEVICE)
    begun, reached = asyncio.Event(), False

    async def answer() -> None:
        nonlocal reached
        async with house.turn(session.conversation_id):
            begun.set()
            await asyncio.sleep(3600)
            reached = True

    task = asyncio.create_task(answer())
    await begun.wait()
    await house.sessions.end(DEVICE, secret)

    async with asyncio.timeout(10):
        with pytest.raises(VisitorSessionEnded):
            await task
    assert not reached


async def test_nobody_is_silent_while_an_answer_is_written(house: House) -> None:
    secret, session = await house.sessions.begin(DEVICE)

    async with house.turn(session.conversation_id):
        for _ in range(3):
            house.clock.now += SILENCE - 1
            await asyncio.sleep(SOON * 10)

    house.clock.now += SILENCE - 1
    assert await house.sessions.load(DEVICE, secret)


async def test_silence_during_a_turn_that_stalled_ends_it(house: House) -> None:
    _, session = await house.sessions.begin(DEVICE)

    async def stall() -> None:
        async with house.turn(session.conversation_id):
            house.commit(session.conversation_id)
            house.clock.now += SILENCE + 1

    with pytest.raises(VisitorSessionEnded):
        await stall()
    assert house.store.kept == {}


async def test_a_phone_goes_on_when_the_kiosk_is_done(house: House) -> None:
    secret, session = await house.sessions.begin(DEVICE)
    await house.sessions.open_link((await house.sessions.make_link(session)).token)

    async with house.turn(session.conversation_id):
        await house.sessions.end(DEVICE, secret)
        await asyncio.sleep(SOON * 5)
        house.commit(session.conversation_id)
    async with house.turn(session.conversation_id):
        pass

    assert ("campus", session.conversation_id) in house.store.kept


async def test_other_failures_stay_what_they_are(house: House) -> None:
    _, session = await house.sessions.begin(DEVICE)

    with pytest.raises(ConversationBusy):
        async with house.turn(session.conversation_id):
            raise ConversationBusy
    with pytest.raises(TimeoutError):
        async with house.turn(session.conversation_id):
            raise TimeoutError


async def test_a_cancelled_turn_is_cancelled(house: House) -> None:
    _, session = await house.sessions.begin(DEVICE)

    async def answer() -> AsyncIterator[None]:
        async with house.turn(session.conversation_id):
            yield
            await asyncio.sleep(3600)

    answering = answer()
    await anext(answering)
    task = asyncio.ensure_future(anext(answering))
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
