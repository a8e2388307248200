"""Conversations that go on from a file while Redis is away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from domain.conversations import (
    Conversation,
    ConversationSummary,
    ItemPage,
    Message,
    StateMode,
)
from domain.deadlines import Deadline
from domain.documents import Citation
from domain.errors import (
    ConversationNotFound,
    StateCorrupt,
    StateFull,
    StateUnavailable,
)
from domain.ports import TurnLease
from stores.amendments import Amendment, amend_message
from stores.conversations import RedisConversationStore
from stores.fallback import FallbackCheckpointer
from stores.fallback_conversations import FileConversationStore
from stores.fallback_lines import FileLines
from stores.fallback_outage import Outage
from stores.fallback_recovery import Recovery
from stores.leases import (
    Lease,
    LeaseBackend,
    acquire,
    held,
    new_token,
    thread_id_of,
)
from stores.redis_client import RETRY_AFTER_SECONDS

log = logging.getLogger(__name__)

Result = TypeVar("Result")


class FallbackConversationStore:
    """
    Satisfies `domain.ports.ConversationStore` on Redis, or the file while it is away.

    Args:
        redis: The store in Redis.
        file: The store in the file, which also learns what exists.
        saver: Where the messages are.
        recovery: Carries the file's conversations back.
        outage: What this worker knows about Redis being away.
    """

    def __init__(
        self,
        redis: RedisConversationStore,
        file: FileConversationStore,
        *,
        lines: FileLines,
        saver: FallbackCheckpointer,
        recovery: Recovery,
        outage: Outage,
    ) -> None:
        self._redis = redis
        self._file = file
        self._lines = lines
        self._saver = saver
        self._recovery = recovery
        self._outage = outage
        self._gaps = redis.leases.gaps
        self._notes: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def turn(
        self, tenant: str, conversation_id: str, *, deadline: Deadline
    ) -> AsyncIterator[TurnLease]:
        """Wait in line for a turn; see the port."""
        lease = await self._take_from_redis(tenant, conversation_id, deadline)
        backend: LeaseBackend = self
        if lease is None:
            lease = Lease(tenant, conversation_id, new_token("f"), not_durable=True)
            backend = self._file.leases
            await acquire(backend, lease, deadline=deadline)
        self._outage.began(lease)
        try:
            async with held(backend, lease):
                if backend is self and self._outage.unsettled:
                    await self._settle(lease)
                if backend is self and self._gaps.asks_about(lease.thread_id):
                    await self._recall_turns(lease)
                yield lease
        finally:
            self._outage.ended(lease)

    async def list_conversations(
        self, tenant: str, *, limit: int, cursor: str | None = None
    ) -> ItemPage[ConversationSummary]:
        """Return a page, newest first. Raises `BadRequest` on a foreign cursor."""
        return await self._either(
            lambda: self._redis.list_conversations(tenant, limit=limit, cursor=cursor),
            lambda: self._file.list_conversations(tenant, limit=limit, cursor=cursor),
        )

    async def load_conversation(
        self, tenant: str, conversation_id: str
    ) -> Conversation:
        """Return it with its messages. Raises `ConversationNotFound`."""
        await self._settle_quietly(tenant, conversation_id)
        return await self._either(
            lambda: self._redis.load_conversation(tenant, conversation_id),
            lambda: self._file.load_conversation(tenant, conversation_id),
        )

    async def rename_conversation(
        self, tenant: str, conversation_id: str, *, title: str
    ) -> ConversationSummary:
        """Give it a title that later turns keep. Raises `ConversationNotFound`."""
        await self._settle_quietly(tenant, conversation_id)
        return await self._either(
            lambda: self._redis.rename_conversation(
                tenant, conversation_id, title=title
            ),
            lambda: self._known_only(
                thread_id_of(tenant, conversation_id),
                lambda: self._file.rename_conversation(
                    tenant, conversation_id, title=title
                ),
            ),
        )

    async def delete_conversation(self, tenant: str, conversation_id: str) -> None:
        """Remove it from every store. Raises `ConversationNotFound`."""
        if self._outage.usable():
            try:
                await self._delete_everywhere(tenant, conversation_id)
            except StateUnavailable:
                self._outage.noticed()
            else:
                return
        await self._known_only(
            thread_id_of(tenant, conversation_id),
            lambda: self._file.delete_conversation(tenant, conversation_id),
        )

    async def amend_message(
        self,
        tenant: str,
        conversation_id: str,
        message_id: str,
        *,
        text: str,
        citations: Sequence[Citation],
        extra: Mapping[str, object],
        deadline: Deadline,
    ) -> Message:
        """Write one stored message anew, between turns; see the port."""
        return await amend_message(
            self,
            self._saver,
            tenant,
            conversation_id,
            message_id,
            amendment=Amendment(text, citations, extra),
            deadline=deadline,
        )

    def mode(self) -> StateMode:
        """Return which store is in use, without I/O."""
        return self._redis.mode() if self._outage.usable() else "file"

    async def try_acquire(self, lease: Lease) -> int:
        """Take the lease in Redis."""
        return await self._redis.leases.try_acquire(lease)

    async def leave(self, lease: Lease) -> None:
        """Leave the line in Redis."""
        await self._redis.leases.leave(lease)

    async def renew(self, lease: Lease) -> bool:
        """Renew the lease in Redis."""
        return await self._redis.leases.renew(lease)

    async def release(self, lease: Lease) -> None:
        """Hand the lease back; the file learns that the conversation exists."""
        try:
            await self._redis.leases.release(lease)
        except StateUnavailable:
            self._outage.noticed()
            self._outage.unreleased.append(lease)
            lease.not_durable = True
        if lease.line is None:
            return
        if lease.not_durable:
            await self._lines.file.run(self._lines.note, lease, changed=True)
            return
        note = asyncio.create_task(self._note(lease))
        self._notes.add(note)
        note.add_done_callback(self._notes.discard)

    async def close(self) -> None:
        """Wait for what is still being noted."""
        await asyncio.gather(*self._notes, return_exceptions=True)

    async def _delete_everywhere(self, tenant: str, conversation_id: str) -> None:
        thread_id = thread_id_of(tenant, conversation_id)
        run = self._lines.file.run
        line = await run(self._lines.find_line, thread_id)
        only_here = line is not None and line.changed and not line.deleted
        try:
            await self._redis.delete_conversation(tenant, conversation_id)
        except ConversationNotFound:
            if not only_here:
                raise
        await run(self._lines.forget, thread_id)
        await self._saver.file.adelete_thread(thread_id)

    async def _note(self, lease: Lease) -> None:
        try:
            await self._lines.file.run(self._lines.note, lease, changed=False)
        except StateUnavailable:
            # Only the knowledge for an outage is missing; Redis has everything.
            log.warning("conversation_not_noted")

    async def _take_from_redis(
        self, tenant: str, conversation_id: str, deadline: Deadline
    ) -> Lease | None:
        if not self._outage.usable():
            return None
        lease = Lease(tenant, conversation_id, new_token())
        try:
            await acquire(self, lease, deadline=deadline)
        except (StateFull, StateCorrupt):
            # Nothing was spent on this turn yet: say so instead of piling it up here.
            raise
        except StateUnavailable:
            self._outage.noticed()
            return None
        return lease

    async def _recall_turns(self, lease: Lease) -> None:
        """Learn what other workers of this host knew of a conversation."""
        thread_id = lease.thread_id
        line = await self._lines.file.run(self._lines.find_line, thread_id)
        if line is None or line.deleted:
            return
        if line.changed:
            # Another worker saw an outage that this one did not.
            await self._settle(lease)
        self._gaps.expect(thread_id, line.turns)

    async def _settle(self, lease: Lease) -> None:
        try:
            await self._recovery.settle(lease)
        except StateUnavailable:
            # What the file has is newer than Redis: this turn stays with the file.
            self._outage.keep_local(lease)

    async def _settle_quietly(self, tenant: str, conversation_id: str) -> None:
        if not (self._outage.unsettled and self._outage.usable()):
            return
        thread_id = thread_id_of(tenant, conversation_id)
        changed = await self._lines.file.run(self._lines.changed_threads)
        if thread_id in changed:
            try:
                await self._recovery.settle_alone(tenant, conversation_id)
            except StateUnavailable:
                log.info("state_not_merged_yet")

    async def _either(
        self,
        first: Callable[[], Awaitable[Result]],
        second: Callable[[], Awaitable[Result]],
    ) -> Result:
        if self._outage.usable():
            try:
                return await first()
            except (StateFull, StateCorrupt):
                raise
            except StateUnavailable:
                self._outage.noticed()
        return await second()

    async def _known_only(
        self, thread_id: str, call: Callable[[], Awaitable[Result]]
    ) -> Result:
        """Return the result; what the file does not know may exist in Redis."""
        try:
            return await call()
        except ConversationNotFound:
            line = await self._lines.file.run(self._lines.find_line, thread_id)
            if line is not None and line.deleted:
                raise
            raise StateUnavailable(retry_after_seconds=RETRY_AFTER_SECONDS) from None
