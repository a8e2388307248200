"""Reading checkpoints: one round trip when this worker knows the conversation."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from langgraph.checkpoint.base import CheckpointTuple, PendingWrite, writes_sort_key
from langgraph.checkpoint.serde.base import SerializerProtocol

from domain.errors import StateCorrupt
from stores.checkpoint_cache import DecodedCache, Remembered
from stores.checkpoint_codec import DamagedField, FieldCodec, load_typed
from stores.checkpoint_keys import (
    SEPARATOR,
    KeySpace,
    namespace_field,
    part_prefix,
)
from stores.checkpoint_records import Address, Record, Stored
from stores.checkpoint_script import set_aside
from stores.checkpoint_segments import Pair, StoredList
from stores.checkpoint_steps import Command, Plan

log = logging.getLogger(__name__)

# A damaged conversation can be looked at for so long.
ASIDE_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Layout:
    """
    How and where checkpoints are kept; shared by readers and writers.

    Attributes:
        newest_only: One checkpoint a namespace; otherwise all are kept.
    """

    keys: KeySpace
    codec: FieldCodec
    cache: DecodedCache
    ttl_ms: int
    newest_only: bool
    clock: Callable[[], float] = time.time


def write_prefix(namespace: str, checkpoint_id: str | None = None) -> bytes:
    """Return what fields of pending writes begin with."""
    prefix = part_prefix(b"w", namespace)
    if checkpoint_id is None:
        return prefix
    return prefix + checkpoint_id.encode() + SEPARATOR


def record_field(namespace: str, checkpoint_id: str) -> bytes:
    """Return the field of one checkpoint, where all are kept."""
    return part_prefix(b"c", namespace) + checkpoint_id.encode()


def read_tuple(
    layout: Layout, serde: SerializerProtocol, address: Address
) -> Plan[CheckpointTuple | None]:
    """
    Plan the reading of one checkpoint: the newest, or the one the address names.

    Raises:
        StateCorrupt: What is stored is damaged; it was set aside.
    """
    keys = layout.keys.thread(address.thread_id)
    known = layout.cache.find(address.thread_id, address.namespace)
    names = [namespace_field(b"h", address.namespace)]
    if address.checkpoint_id and not layout.newest_only:
        names.insert(0, record_field(address.namespace, address.checkpoint_id))
    whole = known is None and layout.newest_only
    first: Command = ("HGETALL", keys.state) if whole else ("HMGET", keys.state, *names)
    commands: list[Command] = [first, ("HGETALL", keys.writes)]
    if not address.peek:
        commands.append(("PEXPIRE", keys.state, layout.ttl_ms))
        commands.append(("PEXPIRE", keys.writes, layout.ttl_ms))
    found, writes, *_ = yield tuple(commands)
    fields = found if whole else dict(zip(names, found, strict=True))
    name = next((name for name in names if fields.get(name) is not None), None)
    if name is None:
        layout.cache.forget(address.thread_id, address.namespace)
        return None
    complete = whole
    while True:
        try:
            record = load_record(layout, serde, address, name, fields[name])
            if address.checkpoint_id not in (None, record.checkpoint_id):
                return None
            reader = Reader(layout, serde, address, record, known)
            missing = [field for field in reader.missing() if fields.get(field) is None]
            if missing and not complete:
                values = yield (("HMGET", keys.state, *missing),)
                fields = {**fields, **dict(zip(missing, values[0], strict=True))}
            remembered = reader.remember(fields[name], fields)
            pending = read_writes(
                layout,
                serde,
                write_prefix(address.namespace, record.checkpoint_id),
                writes,
            )
            break
        except DamagedField:
            if complete:
                yield from quarantine(layout, address, name, fields[name])
        # A writer between two looks is not damage: look once more, at everything.
        known, complete = None, True
        (fields,) = yield (("HGETALL", keys.state),)
        if fields.get(name) is None:
            layout.cache.forget(address.thread_id, address.namespace)
            return None
    layout.cache.keep(address.thread_id, address.namespace, remembered)
    return to_tuple(address, record, reader.values(remembered), pending)


def load_record(
    layout: Layout,
    serde: SerializerProtocol,
    address: Address,
    field: bytes,
    sealed: bytes,
) -> Record:
    """
    Return the record in *sealed*, checked against who asks for what.

    Raises:
        DamagedField: It is damaged.
        StateCorrupt: It is somebody else's.
    """
    record = Record.load(layout.codec, serde, field, sealed)
    foreign = record.thread_id != address.thread_id
    if address.owner and record.owner and address.owner != record.owner:
        foreign = True
    if foreign:
        log.error("checkpoint_of_another_owner_refused")
        raise StateCorrupt
    return record


def quarantine(
    layout: Layout, address: Address, field: bytes, value: bytes
) -> Plan[None]:
    """Set the conversation aside and raise `StateCorrupt`."""
    keys = layout.keys.thread(address.thread_id)
    layout.cache.forget(address.thread_id)
    moved = yield (set_aside(keys, field, value, ttl_ms=ASIDE_SECONDS * 1000),)
    log.error("checkpoint_set_aside", extra={"moved": bool(moved[0])})
    raise StateCorrupt


def to_tuple(
    address: Address,
    record: Record,
    values: Mapping[str, Any],
    pending: list[PendingWrite],
) -> CheckpointTuple:
    """Return what LangGraph expects of a read."""
    return CheckpointTuple(
        config=address.config(record.checkpoint_id),
        checkpoint=record.checkpoint(values),
        metadata=record.typed_metadata(),
        parent_config=address.config(record.parent_id) if record.parent_id else None,
        pending_writes=pending,
    )


def read_writes(
    layout: Layout,
    serde: SerializerProtocol,
    prefix: bytes,
    fields: Mapping[bytes, bytes],
) -> list[PendingWrite]:
    """
    Return the pending writes under *prefix*, in the order they apply.

    Raises:
        DamagedField: One of them is damaged.
    """
    found = []
    for field, sealed in fields.items():
        if not field.startswith(prefix):
            continue
        task_id, _, index = field[len(prefix) :].decode().rpartition("\0")
        value = layout.codec.load(serde, field, sealed)
        if not (isinstance(value, (list, tuple)) and len(value) == 4):
            raise DamagedField
        channel, path, kind, payload = value
        order = writes_sort_key(path, task_id, int(index))
        found.append((order, (task_id, channel, load_typed(serde, (kind, payload)))))
    return [write for _, write in sorted(found, key=lambda entry: entry[0])]


class Reader:
    """Puts the values of one record together from the cache and from fields."""

    def __init__(
        self,
        layout: Layout,
        serde: SerializerProtocol,
        address: Address,
        record: Record,
        known: Remembered | None,
    ) -> None:
        self._layout = layout
        self._serde = serde
        self._record = record
        self._segment_prefix = part_prefix(b"s", address.namespace)
        self._blob_prefix = part_prefix(b"b", address.namespace)
        self._parts = dict(known.parts) if known else {}
        self._lists: dict[str, tuple[list[Any], list[Pair], StoredList | None]] = {}
        for name, stored in record.channels.items():
            if stored.kind == "list":
                self._lists[name] = _reusable(known, name, stored)

    def missing(self) -> list[bytes]:
        """Return the fields that must be read."""
        wanted = [
            self._blob_prefix + stored.where
            for stored in self._record.channels.values()
            if stored.kind == "blob" and stored.where not in self._parts
        ]
        for name, (_, reused, _) in self._lists.items():
            pairs = self._record.channels[name].where
            wanted += [self._segment_prefix + pair[0] for pair in pairs[len(reused) :]]
        return wanted

    def remember(self, raw: bytes, fields: Mapping[bytes, bytes]) -> Remembered:
        """
        Return everything decoded.

        Raises:
            DamagedField: A part is absent or damaged.
        """
        lists, parts = {}, {}
        for name, stored in self._record.channels.items():
            if stored.kind == "list":
                lists[name] = self._load_list(name, stored, fields)
            elif stored.kind == "blob":
                typed = self._parts.get(stored.where)
                if typed is None:
                    field = self._blob_prefix + stored.where
                    typed = self._layout.codec.open(field, _present(fields, field))
                parts[stored.where] = typed
        return Remembered(
            checkpoint_id=self._record.checkpoint_id,
            record=raw,
            channels=self._record.channels,
            lists=lists,
            parts=parts,
            seen_at=self._layout.clock(),
        )

    def values(self, remembered: Remembered) -> dict[str, Any]:
        """
        Return the values by channel.

        Raises:
            DamagedField: One cannot be decoded.
        """
        return channel_values(self._serde, remembered)

    def _load_list(
        self, name: str, stored: Stored, fields: Mapping[bytes, bytes]
    ) -> StoredList:
        items, reused, whole = self._lists[name]
        pairs = stored.where
        if whole is not None and len(reused) == len(pairs) == len(whole.pairs):
            return whole
        prefix = len(items)
        items = list(items)
        for segment, used in pairs[len(reused) :]:
            field = self._segment_prefix + segment
            decoded = self._layout.codec.load(
                self._serde, field, _present(fields, field)
            )
            if not isinstance(decoded, list) or len(decoded) < used:
                raise DamagedField
            items += decoded[:used]
        if whole is None:
            return StoredList.remember(items, pairs)
        return whole.extended(items, pairs, prefix=prefix)


def recall_tuple(
    layout: Layout, serde: SerializerProtocol, thread_id: str, namespace: str
) -> CheckpointTuple | None:
    """Return what the cache has, None when there is nothing or it was changed since."""
    known = layout.cache.find(thread_id, namespace)
    if known is None or not all(map(StoredList.unchanged, known.lists.values())):
        return None
    address = Address(thread_id, namespace, None, None, None)
    field = namespace_field(b"h", namespace)
    try:
        record = Record.load(layout.codec, serde, field, known.record)
        return to_tuple(address, record, channel_values(serde, known), [])
    except DamagedField:
        # An older checkpoint, where all are kept: not what the conversation is now.
        return None


def channel_values(serde: SerializerProtocol, remembered: Remembered) -> dict[str, Any]:
    """
    Return the values by channel of what is remembered.

    Raises:
        DamagedField: One cannot be decoded.
    """
    values: dict[str, Any] = {}
    for name, stored in remembered.channels.items():
        if stored.kind == "list":
            values[name] = list(remembered.lists[name].items)
        elif stored.kind == "blob":
            values[name] = load_typed(serde, remembered.parts[stored.where])
        else:
            values[name] = load_typed(serde, stored.where)
    return values


def _reusable(
    known: Remembered | None, name: str, stored: Stored
) -> tuple[list[Any], list[Pair], StoredList | None]:
    """Return the items and pairs that need not be read, and their memory."""
    memory = known.lists.get(name) if known else None
    if memory is None or not memory.unchanged():
        return [], [], None
    reused: list[Pair] = []
    for ours, wanted in zip(memory.pairs, stored.where, strict=False):
        if ours != wanted:
            break
        reused.append(ours)
    count = sum(used for _, used in reused)
    return memory.items[:count], reused, memory if reused else None


def _present(fields: Mapping[bytes, bytes], field: bytes) -> bytes:
    value = fields.get(field)
    if value is None:
        raise DamagedField
    return value
