"""One stored checkpoint: which it is, what it holds, where the rest lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import Checkpoint, CheckpointMetadata
from langgraph.checkpoint.serde.base import SerializerProtocol

from stores.checkpoint_codec import DamagedField, FieldCodec

FORMAT = 1

Kind = Literal["inline", "blob", "list"]


class Stored(NamedTuple):
    """
    A channel in the manifest.

    Attributes:
        version: Of the channel; equal versions have equal values.
        where: `[type, bytes]`, a blob id, or pairs (segment id, items used).
    """

    version: Any
    kind: Kind
    where: Any


@dataclass(frozen=True, slots=True)
class Address:
    """
    Which checkpoint a config speaks of, and in whose name.

    Attributes:
        owner, fence, peek: The private entries `__owner`, `__fence_token` (of the
            turn's lease) and `__peek` (a read that does not prolong life).
    """

    thread_id: str
    namespace: str
    checkpoint_id: str | None
    owner: str | None
    fence: str | None
    peek: bool = False

    @classmethod
    def read(cls, config: RunnableConfig) -> Address:
        """Return the address in LangGraph's *config*."""
        entries: Mapping[str, Any] = config["configurable"]
        checkpoint_id = entries.get("checkpoint_id")
        owner, fence = entries.get("__owner"), entries.get("__fence_token")
        return cls(
            thread_id=str(entries["thread_id"]),
            namespace=str(entries.get("checkpoint_ns", "")),
            checkpoint_id=str(checkpoint_id) if checkpoint_id else None,
            owner=str(owner) if owner else None,
            fence=str(fence) if fence else None,
            peek=bool(entries.get("__peek")),
        )

    def config(self, checkpoint_id: str) -> RunnableConfig:
        """Return the config of one checkpoint of this conversation."""
        return {
            "configurable": {
                "thread_id": self.thread_id,
                "checkpoint_ns": self.namespace,
                "checkpoint_id": checkpoint_id,
            }
        }


@dataclass(frozen=True, slots=True)
class Record:
    """
    A checkpoint without the values of its channels.

    Attributes:
        owner: Tenant it belongs to, compared on every read.
        body: The checkpoint as LangGraph gave it, less `channel_values`.
    """

    thread_id: str
    owner: str | None
    checkpoint_id: str
    parent_id: str | None
    body: Mapping[str, Any]
    metadata: Mapping[str, Any]
    channels: Mapping[str, Stored]

    def dump(self, codec: FieldCodec, serde: SerializerProtocol, field: bytes) -> bytes:
        """Return the bytes stored in *field*."""
        value = [
            FORMAT,
            self.thread_id,
            self.owner,
            self.checkpoint_id,
            self.parent_id,
            dict(self.body),
            dict(self.metadata),
            {name: list(stored) for name, stored in self.channels.items()},
        ]
        return codec.dump(serde, field, value)

    @classmethod
    def load(
        cls, codec: FieldCodec, serde: SerializerProtocol, field: bytes, sealed: bytes
    ) -> Record:
        """
        Return the record in *sealed*.

        Raises:
            DamagedField: It is not one.
        """
        value = codec.load(serde, field, sealed)
        if not (isinstance(value, list) and len(value) == 8 and value[0] == FORMAT):
            raise DamagedField
        _, thread_id, owner, checkpoint_id, parent_id, body, metadata, channels = value
        if not (
            isinstance(thread_id, str)
            and isinstance(owner, str | None)
            and isinstance(checkpoint_id, str)
            and isinstance(parent_id, str | None)
            and isinstance(body, dict)
            and isinstance(metadata, dict)
            and isinstance(channels, dict)
        ):
            raise DamagedField
        return cls(
            thread_id=thread_id,
            owner=owner,
            checkpoint_id=checkpoint_id,
            parent_id=parent_id,
            body=body,
            metadata=metadata,
            channels={name: _read_stored(entry) for name, entry in channels.items()},
        )

    def checkpoint(self, values: Mapping[str, Any]) -> Checkpoint:
        """Return it with its *values*, as LangGraph wants it."""
        return cast("Checkpoint", {**self.body, "channel_values": dict(values)})

    def typed_metadata(self) -> CheckpointMetadata:
        """Return the metadata under LangGraph's type."""
        return cast("CheckpointMetadata", dict(self.metadata))


def references(channels: Mapping[str, Stored]) -> set[bytes]:
    """Return the ids of all segments and blobs that *channels* need."""
    found: set[bytes] = set()
    for stored in channels.values():
        if stored.kind == "blob":
            found.add(stored.where)
        elif stored.kind == "list":
            found.update(segment for segment, _ in stored.where)
    return found


def _read_stored(entry: Any) -> Stored:
    if not (isinstance(entry, list) and len(entry) == 3):
        raise DamagedField
    version, kind, where = entry
    if kind == "inline":
        if not (
            isinstance(where, (list, tuple))
            and len(where) == 2
            and isinstance(where[0], str)
            and isinstance(where[1], bytes)
        ):
            raise DamagedField
        where = (where[0], where[1])
    elif kind == "blob":
        if not isinstance(where, bytes):
            raise DamagedField
    elif kind == "list":
        where = tuple(_read_pair(pair) for pair in where)
    else:
        raise DamagedField
    return Stored(version, kind, where)


def _read_pair(pair: Any) -> tuple[bytes, int]:
    if not (isinstance(pair, (list, tuple)) and len(pair) == 2):
        raise DamagedField
    segment, used = pair
    if not (isinstance(segment, bytes) and isinstance(used, int) and used > 0):
        raise DamagedField
    return segment, used
