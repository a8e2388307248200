"""Writing checkpoints: only what changed, in one round trip, refused when outdated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    get_checkpoint_metadata,
)
from langgraph.checkpoint.serde.base import SerializerProtocol

from domain.errors import LeaseLost
from stores.checkpoint_cache import Remembered
from stores.checkpoint_keys import (
    OWNER,
    SEPARATOR,
    ThreadKeys,
    namespace_field,
    new_part_id,
    part_prefix,
)
from stores.checkpoint_read import Layout, record_field, write_prefix
from stores.checkpoint_records import Address, Record, Stored, references
from stores.checkpoint_script import BASE_GONE, FENCED, Put
from stores.checkpoint_segments import StoredList, is_segmented, plan_segments
from stores.checkpoint_steps import Command, Plan

# Values up to this size lie in the record itself.
INLINE_BYTES = 512


class DeltaChannelRefused(TypeError):
    """DeltaChannel rebuilds values from older checkpoints: use `history=None`."""


def write_checkpoint(  # noqa: PLR0917 - the arguments of a saver
    layout: Layout,
    serde: SerializerProtocol,
    config: RunnableConfig,
    checkpoint: Checkpoint,
    metadata: CheckpointMetadata,
    new_versions: ChannelVersions,
) -> Plan[RunnableConfig]:
    """
    Plan the writing of one checkpoint.

    Raises:
        DeltaChannelRefused: The graph needs checkpoints that are not kept here.
        LeaseLost: Somebody else has the turn, or wrote a newer checkpoint.
    """
    if layout.newest_only and metadata.get("counters_since_delta_snapshot"):
        raise DeltaChannelRefused(DeltaChannelRefused.__doc__)
    address = Address.read(config)
    base = layout.cache.find(address.thread_id, address.namespace)
    if base is not None and base.checkpoint_id != address.checkpoint_id:
        base = None
    body = {key: value for key, value in checkpoint.items() if key != "channel_values"}
    kept_metadata = get_checkpoint_metadata(config, metadata)
    while True:
        writer = _Writer(layout, serde, address.namespace, base)
        writer.add_all(checkpoint, new_versions)
        record = Record(
            thread_id=address.thread_id,
            owner=address.owner,
            checkpoint_id=checkpoint["id"],
            parent_id=address.checkpoint_id,
            body=body,
            metadata=kept_metadata,
            channels=writer.channels,
        )
        put, sealed = _as_put(writer, base, address=address, record=record)
        (outcome,) = yield (put.atomic(),)
        if outcome == FENCED:
            layout.cache.forget(address.thread_id)
            raise LeaseLost
        if outcome != BASE_GONE:
            break
        # The store lost what this builds on (expiry, flush): write everything.
        layout.cache.forget(address.thread_id, address.namespace)
        base = None
    layout.cache.keep(
        address.thread_id,
        address.namespace,
        Remembered(
            checkpoint_id=record.checkpoint_id,
            record=sealed,
            channels=writer.channels,
            lists=writer.lists,
            parts=writer.parts,
            seen_at=layout.clock(),
        ),
    )
    return address.config(record.checkpoint_id)


def write_pending(  # noqa: PLR0917 - the arguments of a saver
    layout: Layout,
    serde: SerializerProtocol,
    config: RunnableConfig,
    writes: Sequence[tuple[str, Any]],
    task_id: str,
    task_path: str,
) -> Plan[None]:
    """Plan the writing of one task's results; a repetition changes nothing."""
    address = Address.read(config)
    keys = layout.keys.thread(address.thread_id)
    prefix = write_prefix(address.namespace, str(address.checkpoint_id))
    commands: list[Command] = []
    for position, (channel, value) in enumerate(writes):
        index = WRITES_IDX_MAP.get(channel, position)
        name = prefix + task_id.encode() + SEPARATOR + str(index).encode()
        kind, payload = serde.dumps_typed(value)
        sealed = layout.codec.dump(serde, name, [channel, task_path, kind, payload])
        # Results of a task are final; its errors and interrupts may be replaced.
        commands.append(("HSETNX" if index >= 0 else "HSET", keys.writes, name, sealed))
    if commands:
        yield (*commands, ("PEXPIRE", keys.writes, layout.ttl_ms))


@dataclass(slots=True)
class _Writer:
    """Collects the manifest and the fields of one checkpoint."""

    layout: Layout
    serde: SerializerProtocol
    namespace: str
    base: Remembered | None
    channels: dict[str, Stored] = field(default_factory=dict)
    fields: dict[bytes, bytes] = field(default_factory=dict)
    lists: dict[str, StoredList] = field(default_factory=dict)
    parts: dict[bytes, tuple[str, bytes]] = field(default_factory=dict)

    def add_all(self, checkpoint: Checkpoint, new_versions: ChannelVersions) -> None:
        """Take in every channel of *checkpoint*."""
        versions = checkpoint["channel_versions"]
        for name, value in checkpoint["channel_values"].items():
            version = versions.get(name)
            if name in new_versions or not self._keep(name, version):
                self._add(name, version, value)

    def _keep(self, name: str, version: Any) -> bool:
        stored = self.base.channels.get(name) if self.base else None
        if self.base is None or stored is None or stored.version != version:
            return False
        self.channels[name] = stored
        if stored.kind == "list":
            self.lists[name] = self.base.lists[name]
        elif stored.kind == "blob":
            self.parts[stored.where] = self.base.parts[stored.where]
        return True

    def _add(self, name: str, version: Any, value: Any) -> None:
        if is_segmented(value):
            self._add_list(name, version, value)
            return
        kind, payload = self.serde.dumps_typed(value)
        if len(payload) <= INLINE_BYTES:
            self.channels[name] = Stored(version, "inline", (kind, payload))
            return
        part = new_part_id()
        place = part_prefix(b"b", self.namespace) + part
        self.fields[place] = self.layout.codec.seal(place, kind, payload)
        self.parts[part] = (kind, payload)
        self.channels[name] = Stored(version, "blob", part)

    def _add_list(self, name: str, version: Any, items: list[Any]) -> None:
        known = self.base.lists.get(name) if self.base else None
        prefix = known.common_prefix(items) if known else 0
        pairs, start = plan_segments(
            len(items), known.pairs if known else (), prefix=prefix
        )
        if start < len(items):
            part = new_part_id()
            place = part_prefix(b"s", self.namespace) + part
            self.fields[place] = self.layout.codec.dump(
                self.serde, place, items[start:]
            )
            pairs.append((part, len(items) - start))
        self.lists[name] = (
            known.extended(items, pairs, prefix=prefix)
            if known
            else StoredList.remember(items, pairs)
        )
        self.channels[name] = Stored(version, "list", tuple(pairs))

    def gone(self) -> list[bytes]:
        """Return the fields that the base needed and this checkpoint does not."""
        if self.base is None:
            return []
        unused = references(self.base.channels) - references(self.channels)
        lists = {
            segment
            for stored in self.base.channels.values()
            if stored.kind == "list"
            for segment, _ in stored.where
        }
        return [
            part_prefix(b"s" if part in lists else b"b", self.namespace) + part
            for part in sorted(unused)
        ]


def _as_put(
    writer: _Writer, base: Remembered | None, *, address: Address, record: Record
) -> tuple[Put, bytes]:
    layout, serde = writer.layout, writer.serde
    keys: ThreadKeys = layout.keys.thread(address.thread_id)
    namespace = address.namespace
    head, head_id = (namespace_field(kind, namespace) for kind in (b"h", b"i"))
    sealed = record.dump(layout.codec, serde, head)
    fields: dict[bytes, bytes] = dict(writer.fields)
    if not layout.newest_only:
        own = record_field(namespace, record.checkpoint_id)
        fields[own] = record.dump(layout.codec, serde, own)
    fields[head] = sealed
    fields[head_id] = record.checkpoint_id.encode()
    if address.owner:
        fields[OWNER] = address.owner.encode()
    base_field = b""
    if base is not None:
        base_field = (
            head if layout.newest_only else record_field(namespace, base.checkpoint_id)
        )
    clear = layout.newest_only and base is None
    put = Put(
        keys=keys,
        fence=address.fence or "",
        parent_id=address.checkpoint_id or "",
        checkpoint_id=record.checkpoint_id,
        head_field=head_id,
        newest_only=layout.newest_only,
        base_field=base_field,
        write_prefix=write_prefix(namespace),
        kept_write_prefix=write_prefix(namespace, record.checkpoint_id),
        clear_prefixes=(
            (part_prefix(b"s", namespace), part_prefix(b"b", namespace))
            if clear
            else None
        ),
        ttl_ms=layout.ttl_ms,
        fields=fields,
        gone=writer.gone() if layout.newest_only else (),
    )
    return put, sealed
