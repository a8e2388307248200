"""Conversations of visitors: no turn begins, or stays, after the visitor left."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from domain.conversations import (
    Conversation,
    ConversationSummary,
    ItemPage,
    Message,
    StateMode,
)
from domain.deadlines import Deadline
from domain.documents import Citation
from domain.errors import StateUnavailable, VisitorSessionEnded
from domain.ports import ConversationStore, TurnLease, VisitorSessions
from domain.visitors import is_visitor_conversation

# A turn in flight is cut so soon after the session's end, wherever it was ended.
WATCH_SECONDS = 1.0


class GuardedConversations:
    """
    Satisfies `domain.ports.ConversationStore`: *store*, with visitors who leave.

    Whatever door a turn came through, and whoever asks: in a conversation of a visitor
    it runs while that conversation is open, is cut when it closes, and what it may have
    written after the end is forgotten again.

    Args:
        watch_seconds: How often a running turn asks whether it may go on.
    """

    def __init__(
        self,
        store: ConversationStore,
        visitors: VisitorSessions,
        *,
        watch_seconds: float = WATCH_SECONDS,
    ) -> None:
        self._store = store
        self._visitors = visitors
        self._watch_seconds = watch_seconds

    @asynccontextmanager
    async def turn(
        self, tenant: str, conversation_id: str, *, deadline: Deadline
    ) -> AsyncIterator[TurnLease]:
        """
        Wait in line for a turn; see the port.

        Raises:
            VisitorSessionEnded: The visitor left, before or during the turn.
        """
        if not is_visitor_conversation(conversation_id):
            async with self._store.turn(
                tenant, conversation_id, deadline=deadline
            ) as lease:
                yield lease
            return
        visitors = self._visitors
        if not await self._look(tenant, conversation_id):
            raise VisitorSessionEnded
        try:
            async with (
                self._while_open(tenant, conversation_id),
                self._store.turn(tenant, conversation_id, deadline=deadline) as lease,
            ):
                yield lease
        finally:
            still = await self._look(tenant, conversation_id)
            if not still:
                await visitors.close_conversation(tenant, conversation_id)
        if not still:
            raise VisitorSessionEnded

    async def list_conversations(
        self, tenant: str, *, limit: int, cursor: str | None = None
    ) -> ItemPage[ConversationSummary]:
        """Return a page, newest first. Raises `BadRequest` on a foreign cursor."""
        return await self._store.list_conversations(tenant, limit=limit, cursor=cursor)

    async def load_conversation(
        self, tenant: str, conversation_id: str
    ) -> Conversation:
        """Return it with its messages. Raises `ConversationNotFound`."""
        return await self._store.load_conversation(tenant, conversation_id)

    async def rename_conversation(
        self, tenant: str, conversation_id: str, *, title: str
    ) -> ConversationSummary:
        """Give it a title that later turns keep. Raises `ConversationNotFound`."""
        return await self._store.rename_conversation(
            tenant, conversation_id, title=title
        )

    async def delete_conversation(self, tenant: str, conversation_id: str) -> None:
        """Remove it from every store. Raises `ConversationNotFound`."""
        await self._store.delete_conversation(tenant, conversation_id)

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
        """
        Write one stored message anew; see the port.

        It adds nothing: a conversation that was forgotten meanwhile stays so.
        """
        return await self._store.amend_message(
            tenant,
            conversation_id,
            message_id,
            text=text,
            citations=citations,
            extra=extra,
            deadline=deadline,
        )

    def mode(self) -> StateMode:
        """Return which store is in use, without I/O."""
        return self._store.mode()

    async def _look(self, tenant: str, conversation_id: str) -> bool:
        """Return whether it is open; nobody is silent while an answer is written."""
        return await self._visitors.is_open(
            tenant, conversation_id, seconds=self._visitors.silence_seconds
        )

    @asynccontextmanager
    async def _while_open(
        self, tenant: str, conversation_id: str
    ) -> AsyncIterator[None]:
        """Cut the block when the conversation closes."""
        ended = False

        async def watch(limit: asyncio.Timeout) -> None:
            nonlocal ended
            while not ended:
                await asyncio.sleep(self._watch_seconds)
                # A store that is away for a moment says nothing about the visitor.
                with contextlib.suppress(StateUnavailable):
                    ended = not await self._look(tenant, conversation_id)
            limit.reschedule(asyncio.get_running_loop().time())

        try:
            async with asyncio.timeout(None) as limit:
                watching = asyncio.create_task(watch(limit))
                try:
                    yield
                finally:
                    watching.cancel()
                    await asyncio.gather(watching, return_exceptions=True)
        except TimeoutError as exc:
            if ended:
                raise VisitorSessionEnded from exc
            raise
