"""Sessions of visitors: how they end, and who wins when two things happen at once."""

from __future__ import annotations

import asyncio

import pytest

from domain.callers import Caller
from domain.errors import LinkUsed, StoreUnavailable, VisitorSessionEnded
from domain.visitors import is_visitor_conversation
from stores.kiosk import KioskSessions
from tests.fakes.visitors import Clock, MemoryRecords, make_sessions

DEVICE = Caller("campus", "a", kind="device")
SILENCE = 60.0


class Forgotten:
    """Takes down which conversations were forgotten; fails when told so."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.failure: Exception | None = None

    async def __call__(self, tenant: str, conversation_id: str) -> None:
        if self.failure:
            raise self.failure
        self.ids.append(f"{tenant}/{conversation_id}")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def records(clock: Clock) -> MemoryRecords:
    return MemoryRecords(clock)


@pytest.fixture
def forgotten() -> Forgotten:
    return Forgotten()


@pytest.fixture
def sessions(
    forgotten: Forgotten, records: MemoryRecords, clock: Clock
) -> KioskSessions:
    return make_sessions(forgotten, records=records, clock=clock, silence=SILENCE)


async def test_silence_ends_a_session_and_a_sign_of_life_does_not(
    sessions: KioskSessions, clock: Clock
) -> None:
    secret, session = await sessions.begin(DEVICE)

    clock.now += SILENCE - 1
    again = await sessions.load(DEVICE, secret)
    clock.now += SILENCE - 1
    await sessions.load(DEVICE, secret)
    clock.now += SILENCE + 1

    assert again.expires_at == session.expires_at + SILENCE - 1
    with pytest.raises(VisitorSessionEnded):
        await sessions.load(DEVICE, secret)
    with pytest.raises(VisitorSessionEnded):
        await sessions.end(DEVICE, secret)
    assert not await sessions.is_open("campus", session.conversation_id)


@pytest.mark.parametrize(
    "stranger",
    [
        Caller("campus", "b", kind="device"),
        Caller("elsewhere", "a", kind="device"),
    ],
    ids=["another-device", "another-tenant"],
)
async def test_the_try_of_a_stranger_is_no_sign_of_life(
    sessions: KioskSessions, clock: Clock, stranger: Caller
) -> None:
    secret, _ = await sessions.begin(DEVICE)
    clock.now += SILENCE - 1

    with pytest.raises(VisitorSessionEnded):
        await sessions.load(stranger, secret)
    with pytest.raises(VisitorSessionEnded):
        await sessions.end(stranger, secret)
    clock.now += 2

    with pytest.raises(VisitorSessionEnded):
        await sessions.load(DEVICE, secret)


async def test_what_ended_by_silence_is_forgotten_soon(
    sessions: KioskSessions, forgotten: Forgotten, records: MemoryRecords, clock: Clock
) -> None:
    _, gone = await sessions.begin(DEVICE)
    secret, still = await sessions.begin(DEVICE)
    clock.now += SILENCE - 1
    await sessions.load(DEVICE, secret)
    clock.now += 2

    assert await sessions.sweep() == 1
    assert forgotten.ids == [f"campus/{gone.conversation_id}"]
    clock.now += SILENCE
    assert await sessions.sweep() == 1
    assert forgotten.ids[1:] == [f"campus/{still.conversation_id}"]
    assert records.lines == {}


async def test_the_end_forgets_at_once_and_looks_once_more(
    sessions: KioskSessions, forgotten: Forgotten, records: MemoryRecords, clock: Clock
) -> None:
    secret, session = await sessions.begin(DEVICE)

    await sessions.end(DEVICE, secret)

    assert forgotten.ids == [f"campus/{session.conversation_id}"]
    assert await sessions.sweep() == 0
    # A worker that was killed in between may have left something behind.
    clock.now += 301
    assert await sessions.sweep() == 1
    assert forgotten.ids == [f"campus/{session.conversation_id}"] * 2
    assert records.lines == {}


async def test_what_cannot_be_forgotten_is_out_of_reach_and_tried_again(
    sessions: KioskSessions, forgotten: Forgotten, clock: Clock
) -> None:
    secret, session = await sessions.begin(DEVICE)
    forgotten.failure = StoreUnavailable()

    await sessions.end(DEVICE, secret)
    assert not await sessions.is_open("campus", session.conversation_id)
    assert await sessions.sweep() == 0
    forgotten.failure = None
    clock.now += SILENCE + 1

    assert await sessions.sweep() == 1
    assert forgotten.ids == [f"campus/{session.conversation_id}"]


async def test_an_opened_conversation_outlives_its_session(
    sessions: KioskSessions, forgotten: Forgotten, clock: Clock
) -> None:
    secret, session = await sessions.begin(DEVICE)
    visit = await sessions.open_link((await sessions.make_link(session)).token)

    await sessions.end(DEVICE, secret)
    clock.now += 600
    await sessions.sweep()

    assert forgotten.ids == []
    assert await sessions.is_open("campus", session.conversation_id)
    visitor = await sessions.find_visitor(visit.token)
    assert visitor is not None
    assert await sessions.may_speak(visitor, session.conversation_id)
    assert not await sessions.may_speak(DEVICE, session.conversation_id)
    assert (visitor.kind, visitor.tenant) == ("visitor", "campus")
    assert visitor.conversation_id == session.conversation_id


async def test_a_visit_ends_after_its_hour(
    sessions: KioskSessions, clock: Clock
) -> None:
    _, session = await sessions.begin(DEVICE)
    visit = await sessions.open_link((await sessions.make_link(session)).token)

    clock.now = visit.expires_at + 1

    assert await sessions.find_visitor(visit.token) is None


async def test_a_link_ends_after_ten_minutes_and_with_its_session(
    sessions: KioskSessions, clock: Clock
) -> None:
    secret, session = await sessions.begin(DEVICE)
    late = await sessions.make_link(session)
    assert late.expires_at == clock.now + 600
    clock.now = late.expires_at + 1
    with pytest.raises(LinkUsed):
        await sessions.open_link(late.token)

    secret, session = await sessions.begin(DEVICE)
    link = await sessions.make_link(session)
    await sessions.end(DEVICE, secret)
    with pytest.raises(LinkUsed):
        await sessions.open_link(link.token)


async def test_only_one_of_many_opens_a_link(sessions: KioskSessions) -> None:
    _, session = await sessions.begin(DEVICE)
    link = await sessions.make_link(session)

    outcomes = await asyncio.gather(
        *(sessions.open_link(link.token) for _ in range(8)), return_exceptions=True
    )

    assert sum(not isinstance(outcome, LinkUsed) for outcome in outcomes) == 1


async def test_only_one_of_many_ends_a_session(
    sessions: KioskSessions, forgotten: Forgotten
) -> None:
    secret, _ = await sessions.begin(DEVICE)

    outcomes = await asyncio.gather(
        *(sessions.end(DEVICE, secret) for _ in range(8)), return_exceptions=True
    )

    assert sum(outcome is None for outcome in outcomes) == 1
    assert len(forgotten.ids) == 1


async def test_no_secret_names_anothers_conversation(sessions: KioskSessions) -> None:
    secret, session = await sessions.begin(DEVICE)
    _, other = await sessions.begin(DEVICE)

    assert is_visitor_conversation(session.conversation_id)
    for guess in (
        "",
        session.conversation_id,
        other.conversation_id,
        session.conversation_id.removeprefix("visitor-"),
        secret.lower(),
        secret[:-1],
        secret + "A",
        "\ud800",
    ):
        with pytest.raises(VisitorSessionEnded):
            await sessions.load(DEVICE, guess)


@pytest.mark.parametrize(
    "name",
    ["kiosk-7", "visitor-", "visitor-" + "g" * 40, "visitor-" + "0" * 41, "VISITOR-"],
)
def test_other_conversations_are_nobodys_visit(name: str) -> None:
    assert not is_visitor_conversation(name)
