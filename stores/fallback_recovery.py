"""Carrying back to Redis what a file took in while Redis was away."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointTuple

from domain.errors import LeaseLost, StateCorrupt, StateUnavailable
from stores.checkpoint_keys import KeySpace, namespace_field
from stores.checkpoint_records import Address
from stores.checkpoint_steps import Plan
from stores.checkpoints import RedisCheckpointer
from stores.fallback_checkpoints import FileCheckpointer
from stores.fallback_lines import FileLine, FileLines
from stores.fallback_merge import merge_checkpoints
from stores.fallback_outage import Outage
from stores.fallback_records import FileRow
from stores.leases import GRANTED, Lease, LeaseBackend, Line, new_token
from stores.leases_redis import line_plan

log = logging.getLogger(__name__)

# A conversation that changes under the merge so often is being written without leases.
_ATTEMPTS = 5


class Recovery:
    """
    Settles conversations one by one, each under its lease.

    A conversation whose head in Redis is what the file grew from moves forward; one
    that went on elsewhere keeps both branches, message by message; nothing newer is
    replaced.
    """

    def __init__(
        self,
        primary: RedisCheckpointer,
        file: FileCheckpointer,
        *,
        lines: FileLines,
        leases: LeaseBackend,
        outage: Outage,
    ) -> None:
        self._primary = primary
        self._file = file
        self._lines = lines
        self._leases = leases
        self._outage = outage

    @property
    def _keys(self) -> KeySpace:
        return self._primary.layout.keys

    async def settle_all(self) -> int:
        """
        Settle every conversation that no turn is holding; return how many.

        Raises:
            StateUnavailable: Redis went away again.
        """
        run = self._file.file.run
        waiting = await run(self._lines.changed_threads)
        if not waiting and not self._outage.unsettled:
            return 0
        settled = 0
        await self._release_old()
        if await self._revive_lost(await run(self._file.seed_ids)):
            waiting = await run(self._lines.changed_threads)
        for thread_id in waiting:
            tenant, _, conversation_id = thread_id.rpartition("/")
            settled += await self.settle_alone(tenant, conversation_id)
        if not await run(self._lines.changed_threads):
            # Copies of workers' memories are old from now on.
            await run(self._file.drop_seeds)
            self._outage.unsettled = False
        if settled:
            log.info("state_merged_back", extra={"conversations": settled})
        return settled

    async def _revive_lost(self, seeds: Sequence[tuple[str, str, str]]) -> int:
        """
        Find turns that workers remember and that Redis came back without.

        A replica that took over, or a journal that was cut, may end earlier. What is
        found is merged message by message like everything that the file took in. A
        conversation that is gone as a whole was deleted or expired, and stays gone.
        """
        run = self._file.file.run
        if not seeds:
            return 0

        def plan() -> Plan[list[bytes | None]]:
            heads: list[bytes | None] = yield tuple(
                (
                    "HGET",
                    self._keys.thread(thread_id).state,
                    namespace_field(b"i", namespace),
                )
                for thread_id, namespace, _ in seeds
            )
            return heads

        revived = 0
        heads = await self._primary.runner.arun(plan())
        for seed, head in zip(seeds, heads, strict=True):
            # Ids grow with time.
            if head is not None and head.decode() < seed[2]:
                await run(self._file.revive_seed, *seed)
                revived += 1
        if revived:
            log.warning("lost_turns_found", extra={"conversations": revived})
        return revived

    async def _release_old(self) -> None:
        while self._outage.unreleased:
            await self._leases.leave(self._outage.unreleased[-1])
            self._outage.unreleased.pop()

    async def settle_alone(self, tenant: str, conversation_id: str) -> bool:
        """Settle one conversation unless a turn is holding it; True when done."""
        lease = Lease(tenant, conversation_id, new_token("m"))
        if await self._leases.try_acquire(lease) != GRANTED:
            await self._leases.leave(lease)
            return False
        try:
            await self.settle(lease)
        finally:
            await self._leases.leave(lease)
        return True

    async def settle(self, lease: Lease) -> None:
        """
        Settle the conversation of *lease*, which is held.

        Raises:
            StateUnavailable: Redis went away or is full; the file still has it all.
        """
        run = self._file.file.run
        if self._outage.unsettled:
            await self._revive_lost(await run(self._file.seed_ids, lease.thread_id))
        line = await run(self._lines.find_line, lease.thread_id)
        rows = await run(self._file.changed_rows, lease.thread_id)
        if not rows and (line is None or not line.changed):
            return
        if line is not None and line.wipe:
            await self._primary.adelete_thread(lease.thread_id)
            await self._unlist(lease)
        turns = None
        for row in rows:
            turns = await self._settle_row(lease, row) or turns
        if line is not None and line.changed and not line.deleted:
            await self._settle_line(lease, line, turns)
        await run(self._file.settled, lease.thread_id, rows)
        await run(self._lines.settled, line)

    async def _settle_row(self, lease: Lease, row: FileRow) -> int | None:
        """Write one row; return the number of turns when branches were merged."""
        config = _config(lease, row.namespace)
        for _ in range(_ATTEMPTS):
            try:
                head = await self._primary.aget_tuple(config)
            except StateCorrupt:
                head = None
            if head is not None and head.checkpoint["id"] == row.checkpoint_id:
                return None
            try:
                return await self._advance(config, row, head)
            except LeaseLost:
                continue
        raise StateUnavailable(retry_after_seconds=1.0)

    async def _advance(
        self, config: RunnableConfig, row: FileRow, head: CheckpointTuple | None
    ) -> int | None:
        checkpoint = row.found.checkpoint
        merged = head is not None and head.checkpoint["id"] != row.base
        if head is not None:
            if merged:
                checkpoint = merge_checkpoints(
                    head.checkpoint, checkpoint, self._primary.get_next_version
                )
            parent = {"checkpoint_id": head.checkpoint["id"]}
            config = {"configurable": {**config["configurable"], **parent}}
        stored = await self._primary.aput(
            config, checkpoint, row.found.metadata, checkpoint["channel_versions"]
        )
        if merged:
            return _count_turns(checkpoint["channel_values"])
        for task_id, channel, value in row.found.pending_writes or ():
            await self._primary.aput_writes(stored, [(channel, value)], task_id)
        return None

    async def _settle_line(
        self, lease: Lease, line: FileLine, turns: int | None
    ) -> None:
        ttl_ms = self._primary.layout.ttl_ms
        kept = Line(
            title=line.title,
            turns=line.turns if turns is None else turns,
            updated_at=line.updated_at,
        )
        await self._primary.runner.arun(
            line_plan(self._keys, lease, kept, named=line.named, ttl_ms=ttl_ms)
        )

    async def _unlist(self, lease: Lease) -> None:
        def plan() -> Any:
            index = self._keys.index(lease.tenant)
            yield (("ZREM", index, lease.conversation_id),)

        await self._primary.runner.arun(plan())


def _config(lease: Lease, namespace: str) -> RunnableConfig:
    address = Address(lease.thread_id, namespace, None, lease.tenant, lease.token)
    entries: dict[str, Any] = {
        "thread_id": address.thread_id,
        "checkpoint_ns": address.namespace,
        "__owner": address.owner,
        "__fence_token": address.fence,
    }
    return {"configurable": entries}


def _count_turns(values: Mapping[str, Any]) -> int:
    return sum(
        getattr(message, "type", "") == "human"
        for value in values.values()
        if isinstance(value, list)
        for message in value
    )
