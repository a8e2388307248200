"""A switch that keeps requests away from a server that just failed."""

from __future__ import annotations

import time
from collections.abc import Callable


class Breaker:
    """
    Closed while the server answers; open, after a failure, until somebody probes it.

    It does no I/O: who is told `due()` tries the server and reports the outcome.

    Args:
        cooldown_seconds: Between two probes of a server that is away.
        first_seconds: Before the first probe: what looked like a failure may have been
            a busy machine, which is over soon.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        *,
        cooldown_seconds: float = 1.0,
        first_seconds: float = 0.1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cooldown = cooldown_seconds
        self._first = min(first_seconds, cooldown_seconds)
        self._clock = clock
        self._probe_at: float | None = None

    @property
    def closed(self) -> bool:
        """True while requests may go to the server."""
        return self._probe_at is None

    def trip(self) -> bool:
        """Open; True when it was closed, else it is open already."""
        if self._probe_at is not None:
            return False
        self._probe_at = self._clock() + self._first
        return True

    def reset(self) -> bool:
        """Close; True when it was open."""
        was_open = not self.closed
        self._probe_at = None
        return was_open

    def due(self) -> bool:
        """Return True once per cooldown while open: the caller probes now."""
        now = self._clock()
        if self._probe_at is None or now < self._probe_at:
            return False
        self._probe_at = now + self._cooldown
        return True

    def seconds_left(self) -> float:
        """Return the seconds until the next probe, 0.0 when closed or overdue."""
        if self._probe_at is None:
            return 0.0
        return max(0.0, self._probe_at - self._clock())
