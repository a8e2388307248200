"""Listing, deleting, copying and pruning; rare, so simple rather than lean."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from langgraph.checkpoint.base import CheckpointTuple
from langgraph.checkpoint.serde.base import SerializerProtocol

from stores.checkpoint_codec import DamagedField
from stores.checkpoint_keys import (
    SEPARATOR,
    namespace_field,
    part_prefix,
    read_namespace,
)
from stores.checkpoint_read import (
    Layout,
    Reader,
    load_record,
    quarantine,
    read_writes,
    record_field,
    to_tuple,
    write_prefix,
)
from stores.checkpoint_records import Address, Record, references
from stores.checkpoint_script import delete
from stores.checkpoint_steps import Plan, Scan

# Longer than any turn: a text turn may take 60 s, a voice turn 90 s.
MARK_SECONDS = 180


def find_threads(layout: Layout) -> Plan[list[str]]:
    """Plan the search for every conversation; walks the whole server."""
    found = yield Scan(layout.keys.pattern)
    names = (layout.keys.find_thread_id(key) for key in found)
    return [name for name in names if name is not None]


def list_thread(
    layout: Layout,
    serde: SerializerProtocol,
    thread_id: str,
    *,
    namespace: str | None,
    checkpoint_id: str | None,
    before: str | None,
    wanted: Mapping[str, Any],
    limit: int | None,
) -> Plan[list[CheckpointTuple]]:
    """
    Plan the reading of one conversation's checkpoints, newest first.

    Without *namespace* those of all namespaces, without *before* (an id) those of all
    times; *wanted* are entries that the metadata must have.

    Raises:
        StateCorrupt: A record is damaged; the conversation was set aside.
    """
    keys = layout.keys.thread(thread_id)
    fields, writes = yield (("HGETALL", keys.state), ("HGETALL", keys.writes))
    found: list[CheckpointTuple] = []
    names = sorted(_record_fields(layout, fields), key=lambda entry: entry[1])
    for name, own_id, own_namespace in reversed(names):
        if limit is not None and len(found) >= limit:
            break
        if namespace not in (None, own_namespace) or checkpoint_id not in (
            None,
            own_id,
        ):
            continue
        if before is not None and own_id >= before:
            continue
        address = Address(thread_id, own_namespace, own_id, None, None)
        try:
            record = load_record(layout, serde, address, name, fields[name])
            if any(record.metadata.get(key) != value for key, value in wanted.items()):
                continue
            reader = Reader(layout, serde, address, record, None)
            values = reader.values(reader.remember(fields[name], fields))
            prefix = write_prefix(own_namespace, own_id)
            pending = read_writes(layout, serde, prefix, writes)
        except DamagedField:
            yield from quarantine(layout, address, name, fields[name])
        found.append(to_tuple(address, record, values, pending))
    return found


def delete_thread(layout: Layout, thread_id: str) -> Plan[None]:
    """Plan the removal of everything a conversation owns."""
    layout.cache.forget(thread_id)
    yield (delete(layout.keys.thread(thread_id), ttl_ms=MARK_SECONDS * 1000),)


def copy_thread(
    layout: Layout, serde: SerializerProtocol, source: str, target: str
) -> Plan[None]:
    """Plan a copy, which replaces what *target* holds; the line of the list stays."""
    origin, place = layout.keys.thread(source), layout.keys.thread(target)
    fields, writes = yield (("HGETALL", origin.state), ("HGETALL", origin.writes))
    if not fields:
        return
    copied = {
        name: value for name, value in fields.items() if not name.startswith(b"@")
    }
    heads = [name for name in fields if name.startswith(b"h")]
    for name in [*heads, *(name for name in fields if name.startswith(b"c"))]:
        record = Record.load(layout.codec, serde, name, fields[name])
        copied[name] = replace(record, thread_id=target).dump(layout.codec, serde, name)
    yield from delete_thread(layout, target)
    yield (
        ("HSET", place.state, *_flat(copied)),
        ("PEXPIRE", place.state, layout.ttl_ms),
    )
    if writes:
        yield (
            ("HSET", place.writes, *_flat(writes)),
            ("PEXPIRE", place.writes, layout.ttl_ms),
        )


def keep_latest(
    layout: Layout, serde: SerializerProtocol, thread_id: str
) -> Plan[None]:
    """Plan the removal of all checkpoints but the newest of each namespace."""
    fields = yield from _load_state(layout, thread_id)
    newest: dict[str, str] = {}
    for _, own_id, namespace in _record_fields(layout, fields):
        newest[namespace] = max(own_id, newest.get(namespace, ""))
    gone = [
        (namespace, own_id)
        for _, own_id, namespace in _record_fields(layout, fields)
        if newest[namespace] != own_id
    ]
    yield from _remove(layout, serde, thread_id, fields, gone)


def delete_runs(
    layout: Layout,
    serde: SerializerProtocol,
    thread_id: str,
    run_ids: Collection[str],
) -> Plan[None]:
    """Plan the removal of the checkpoints that *run_ids* made."""
    fields = yield from _load_state(layout, thread_id)
    gone = []
    for name, own_id, namespace in _record_fields(layout, fields):
        record = Record.load(layout.codec, serde, name, fields[name])
        if record.metadata.get("run_id") in run_ids:
            gone.append((namespace, own_id))
    yield from _remove(layout, serde, thread_id, fields, gone)


def _load_state(layout: Layout, thread_id: str) -> Plan[dict[bytes, bytes]]:
    (fields,) = yield (("HGETALL", layout.keys.thread(thread_id).state),)
    found: dict[bytes, bytes] = fields
    return found


def _record_fields(
    layout: Layout, fields: Mapping[bytes, bytes]
) -> list[tuple[bytes, str, str]]:
    """Return (field, checkpoint id, namespace) of every checkpoint."""
    if layout.newest_only:
        return [
            (b"h" + name[1:], value.decode(), read_namespace(name))
            for name, value in fields.items()
            if name.startswith(b"i") and b"h" + name[1:] in fields
        ]
    return [
        (name, name.split(SEPARATOR, 1)[1].decode(), read_namespace(name))
        for name in fields
        if name.startswith(b"c")
    ]


def _remove(
    layout: Layout,
    serde: SerializerProtocol,
    thread_id: str,
    fields: Mapping[bytes, bytes],
    gone: Iterable[tuple[str, str]],
) -> Plan[None]:
    keys = layout.keys.thread(thread_id)
    removed = set(gone)
    if not removed:
        return
    layout.cache.forget(thread_id)
    kept: dict[str, list[tuple[str, bytes]]] = {}
    needed: set[bytes] = set()
    for name, own_id, namespace in _record_fields(layout, fields):
        if (namespace, own_id) not in removed:
            kept.setdefault(namespace, []).append((own_id, name))
            record = Record.load(layout.codec, serde, name, fields[name])
            for part in references(record.channels):
                needed.add(part_prefix(b"s", namespace) + part)
                needed.add(part_prefix(b"b", namespace) + part)
    if not kept:
        yield from delete_thread(layout, thread_id)
        return
    heads: dict[bytes, bytes] = {}
    drop: list[bytes] = []
    for namespace in {namespace for namespace, _ in removed}:
        head, head_id = (namespace_field(kind, namespace) for kind in (b"h", b"i"))
        if namespace not in kept:
            drop += [head, head_id]
            continue
        own_id, name = max(kept[namespace])
        record = Record.load(layout.codec, serde, name, fields[name])
        heads[head] = record.dump(layout.codec, serde, head)
        heads[head_id] = own_id.encode()
    if not layout.newest_only:
        drop += [record_field(namespace, own_id) for namespace, own_id in removed]
    drop += [name for name in fields if name[:1] in b"sb" and name not in needed]
    if heads:
        yield (("HSET", keys.state, *_flat(heads)),)
    yield (("HDEL", keys.state, *drop),)
    (names,) = yield (("HKEYS", keys.writes),)
    prefixes = tuple(write_prefix(namespace, own_id) for namespace, own_id in removed)
    stale = [name for name in names if name.startswith(prefixes)]
    if stale:
        yield (("HDEL", keys.writes, *stale),)


def _flat(fields: Mapping[bytes, bytes]) -> list[bytes]:
    return [part for pair in fields.items() for part in pair]
