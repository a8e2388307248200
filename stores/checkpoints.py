"""
Conversations of LangGraph in Redis, on core commands only.

One hash a conversation; a turn costs two round trips and sends only what is new.
Design, promises and figures: docs/checkpoints.md.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_checkpoint_id,
)
from langgraph.checkpoint.serde.base import SerializerProtocol

from stores import checkpoint_admin as admin
from stores.checkpoint_cache import DecodedCache
from stores.checkpoint_codec import COMPRESS_FROM_BYTES, FieldCodec, strict_serializer
from stores.checkpoint_keys import KeySpace
from stores.checkpoint_read import Layout, read_tuple, recall_tuple
from stores.checkpoint_records import Address
from stores.checkpoint_steps import Connection, Plan, Runner
from stores.checkpoint_write import write_checkpoint, write_pending


class RedisCheckpointer(BaseCheckpointSaver[int]):
    """
    A LangGraph saver on Redis 6 or newer, Valkey, Cluster and Sentinel.

    Args:
        connection: How to reach Redis; used when a method is called, not before.
        prefix: Of every key.
        ttl_seconds: Life of a conversation after its last turn.
        history: 1 keeps the newest checkpoint, None keeps all (time travel).
        serde: A serializer; the default builds nothing but LangChain's own classes.
        scripting: Whether the server runs Lua; None finds out.
        cache_conversations: Conversations remembered decoded by this worker; 0: none.
        compress_from_bytes: Fields of this size are compressed; None: never.

    Raises (every method that does I/O):
        StateUnavailable, StateFull: Redis is away, or has no room.
        StateCorrupt: What is stored is damaged; it was set aside.
        LeaseLost: Another turn has taken over (writing only).
    """

    def __init__(
        self,
        connection: Connection,
        *,
        prefix: str = "tanya",
        ttl_seconds: int = 86_400,
        history: int | None = 1,
        serde: SerializerProtocol | None = None,
        scripting: bool | None = None,
        cache_conversations: int = 256,
        compress_from_bytes: int | None = COMPRESS_FROM_BYTES,
    ) -> None:
        if history not in (1, None):
            raise ValueError("history must be 1 or None")
        super().__init__(serde=serde or strict_serializer())
        self.runner = Runner(connection, scripting=scripting)
        self.layout = Layout(
            keys=KeySpace(prefix),
            codec=FieldCodec(compress_from=compress_from_bytes),
            cache=DecodedCache(cache_conversations),
            ttl_ms=ttl_seconds * 1000,
            newest_only=history == 1,
        )

    def get_next_version(self, current: int | str | float | None, channel: None) -> int:
        """
        Return a version above *current* that no other branch will have.

        31 bits count, 32 bits are random: two branches never reach the same number.
        """
        del channel
        if isinstance(current, str):
            current = int(current.split(".", 1)[0])
        count = (int(current) >> 32) + 1 if current else 1
        return (count << 32) | secrets.randbits(32)

    def recall(self, thread_id: str, namespace: str) -> CheckpointTuple | None:
        """Return what this worker remembers of a conversation, without I/O."""
        return recall_tuple(self.layout, self.serde, thread_id, namespace)

    def iter_recalled(self) -> Iterator[CheckpointTuple]:
        """Yield everything this worker remembers, least recent first."""
        for thread_id, namespace in self.layout.cache.iter_keys():
            found = self.recall(thread_id, namespace)
            if found is not None:
                yield found

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the newest checkpoint, or the one *config* names."""
        return self.runner.run(self._read(config))

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the newest checkpoint, or the one *config* names."""
        return await self.runner.arun(self._read(config))

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store *checkpoint* and return its config."""
        return self.runner.run(
            write_checkpoint(
                self.layout, self.serde, config, checkpoint, metadata, new_versions
            )
        )

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store *checkpoint* and return its config."""
        return await self.runner.arun(
            write_checkpoint(
                self.layout, self.serde, config, checkpoint, metadata, new_versions
            )
        )

    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Store the results of one task of a step that has not ended."""
        self.runner.run(
            write_pending(self.layout, self.serde, config, writes, task_id, task_path)
        )

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Store the results of one task of a step that has not ended."""
        await self.runner.arun(
            write_pending(self.layout, self.serde, config, writes, task_id, task_path)
        )

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - LangGraph's name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """Yield checkpoints, newest first; without *config* those of everybody."""
        for thread_id in self._threads(config):
            found = self.runner.run(
                self._list(thread_id, config, filter, before, limit)
            )
            yield from found
            limit = None if limit is None else limit - len(found)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - LangGraph's name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Yield checkpoints, newest first; without *config* those of everybody."""
        if config is None:
            threads = await self.runner.arun(admin.find_threads(self.layout))
        else:
            threads = [Address.read(config).thread_id]
        for thread_id in threads:
            found = await self.runner.arun(
                self._list(thread_id, config, filter, before, limit)
            )
            for entry in found:
                yield entry
            limit = None if limit is None else limit - len(found)

    def delete_thread(self, thread_id: str) -> None:
        """Remove a conversation."""
        self.runner.run(admin.delete_thread(self.layout, str(thread_id)))

    async def adelete_thread(self, thread_id: str) -> None:
        """Remove a conversation."""
        await self.runner.arun(admin.delete_thread(self.layout, str(thread_id)))

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy a conversation with all its checkpoints."""
        self.runner.run(
            admin.copy_thread(
                self.layout, self.serde, source_thread_id, target_thread_id
            )
        )

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy a conversation with all its checkpoints."""
        await self.runner.arun(
            admin.copy_thread(
                self.layout, self.serde, source_thread_id, target_thread_id
            )
        )

    def prune(
        self, thread_ids: Sequence[str], *, strategy: str = "keep_latest"
    ) -> None:
        """Keep only the newest checkpoints, or with `delete` none."""
        for thread_id in thread_ids:
            self.runner.run(self._prune(thread_id, strategy))

    async def aprune(
        self, thread_ids: Sequence[str], *, strategy: str = "keep_latest"
    ) -> None:
        """Keep only the newest checkpoints, or with `delete` none."""
        for thread_id in thread_ids:
            await self.runner.arun(self._prune(thread_id, strategy))

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Remove what these runs stored; walks every conversation."""
        for thread_id in self._threads(None) if run_ids else ():
            self.runner.run(
                admin.delete_runs(self.layout, self.serde, thread_id, set(run_ids))
            )

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Remove what these runs stored; walks every conversation."""
        if not run_ids:
            return
        for thread_id in await self.runner.arun(admin.find_threads(self.layout)):
            await self.runner.arun(
                admin.delete_runs(self.layout, self.serde, thread_id, set(run_ids))
            )

    def _threads(self, config: RunnableConfig | None) -> Sequence[str]:
        if config is None:
            return self.runner.run(admin.find_threads(self.layout))
        return [Address.read(config).thread_id]

    def _read(self, config: RunnableConfig) -> Plan[CheckpointTuple | None]:
        return read_tuple(self.layout, self.serde, Address.read(config))

    def _list(
        self,
        thread_id: str,
        config: RunnableConfig | None,
        wanted: dict[str, Any] | None,
        before: RunnableConfig | None,
        limit: int | None,
    ) -> Plan[Sequence[CheckpointTuple]]:
        entries = config["configurable"] if config else {}
        return admin.list_thread(
            self.layout,
            self.serde,
            thread_id,
            namespace=entries.get("checkpoint_ns"),
            checkpoint_id=get_checkpoint_id(config) if config else None,
            before=get_checkpoint_id(before) if before else None,
            wanted=wanted or {},
            limit=limit,
        )

    def _prune(self, thread_id: str, strategy: str) -> Plan[None]:
        if strategy == "delete":
            return admin.delete_thread(self.layout, thread_id)
        if strategy != "keep_latest":
            raise ValueError("strategy must be keep_latest or delete")
        return admin.keep_latest(self.layout, self.serde, thread_id)
