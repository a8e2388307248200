"""
Turns that this worker saw stored and that Redis lacks after an outage.

Replication is asynchronous: a replica that takes over may not have the last turns.
Nothing can be promised about them, but it must be said that they are missing.
"""

from __future__ import annotations

import logging
from collections import OrderedDict

log = logging.getLogger(__name__)

# About 200 bytes each; the least recent ones go first.
MOST_CONVERSATIONS = 8192


class HistoryGaps:
    """
    Counts the turns of conversations, and compares after an outage.

    Without an outage nothing is compared: a smaller number is then a conversation that
    was deleted, or that expired, and began anew.
    """

    def __init__(self, *, most: int = MOST_CONVERSATIONS) -> None:
        self._most = most
        self._stored: OrderedDict[str, int] = OrderedDict()
        self._suspects: dict[str, int] = {}
        self._seen: set[str] | None = None

    def stored(self, thread_id: str, turns: int) -> None:
        """Note that Redis holds *turns* turns of a conversation."""
        self._suspects.pop(thread_id, None)
        if self._seen is not None:
            self._seen.add(thread_id)
        self._stored[thread_id] = turns
        self._stored.move_to_end(thread_id)
        while len(self._stored) > self._most:
            self._stored.popitem(last=False)

    def forget(self, thread_id: str) -> None:
        """Note that a conversation was deleted."""
        self._stored.pop(thread_id, None)
        self._suspects.pop(thread_id, None)

    def suspect(self) -> None:
        """Note that Redis was away: what comes back may be older than what went."""
        self._suspects = dict(self._stored)
        self._seen = set()

    def asks_about(self, thread_id: str) -> bool:
        """Return whether somebody else's knowledge of a conversation is wanted."""
        return (
            self._seen is not None
            and len(self._seen) < self._most
            and thread_id not in self._seen
            and thread_id not in self._suspects
        )

    def expect(self, thread_id: str, turns: int) -> None:
        """Learn from somebody else how many turns there were."""
        self._suspects[thread_id] = turns

    def misses(self, thread_id: str, turns: int) -> bool:
        """Return whether a conversation that has *turns* turns now had more before."""
        expected = self._suspects.get(thread_id)
        if expected is None or turns >= expected:
            return False
        log.warning("history_gap_found", extra={"turns": expected - turns})
        return True
