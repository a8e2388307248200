"""
The right to run one turn of a conversation: waiting in line, holding, handing back.

A turn holds a lock with an expiry and renews it; its token is compared where the turn
is written, so that a holder that slept past its lock cannot overwrite a newer turn.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from domain.deadlines import Deadline
from domain.errors import ConversationBusy, StateUnavailable
from stores.owners import sign

log = logging.getLogger(__name__)

MAX_WAITING = 4
MAX_WAIT_SECONDS = 20.0
# Shorter than the longest wait: a turn behind a killed worker still gets its chance.
LEASE_SECONDS = 15.0
# Waiting turns ask this often; one that was silent for so long has died.
POLL_SECONDS = (0.02, 0.25)
SILENT_SECONDS = 3.0

GRANTED, WAITING, FULL = 1, 0, -1


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the list of conversations, as a turn leaves it."""

    title: str
    turns: int
    updated_at: float


def thread_id_of(tenant: str, conversation_id: str) -> str:
    """Return LangGraph's thread id; tenants have no slash in their names."""
    return f"{tenant}/{conversation_id}"


@dataclass(slots=True)
class Lease:
    """
    One turn's hold on its conversation.

    Attributes:
        not_durable: Something of this turn did not reach Redis.
        lost: Somebody else may have the turn by now; writes will be refused.
        gap: Earlier turns of the conversation did not survive an outage.
    """

    tenant: str
    conversation_id: str
    token: str
    not_durable: bool = False
    lost: bool = False
    gap: bool = False
    line: Line | None = None
    clock: Callable[[], float] = time.time

    @property
    def thread_id(self) -> str:
        """The conversation's id in LangGraph."""
        return thread_id_of(self.tenant, self.conversation_id)

    @property
    def configurable(self) -> Mapping[str, object]:
        """Entries for LangGraph's `configurable`; those with `__` are not stored."""
        return {
            "thread_id": self.thread_id,
            "__owner": self.tenant,
            "__fence_token": self.token,
        }

    @property
    def degraded(self) -> tuple[str, ...]:
        """
        What the turn had to do without.

        `state`: what was read or written did not reach Redis; `history_gap`: earlier
        turns were lost.
        """
        told = (("state", self.not_durable), ("history_gap", self.gap))
        return tuple(name for name, holds in told if holds)

    def describe(self, *, title: str, turns: int) -> None:
        """Give the line of the list; written when the lease is handed back."""
        self.line = Line(title=title, turns=turns, updated_at=self.clock())


class LeaseBackend(Protocol):
    """Where leases are written down."""

    async def try_acquire(self, lease: Lease) -> int:
        """Return GRANTED, WAITING (now in line) or FULL."""
        ...

    async def leave(self, lease: Lease) -> None:
        """Leave the line."""
        ...

    async def renew(self, lease: Lease) -> bool:
        """Return False when the lease is somebody else's, or nobody's."""
        ...

    async def release(self, lease: Lease) -> None:
        """Hand the lease back and write its line down."""
        ...


def new_token(kind: str = "r") -> str:
    """
    Return a token nobody else has, also after a fork.

    *kind* tells who gave it; its end tells which process of this host holds it.
    """
    return sign(f"{kind}-{secrets.token_urlsafe(12)}")


@asynccontextmanager
async def hold(
    backend: LeaseBackend, lease: Lease, *, deadline: Deadline
) -> AsyncIterator[Lease]:
    """
    Wait in line, hold *lease* during the block, hand it back.

    Raises:
        ConversationBusy: Too many wait already, or the wait was too long.
        StateUnavailable: The backend is away.
    """
    await acquire(backend, lease, deadline=deadline)
    async with held(backend, lease):
        yield lease


@asynccontextmanager
async def held(backend: LeaseBackend, lease: Lease) -> AsyncIterator[None]:
    """Renew an acquired *lease* during the block, then hand it back."""
    renewing = asyncio.create_task(_keep_renewing(backend, lease))
    try:
        yield
    finally:
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)
        await backend.release(lease)


async def acquire(backend: LeaseBackend, lease: Lease, *, deadline: Deadline) -> None:
    """Wait in line; see `hold`."""
    until = time.monotonic() + min(MAX_WAIT_SECONDS, deadline.remaining())
    pause, longest = POLL_SECONDS
    try:
        while (outcome := await backend.try_acquire(lease)) != GRANTED:
            await asyncio.sleep(_pause_or_give_up(outcome, pause, until))
            pause = min(pause * 1.5, longest)
    except BaseException:
        # Also when the request was cancelled: the line moves up at once.
        await asyncio.shield(_leave(backend, lease))
        raise


def _pause_or_give_up(outcome: int, pause: float, until: float) -> float:
    left = until - time.monotonic()
    if outcome == FULL or left <= 0:
        raise ConversationBusy(retry_after_seconds=2.0)
    return min(pause, left)


async def _leave(backend: LeaseBackend, lease: Lease) -> None:
    try:
        await backend.leave(lease)
    except StateUnavailable:
        log.info("lease_line_not_left")


async def _keep_renewing(backend: LeaseBackend, lease: Lease) -> None:
    while True:
        await asyncio.sleep(LEASE_SECONDS / 3)
        try:
            if not await backend.renew(lease):
                lease.lost = True
                log.warning("lease_lost")
                return
        except StateUnavailable:
            # The lock lives on for two more attempts; the write decides.
            log.warning("lease_not_renewed")
