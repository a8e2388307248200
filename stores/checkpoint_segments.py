"""
Message lists as immutable segments: what changed since the last write, and where.

A list is described by pairs (segment, items used of it). A new list is compared with
what this worker last read or wrote; it keeps the pairs of the common beginning, and
only the rest is written, as a new segment. Trimming, edits and removals need nothing
special.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from langchain_core.messages import BaseMessage

# So many segments of one size class become one: each message is rewritten once per
# power of this number, and 2000 messages lie in about 45 segments.
MERGE_AT = 16

Pair: TypeAlias = tuple[bytes, int]


class FrozenMessage(NamedTuple):
    """A message as it was when it was stored; shares its strings with the message."""

    kind: type
    fields: dict[str, Any]
    extra: Any


class NotFreezable(Exception):
    """The value holds an object whose changes could not be noticed."""


def is_segmented(value: object) -> bool:
    """Return whether *value* is a list that grows at its end: messages, or dicts."""
    return (
        isinstance(value, list)
        and bool(value)
        and isinstance(value[0], (BaseMessage, dict))
    )


def freeze(item: object) -> Any:
    """
    Return a copy of *item* that later changes of it do not reach.

    Raises:
        NotFreezable: It holds something else than messages and plain data.
    """
    if item is None or isinstance(item, (str, int, float, bytes, bool)):
        return item
    if isinstance(item, BaseMessage):
        return FrozenMessage(
            type(item),
            {name: freeze(value) for name, value in item.__dict__.items()},
            freeze(item.__pydantic_extra__),
        )
    if type(item) is dict:
        return {key: freeze(value) for key, value in item.items()}
    if type(item) is list:
        return [freeze(value) for value in item]
    if type(item) is tuple:
        return tuple(freeze(value) for value in item)
    raise NotFreezable


def is_same(item: object, frozen: object) -> bool:
    """Return whether *item* still is what was frozen."""
    if type(frozen) is FrozenMessage:
        kind, fields, extra = frozen
        # Asked of every message of every turn: `isinstance` would cost more than all.
        return (
            type(item) is kind
            and item.__dict__ == fields
            and item.__pydantic_extra__ == extra  # type: ignore[attr-defined]
        )
    return type(item) is type(frozen) and item == frozen


@dataclass(frozen=True, slots=True)
class StoredList:
    """
    A list as stored and as decoded.

    Attributes:
        items: The objects last read or written; handed out again on the next read.
        frozen: What they were then; None when that could not be copied.
        pairs: Where they are stored.
    """

    items: list[Any]
    frozen: list[Any] | None
    pairs: tuple[Pair, ...]

    @classmethod
    def remember(cls, items: Sequence[Any], pairs: Sequence[Pair]) -> StoredList:
        """Return the memory of *items* stored in *pairs*."""
        try:
            frozen: list[Any] | None = [freeze(item) for item in items]
        except NotFreezable:
            frozen = None
        return cls(items=list(items), frozen=frozen, pairs=tuple(pairs))

    def unchanged(self) -> bool:
        """Return whether nobody changed an item in place since."""
        return self.frozen is not None and all(map(is_same, self.items, self.frozen))

    def common_prefix(self, items: Sequence[Any]) -> int:
        """Return how many leading items of *items* are stored already."""
        if self.frozen is None:
            return 0
        count = 0
        for item, frozen in zip(items, self.frozen, strict=False):
            if not is_same(item, frozen):
                break
            count += 1
        return count

    def extended(
        self, items: Sequence[Any], pairs: Sequence[Pair], *, prefix: int
    ) -> StoredList:
        """Return the memory of *items*, whose first *prefix* items are known here."""
        if self.frozen is None:
            return StoredList.remember(items, pairs)
        try:
            frozen = self.frozen[:prefix] + [freeze(item) for item in items[prefix:]]
        except NotFreezable:
            return StoredList(items=list(items), frozen=None, pairs=tuple(pairs))
        return StoredList(items=list(items), frozen=frozen, pairs=tuple(pairs))


def plan_segments(
    length: int, pairs: Sequence[Pair], *, prefix: int
) -> tuple[list[Pair], int]:
    """
    Return the pairs to keep and the index from which the list must be written.

    Segments that have piled up at the end are written again as part of the rest.

    Args:
        length: Items of the new list.
        pairs: Where the old list is stored.
        prefix: Leading items that both have in common.
    """
    kept: list[Pair] = []
    start = 0
    for segment, used in pairs:
        take = min(used, prefix - start)
        if take <= 0:
            break
        kept.append((segment, take))
        start += take
    while start < length and _piled_up(kept, length - start):
        size = _size_class(length - start)
        while kept and _size_class(kept[-1][1]) <= size:
            start -= kept.pop()[1]
    return kept, start


def _piled_up(kept: Sequence[Pair], tail: int) -> bool:
    size = _size_class(tail)
    smaller = 0
    for _, used in reversed(kept):
        if _size_class(used) > size:
            break
        smaller += 1
    return smaller >= MERGE_AT - 1


def _size_class(used: int) -> int:
    # Powers of 16: 1-15 items, 16-255, 256-4095.
    return (used.bit_length() - 1) // 4
