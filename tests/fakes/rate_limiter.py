"""A rate limiter without windows, for tests of what stands in front of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from domain.ports import Allowance


class FakeRateLimiter:
    """Allow *limit* requests of each subject, until `forget` is called."""

    def __init__(self, *, limit: int = 1_000_000) -> None:
        self.limit = limit
        self.hits: Counter[str] = Counter()

    async def hit(self, subject: str) -> Sequence[Allowance]:
        allowed = self.hits[subject] < self.limit
        self.hits[subject] += allowed
        return [
            Allowance(
                allowed=allowed,
                name="hour",
                limit=self.limit,
                remaining=self.limit - self.hits[subject],
                window_seconds=3600,
                reset_seconds=3600,
            )
        ]

    def forget(self) -> None:
        self.hits.clear()
