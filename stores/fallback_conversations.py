"""Conversations in the state file as their owner sees them."""

from __future__ import annotations

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
from domain.errors import ConversationNotFound
from domain.ports import TurnLease
from stores.amendments import Amendment, amend_message
from stores.conversations import (
    Checkpoints,
    load_messages,
    read_cursor,
    summarize,
)
from stores.fallback_leases import FileLeases
from stores.fallback_lines import FileLines
from stores.leases import Lease, hold, new_token, thread_id_of


class FileConversationStore:
    """
    Satisfies `domain.ports.ConversationStore` on the state file.

    Args:
        checkpoints: Where the messages are.
    """

    def __init__(self, lines: FileLines, checkpoints: Checkpoints) -> None:
        self._lines = lines
        self._file = lines.file
        self._checkpoints = checkpoints
        self.leases = FileLeases(lines)

    @asynccontextmanager
    async def turn(
        self, tenant: str, conversation_id: str, *, deadline: Deadline
    ) -> AsyncIterator[TurnLease]:
        """Wait in line for a turn; see the port."""
        lease = Lease(tenant, conversation_id, new_token("f"))
        async with hold(self.leases, lease, deadline=deadline):
            yield lease

    async def list_conversations(
        self, tenant: str, *, limit: int, cursor: str | None = None
    ) -> ItemPage[ConversationSummary]:
        """Return a page, newest first. Raises `BadRequest` on a foreign cursor."""
        place = read_cursor(tenant, cursor) if cursor else None
        return await self._file.run(self._lines.list_page, tenant, limit, place)

    async def load_conversation(
        self, tenant: str, conversation_id: str
    ) -> Conversation:
        """Return it with its messages. Raises `ConversationNotFound`."""
        thread_id = thread_id_of(tenant, conversation_id)
        messages = await load_messages(self._checkpoints, tenant, thread_id)
        if messages is None:
            raise ConversationNotFound
        summary = await self._file.run(
            self._lines.find_summary, tenant, conversation_id
        )
        if summary is None:
            ttl = self._file.ttl_seconds
            summary = summarize(conversation_id, messages, ttl=ttl)
        return Conversation(summary=summary, messages=tuple(messages))

    async def rename_conversation(
        self, tenant: str, conversation_id: str, *, title: str
    ) -> ConversationSummary:
        """Give it a title that later turns keep. Raises `ConversationNotFound`."""
        await self._file.run(self._lines.rename, tenant, conversation_id, title)
        summary = await self._file.run(
            self._lines.find_summary, tenant, conversation_id
        )
        if summary is None:
            raise ConversationNotFound
        return summary

    async def delete_conversation(self, tenant: str, conversation_id: str) -> None:
        """Remove it. Raises `ConversationNotFound`."""
        existed = await self._file.run(self._lines.remove, tenant, conversation_id)
        await self._checkpoints.adelete_thread(thread_id_of(tenant, conversation_id))
        if not existed:
            raise ConversationNotFound

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
            self._checkpoints,
            tenant,
            conversation_id,
            message_id,
            amendment=Amendment(text, citations, extra),
            deadline=deadline,
        )

    def mode(self) -> StateMode:
        """Return `file`."""
        return "file"
