"""One wall-clock budget, handed down to every upstream call."""

from __future__ import annotations

import time
from dataclasses import dataclass

from domain.errors import TurnTimeout


@dataclass(frozen=True, slots=True)
class Deadline:
    """
    A point in time on the monotonic clock.

    A socket timeout bounds one read; only a deadline bounds a turn.
    """

    expires_at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Return the deadline *seconds* from now."""
        return cls(time.monotonic() + seconds)

    def remaining(self) -> float:
        """
        Return the seconds left, always positive.

        Raises:
            TurnTimeout: None are left.
        """
        left = self.expires_at - time.monotonic()
        if left <= 0:
            raise TurnTimeout
        return left
