"""Upkeep of the embedded vector store: flushes after writes, merges segments."""

from __future__ import annotations

import logging
import threading
from typing import Protocol

from domain.errors import RetrievalUnavailable

log = logging.getLogger(__name__)


class Kept(Protocol):
    """What is kept; every method may raise `RetrievalUnavailable`."""

    def points(self) -> int:
        """Return the number of points, cheaply."""
        ...

    def flush(self) -> None:
        """Write everything to the disk."""
        ...

    def optimize(self) -> None:
        """Merge segments and build indexes."""
        ...


class Keeper:
    """
    A thread that flushes after writes, and merges segments when they are many.

    Args:
        quiet_seconds: Time without a write after which is flushed.
        optimize_above: Points from which segments are merged.
    """

    def __init__(self, quiet_seconds: float, *, optimize_above: int) -> None:
        self._quiet_seconds = quiet_seconds
        self._optimize_above = optimize_above
        self._optimized_at = 0
        self._written = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, client: Kept) -> None:
        """Begin; *client* is open until `stop`."""
        self._stopping.clear()
        self._optimized_at = client.points()
        self._thread = threading.Thread(
            target=self._run, args=(client,), name="vectors-keeper", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End the thread; a flush under way ends first."""
        self._stopping.set()
        self._written.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def note_write(self) -> None:
        """Take note of a write; costs nothing."""
        self._written.set()

    def _run(self, client: Kept) -> None:
        while True:
            self._written.wait()
            self._written.clear()
            if self._stopping.wait(self._quiet_seconds):
                return
            if self._written.is_set():
                continue
            try:
                client.flush()
                self._optimize(client)
            except RetrievalUnavailable:
                log.warning("vector_upkeep_failed")

    def _optimize(self, client: Kept) -> None:
        points = client.points()
        # A tenth more than last time: merging is worth its seconds by then.
        if points >= self._optimize_above and points > self._optimized_at * 1.1:
            client.optimize()
            self._optimized_at = points
            log.info("vectors_optimized", extra={"points": points})
