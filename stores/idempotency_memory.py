"""Answers kept in the memory of one process while Redis is away."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from domain.ports import StoredReply

# Bounds of one worker: what a busy hour without Redis may cost it.
MOST_REPLIES = 1000
MOST_BYTES = 32 * 1024 * 1024


class ReplyMemory:
    """
    The newest answers, at most *most_replies* and *most_bytes* of body.

    Args:
        ttl_seconds: How long an answer is found.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        *,
        ttl_seconds: float,
        most_replies: int = MOST_REPLIES,
        most_bytes: int = MOST_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ttl = ttl_seconds
        self._most_replies = most_replies
        self._most_bytes = most_bytes
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, str, StoredReply]] = OrderedDict()
        self._groups: dict[str, str] = {}
        self._bytes = 0

    def find(self, name: str) -> tuple[str, StoredReply] | None:
        """Return the fingerprint and the answer of *name*."""
        if name not in self._kept:
            return None
        kept_at, fingerprint, reply = self._kept[name]
        if self._clock() - kept_at > self._ttl:
            self._drop(name)
            return None
        return fingerprint, reply

    def keep(
        self, name: str, fingerprint: str, reply: StoredReply, *, group: str = ""
    ) -> None:
        """Keep *reply*, dropping the oldest ones when there is no room."""
        self._drop(name)
        self._kept[name] = (self._clock(), fingerprint, reply)
        self._groups[name] = group
        self._bytes += len(reply.body)
        while len(self._kept) > self._most_replies or self._bytes > self._most_bytes:
            self._drop(next(iter(self._kept)))

    def forget(self, group: str) -> None:
        """Drop the answers of a group."""
        for name in [name for name, of in self._groups.items() if of == group]:
            self._drop(name)

    def _drop(self, name: str) -> None:
        self._groups.pop(name, None)
        dropped = self._kept.pop(name, None)
        if dropped is not None:
            self._bytes -= len(dropped[2].body)
