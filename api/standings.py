"""How keys stand with their limit, as far as this process knows."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace

from domain.ports import Allowance

_MOST_STANDINGS = 4096


class Standings:
    """
    What the limiter last said of each key, so that reads can tell it without counting.

    Args:
        clock: Seconds that only grow.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, Sequence[Allowance]]] = OrderedDict()

    def remember(self, subject: str, allowances: Sequence[Allowance]) -> None:
        """Keep *allowances* as the newest of *subject*."""
        self._known[subject] = (self._clock(), allowances)
        self._known.move_to_end(subject)
        while len(self._known) > _MOST_STANDINGS:
            self._known.popitem(last=False)

    def find(self, subject: str) -> Sequence[Allowance] | None:
        """Return what still holds of *subject*, or None when a window has ended."""
        said_at, allowances = self._known.get(subject, (0.0, ()))
        passed = int(self._clock() - said_at)
        if not allowances or any(item.reset_seconds <= passed for item in allowances):
            return None
        return [
            replace(item, reset_seconds=item.reset_seconds - passed)
            for item in allowances
        ]
