"""What a worker remembers of conversations it read or wrote, in bounded memory."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from stores.checkpoint_records import Stored
from stores.checkpoint_segments import StoredList

# Beyond so many remembered messages the least recent conversation goes, whatever the
# number of conversations: about 2.7 kB a message.
MAX_CACHED_ITEMS = 40_000


@dataclass(frozen=True, slots=True)
class Remembered:
    """
    One namespace of a conversation.

    Attributes:
        record: The stored record, byte by byte: equal bytes need no second look.
        channels: The record's manifest.
        lists: Decoded lists by channel.
        parts: Opened `(type, bytes)` of blobs by id.
        seen_at: Unix seconds.
    """

    checkpoint_id: str
    record: bytes
    channels: Mapping[str, Stored]
    lists: Mapping[str, StoredList]
    parts: Mapping[bytes, tuple[str, bytes]] = field(default_factory=dict)
    seen_at: float = 0.0

    @property
    def size(self) -> int:
        """Number of list items held."""
        return sum(len(stored.items) for stored in self.lists.values())


class DecodedCache:
    """
    Least recently used conversations, decoded; shared by the threads of a process.

    Args:
        capacity: Conversations; 0 switches it off.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._entries: OrderedDict[tuple[str, str], Remembered] = OrderedDict()
        self._items = 0
        self._lock = threading.Lock()
        self._pid = os.getpid()

    def find(self, thread_id: str, namespace: str) -> Remembered | None:
        """Return what is remembered, if anything."""
        self._after_fork()
        with self._lock:
            entry = self._entries.get((thread_id, namespace))
            if entry is not None:
                self._entries.move_to_end((thread_id, namespace))
            return entry

    def keep(self, thread_id: str, namespace: str, entry: Remembered) -> None:
        """Remember *entry* in place of what was known."""
        self._after_fork()
        if self._capacity <= 0:
            return
        with self._lock:
            self._drop((thread_id, namespace))
            self._entries[thread_id, namespace] = entry
            self._items += entry.size
            while self._entries and (
                len(self._entries) > self._capacity or self._items > MAX_CACHED_ITEMS
            ):
                self._drop(next(iter(self._entries)))

    def forget(self, thread_id: str, namespace: str | None = None) -> None:
        """Forget one namespace, or the whole conversation."""
        self._after_fork()
        with self._lock:
            for key in [
                key
                for key in self._entries
                if key[0] == thread_id and namespace in (None, key[1])
            ]:
                self._drop(key)

    def forget_all(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self._items = 0

    def iter_keys(self) -> Iterator[tuple[str, str]]:
        """Yield (conversation, namespace) of all entries, oldest use first."""
        self._after_fork()
        with self._lock:
            keys = list(self._entries)
        yield from keys

    def _drop(self, key: tuple[str, str]) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._items -= entry.size

    def _after_fork(self) -> None:
        # A lock that another thread of the parent held stays locked in the child.
        if self._pid != os.getpid():
            self._lock, self._pid = threading.Lock(), os.getpid()
