"""A LangGraph saver on the state file: the newest checkpoint of each conversation."""

from __future__ import annotations

import logging
import secrets
import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_checkpoint_id,
    get_checkpoint_metadata,
)
from langgraph.checkpoint.serde.base import SerializerProtocol

from domain.errors import StateCorrupt
from stores.checkpoint_codec import DamagedField, strict_serializer
from stores.checkpoint_records import Address
from stores.checkpoint_write import DeltaChannelRefused
from stores.fallback_file import StateFile
from stores.fallback_merge import merge_checkpoints
from stores.fallback_records import FileRecords, FileRow, check_fence

log = logging.getLogger(__name__)

# Results of a task are final; its errors and interrupts may be replaced.
_ADD_ONCE = "INSERT OR IGNORE INTO writes VALUES (?, ?, ?, ?, ?, ?, ?)"
_REPLACE = "INSERT OR REPLACE INTO writes VALUES (?, ?, ?, ?, ?, ?, ?)"


class FileCheckpointer(BaseCheckpointSaver[int]):
    """Stores whole checkpoints, newest only; see `RedisCheckpointer` for the errors."""

    def __init__(
        self, file: StateFile, *, serde: SerializerProtocol | None = None
    ) -> None:
        super().__init__(serde=serde or strict_serializer())
        self.file = file
        self._records = FileRecords()

    def get_next_version(self, current: int | str | float | None, channel: None) -> int:
        """Return a version above *current* that no other branch will have."""
        del channel
        if isinstance(current, str):
            current = int(current.split(".", 1)[0])
        count = (int(current) >> 32) + 1 if current else 1
        return (count << 32) | secrets.randbits(32)

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the newest checkpoint, or the one *config* names if it is that."""
        row = self.find_row(Address.read(config))
        return row.found if row else None

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the newest checkpoint, or the one *config* names if it is that."""
        return await self.file.run(self.get_tuple, config)

    def find_row(self, address: Address) -> FileRow | None:
        """
        Return what the file has of a conversation's namespace.

        Raises:
            StateCorrupt: It is damaged; it was removed.
        """
        with self.file.read() as connection:
            row = connection.execute(
                "SELECT id, base, changed, record FROM checkpoints"
                " WHERE thread = ? AND namespace = ? AND expires >= ?",
                (address.thread_id, address.namespace, self.file.clock()),
            ).fetchone()
            if row is None or address.checkpoint_id not in (None, row[0]):
                return None
            writes = connection.execute(
                "SELECT task, position, record FROM writes"
                " WHERE thread = ? AND namespace = ? AND checkpoint = ?",
                (address.thread_id, address.namespace, row[0]),
            ).fetchall()
        try:
            found = self._records.load(
                self.serde, address, found_id=row[0], record=row[3], writes=writes
            )
        except DamagedField as exc:
            self._remove_damaged(address)
            raise StateCorrupt from exc
        return FileRow(address.namespace, row[0], row[1], bool(row[2]), found)

    def changed_rows(self, thread_id: str) -> list[FileRow]:
        """Return what turns wrote of a conversation while Redis was away."""
        with self.file.read() as connection:
            names = connection.execute(
                "SELECT namespace FROM checkpoints WHERE thread = ? AND changed = 1",
                (thread_id,),
            ).fetchall()
        rows = []
        for (namespace,) in names:
            try:
                row = self.find_row(Address(thread_id, namespace, None, None, None))
            except StateCorrupt:
                log.exception("file_checkpoint_removed")
                continue
            if row is not None:
                rows.append(row)
        return rows

    def settled(self, thread_id: str, rows: Sequence[FileRow]) -> None:
        """Remove *rows*, which Redis has now, unless a turn changed them since."""
        with self.file.write() as connection:
            for row in rows:
                place = (thread_id, row.namespace, row.checkpoint_id)
                connection.execute(
                    "DELETE FROM checkpoints"
                    " WHERE thread = ? AND namespace = ? AND id = ?",
                    place,
                )
                connection.execute(
                    "DELETE FROM writes"
                    " WHERE thread = ? AND namespace = ? AND checkpoint = ?",
                    place,
                )

    def seed_ids(self, thread_id: str | None = None) -> list[tuple[str, str, str]]:
        """Return (conversation, namespace, checkpoint) of copies, of one or of all."""
        with self.file.read() as connection:
            return connection.execute(
                "SELECT thread, namespace, id FROM checkpoints WHERE changed = 0"
                " AND expires >= ?1 AND (?2 IS NULL OR thread = ?2)",
                (self.file.clock(), thread_id),
            ).fetchall()

    def revive_seed(self, thread_id: str, namespace: str, checkpoint_id: str) -> None:
        """Let a copy count as written in the outage: Redis came back without it."""
        with self.file.write() as connection:
            connection.execute(
                "UPDATE checkpoints SET changed = 1, base = ''"
                " WHERE thread = ? AND namespace = ? AND id = ? AND changed = 0",
                (thread_id, namespace, checkpoint_id),
            )

    def drop_seeds(self) -> None:
        """Remove the copies of workers' memories."""
        with self.file.write() as connection:
            connection.execute("DELETE FROM checkpoints WHERE changed = 0")

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store *checkpoint* and return its config; a newer turn is merged with it."""
        del new_versions
        if metadata.get("counters_since_delta_snapshot"):
            raise DeltaChannelRefused(DeltaChannelRefused.__doc__)
        address = Address.read(config)
        kept_metadata = get_checkpoint_metadata(config, metadata)
        with self.file.write() as connection:
            check_fence(connection, address, now=self.file.clock())
            row = connection.execute(
                "SELECT id, base, changed, record FROM checkpoints"
                " WHERE thread = ? AND namespace = ?",
                (address.thread_id, address.namespace),
            ).fetchone()
            parent = address.checkpoint_id or ""
            base = parent
            if row is not None and row[2]:
                base = row[1]
                if row[0] not in (parent, checkpoint["id"]):
                    # Somebody wrote here since this turn was read.
                    other = self._records.load_quietly(
                        self.serde, address, found_id=row[0], record=row[3]
                    )
                    if other is not None:
                        checkpoint = merge_checkpoints(
                            other.checkpoint, checkpoint, self.get_next_version
                        )
            self._store(
                connection, address, checkpoint, kept_metadata, base=base, changed=True
            )
            connection.execute(
                "DELETE FROM writes"
                " WHERE thread = ? AND namespace = ? AND checkpoint != ?",
                (address.thread_id, address.namespace, checkpoint["id"]),
            )
        return address.config(checkpoint["id"])

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store *checkpoint* and return its config."""
        return await self.file.run(self.put, config, checkpoint, metadata, new_versions)

    def seed(self, found: CheckpointTuple) -> None:
        """Keep a copy of what Redis had, unless the file knows something newer."""
        address = Address.read(found.config)
        with self.file.write() as connection:
            row = connection.execute(
                "SELECT id, changed FROM checkpoints"
                " WHERE thread = ? AND namespace = ?",
                (address.thread_id, address.namespace),
            ).fetchone()
            if row is None or (not row[1] and row[0] < found.checkpoint["id"]):
                self._store(
                    connection,
                    address,
                    found.checkpoint,
                    found.metadata,
                    base=found.checkpoint["id"],
                    changed=False,
                    parent=found.parent_config,
                )

    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Store the results of one task of a step that has not ended."""
        address = Address.read(config)
        with self.file.write() as connection:
            for index, (channel, value) in enumerate(writes):
                position = WRITES_IDX_MAP.get(channel, index)
                record = self._records.dump_write(
                    self.serde, channel, value=value, task_path=task_path
                )
                connection.execute(
                    _ADD_ONCE if position >= 0 else _REPLACE,
                    (
                        address.thread_id,
                        address.namespace,
                        address.checkpoint_id or "",
                        task_id,
                        position,
                        self.file.expires(),
                        record,
                    ),
                )

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Store the results of one task of a step that has not ended."""
        await self.file.run(self.put_writes, config, writes, task_id, task_path)

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - LangGraph's name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """Yield the newest checkpoints of one conversation, or of all."""
        with self.file.read() as connection:
            names = connection.execute(
                "SELECT thread, namespace FROM checkpoints ORDER BY id DESC"
            ).fetchall()
        entries: Mapping[str, Any] = config["configurable"] if config else {}
        left = len(names) if limit is None else limit
        for thread_id, namespace in names:
            if left <= 0:
                return
            if entries.get("thread_id", thread_id) != thread_id:
                continue
            if entries.get("checkpoint_ns", namespace) != namespace:
                continue
            wanted_id = get_checkpoint_id(config) if config else None
            row = self.find_row(Address(thread_id, namespace, wanted_id, None, None))
            if row is None:
                continue
            bound = get_checkpoint_id(before) if before else None
            metadata: Mapping[str, Any] = row.found.metadata
            if (bound is None or row.checkpoint_id < bound) and all(
                metadata.get(key) == value for key, value in (filter or {}).items()
            ):
                left -= 1
                yield row.found

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - LangGraph's name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Yield the newest checkpoints of one conversation, or of all."""
        found = await self.file.run(
            lambda: [*self.list(config, filter=filter, before=before, limit=limit)]
        )
        for entry in found:
            yield entry

    def delete_thread(self, thread_id: str) -> None:
        """Remove the messages of a conversation."""
        with self.file.write() as connection:
            for table in ("checkpoints", "writes"):
                connection.execute(
                    f"DELETE FROM {table} WHERE thread = ?",  # noqa: S608 - our names
                    (thread_id,),
                )

    async def adelete_thread(self, thread_id: str) -> None:
        """Remove the messages of a conversation."""
        await self.file.run(self.delete_thread, thread_id)

    def _store(
        self,
        connection: sqlite3.Connection,
        address: Address,
        checkpoint: Checkpoint,
        metadata: Mapping[str, Any],
        *,
        base: str,
        changed: bool,
        parent: RunnableConfig | None = None,
    ) -> None:
        connection.execute(
            "INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                address.thread_id,
                address.namespace,
                checkpoint["id"],
                base,
                int(changed),
                self.file.expires(),
                self._records.dump_checkpoint(
                    self.serde,
                    address,
                    checkpoint=checkpoint,
                    metadata=metadata,
                    parent=parent,
                ),
            ),
        )

    def _remove_damaged(self, address: Address) -> None:
        with self.file.write() as connection:
            connection.execute(
                "DELETE FROM checkpoints WHERE thread = ? AND namespace = ?",
                (address.thread_id, address.namespace),
            )
