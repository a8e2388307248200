"""What was heard is what the conversation keeps."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from agents.realtime_response import Response
from domain.deadlines import Deadline
from domain.errors import AppError, ConversationNotFound, MessageNotFound
from domain.ports import ConversationStore

log = logging.getLogger(__name__)

# A client that stopped playing says how much it heard; so long it has for that.
TOLD_SECONDS = 0.3
AMEND_SECONDS = 25.0
# The last words of a session are kept even when its client has gone.
CLOSE_SECONDS = 3.0


class HeardKeeper:
    """Cuts stored answers to what was heard of them, one after the other."""

    def __init__(
        self, conversations: ConversationStore, tenant: str, conversation_id: str
    ) -> None:
        self._conversations = conversations
        self._tenant = tenant
        self._conversation_id = conversation_id
        self._tasks: set[asyncio.Task[None]] = set()
        self._one_at_a_time = asyncio.Lock()

    def keep(self, response: Response) -> None:
        """Cut what is stored of *response* once it is stored."""
        task = asyncio.create_task(self._keep(response))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settled(self) -> None:
        """Wait until the history says what was heard."""
        if self._tasks:
            await asyncio.wait(set(self._tasks))

    async def close(self) -> None:
        """Finish soon, or not at all."""
        tasks = set(self._tasks)
        if tasks:
            await asyncio.wait(tasks, timeout=CLOSE_SECONDS)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self, response: Response) -> None:
        async with self._one_at_a_time:
            await response.ended.wait()
            if not response.told.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(TOLD_SECONDS):
                        await response.told.wait()
            try:
                await self._write(response)
            except (ConversationNotFound, MessageNotFound):
                # Deleted meanwhile: there is nothing left to be wrong.
                log.info("interrupted_answer_gone")
            except AppError as exc:
                log.warning("interrupted_answer_not_cut", extra={"code": exc.code})

    async def _write(self, response: Response) -> None:
        cut = response.cut() if response.was_stored else None
        if cut is None:
            return
        await self._conversations.amend_message(
            self._tenant,
            self._conversation_id,
            response.item_id,
            text=cut.text,
            citations=cut.citations,
            extra={"interrupted": True},
            deadline=Deadline.after(AMEND_SECONDS),
        )
