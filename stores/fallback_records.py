"""What the state file holds of a checkpoint: its row, its sealed record, its fence."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    Checkpoint,
    CheckpointTuple,
    PendingWrite,
    get_checkpoint_id,
    writes_sort_key,
)
from langgraph.checkpoint.serde.base import SerializerProtocol

from domain.errors import LeaseLost
from stores.checkpoint_codec import DamagedField, FieldCodec, load_typed
from stores.checkpoint_records import Address

_FIELD = b"file"


@dataclass(frozen=True, slots=True)
class FileRow:
    """
    A checkpoint in the file.

    Attributes:
        base: Newest checkpoint of Redis that this grew from, empty for none.
        changed: Written by a turn, not copied from a worker's memory: Redis lacks it.
    """

    namespace: str
    checkpoint_id: str
    base: str
    changed: bool
    found: CheckpointTuple


class FileRecords:
    """
    Seals and opens records; *serde* turns values into bytes.

    It comes with each call: LangGraph gives a copy of the saver another one.
    """

    def __init__(self) -> None:
        self._codec = FieldCodec()

    def dump_checkpoint(
        self,
        serde: SerializerProtocol,
        address: Address,
        *,
        checkpoint: Checkpoint,
        metadata: Mapping[str, Any],
        parent: RunnableConfig | None,
    ) -> bytes:
        """Return the record of *checkpoint*; *parent* stands before the address's."""
        parent_id = get_checkpoint_id(parent) if parent else address.checkpoint_id
        value = [
            address.thread_id,
            address.owner,
            checkpoint["id"],
            parent_id if parent_id != checkpoint["id"] else None,
            dict(checkpoint),
            dict(metadata),
        ]
        return self._codec.dump(serde, _FIELD, value)

    def dump_write(
        self,
        serde: SerializerProtocol,
        channel: str,
        *,
        value: Any,
        task_path: str,
    ) -> bytes:
        """Return the record of what a task wrote to *channel*."""
        kind, payload = serde.dumps_typed(value)
        return self._codec.dump(serde, _FIELD, [channel, task_path, kind, payload])

    def load(
        self,
        serde: SerializerProtocol,
        address: Address,
        *,
        found_id: str,
        record: bytes,
        writes: Sequence[tuple[str, int, bytes]] = (),
    ) -> CheckpointTuple:
        """
        Return the checkpoint of *record* with the results of unfinished tasks.

        Raises:
            DamagedField: Something cannot be read, or belongs to somebody else.
        """
        value = self._codec.load(serde, _FIELD, record)
        if not (isinstance(value, list) and len(value) == 6):
            raise DamagedField
        thread_id, owner, own_id, parent_id, checkpoint, metadata = value
        if not (
            (thread_id, own_id) == (address.thread_id, found_id)
            and isinstance(checkpoint, dict)
            and isinstance(metadata, dict)
        ):
            raise DamagedField
        if address.owner and owner and owner != address.owner:
            raise DamagedField
        pending: list[tuple[tuple[str, str, int], PendingWrite]] = []
        for task_id, position, sealed in writes:
            entry = self._codec.load(serde, _FIELD, sealed)
            if not (isinstance(entry, (list, tuple)) and len(entry) == 4):
                raise DamagedField
            channel, path, kind, payload = entry
            write = (task_id, channel, load_typed(serde, (kind, payload)))
            pending.append((writes_sort_key(path, task_id, position), write))
        return CheckpointTuple(
            config=address.config(found_id),
            checkpoint=checkpoint,  # type: ignore[arg-type]
            metadata=metadata,  # type: ignore[arg-type]
            parent_config=address.config(parent_id) if parent_id else None,
            pending_writes=[
                write for _, write in sorted(pending, key=lambda entry: entry[0])
            ],
        )

    def load_quietly(
        self,
        serde: SerializerProtocol,
        address: Address,
        *,
        found_id: str,
        record: bytes,
    ) -> CheckpointTuple | None:
        """Return the checkpoint of *record*, or None when it is damaged."""
        try:
            return self.load(serde, address, found_id=found_id, record=record)
        except DamagedField:
            return None


def check_fence(
    connection: sqlite3.Connection, address: Address, *, now: float
) -> None:
    """Raise `LeaseLost` when another turn holds the conversation at *now*, seconds."""
    if address.fence is None:
        return
    holder = connection.execute(
        "SELECT token FROM leases WHERE thread = ? AND until >= ?",
        (address.thread_id, now),
    ).fetchone()
    if holder is not None and holder[0] != address.fence:
        raise LeaseLost
