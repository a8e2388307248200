"""How often somebody may ask: sliding windows, shared by all workers through Redis."""

from __future__ import annotations

import hashlib
import ipaddress
import logging
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from domain.errors import StateUnavailable
from domain.ports import Allowance
from stores.redis_client import RedisConnection

log = logging.getLogger(__name__)

HOUR_SECONDS = 3600
MINUTE_SECONDS = 60

# Counters held by a process while Redis is away; 150 bytes each.
_MOST_COUNTERS = 20_000

_ADDRESS = "address:"


@dataclass(frozen=True, slots=True)
class _Window:
    """
    One limit at one moment.

    Attributes:
        name, limit, seconds: As configured.
        current, previous: Keys of this window's counter and the one before.
        elapsed: Seconds since this window began.
    """

    name: str
    limit: int
    seconds: int
    current: str
    previous: str
    elapsed: float

    def used(self, current: int, previous: int) -> float:
        """
        Return the requests of the last `seconds`, those of the window before estimated.

        Source: the sliding window counter of "How we built rate limiting capable of
        scaling to millions of domains", Cloudflare, 2017.
        """
        return current + previous * (1 - self.elapsed / self.seconds)

    def most(self, previous: int) -> int:
        """Return how high the counter of this window may be at this moment."""
        return max(0, math.floor(self.limit - self.used(0, previous)))

    def allowance(self, current: int, previous: int, *, allowed: bool) -> Allowance:
        """Return how it stands, *current* counting this request if it was *allowed*."""
        left = max(0, math.floor(self.limit - self.used(current, previous)))
        wait = (
            self.seconds - self.elapsed
            if left
            else self._seconds_until_one(current, previous)
        )
        return Allowance(
            allowed=allowed,
            name=self.name,
            limit=self.limit,
            remaining=left,
            window_seconds=self.seconds,
            reset_seconds=max(1, math.ceil(wait)),
        )

    def _seconds_until_one(self, current: int, previous: int) -> float:
        """Return when a request would be allowed, if nobody asks until then."""
        room = self.limit - 1
        if current <= room:
            # The weight of the window before must shrink enough.
            share = 1 - (room - current) / previous if previous else 0.0
            return max(0.0, share * self.seconds - self.elapsed)
        # This window becomes the one before, and then its weight must shrink.
        return self.seconds - self.elapsed + (1 - room / current) * self.seconds


class SharedRateLimiter:
    """
    Count requests in Redis, in one round trip and without scripts.

    A refused request counts nowhere, so that whoever keeps asking is served again as
    soon as the window has room. While Redis is away each process goes on from the last
    counts it saw.

    Args:
        connection: Redis, or None to count in this process only.
        per_hour: Requests of one subject in 3600 s.
        per_minute: Requests of one subject in 60 s, None for no such limit.
        clock: Unix seconds, the same on all hosts to about a second.
    """

    def __init__(
        self,
        connection: RedisConnection | None,
        *,
        per_hour: int,
        per_minute: int | None = None,
        prefix: str = "tanya",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._connection = connection
        limits = [("hour", per_hour, HOUR_SECONDS)]
        if per_minute is not None:
            limits.append(("minute", per_minute, MINUTE_SECONDS))
        self._limits = limits
        self._prefix = prefix
        self._clock = clock
        self._seen: OrderedDict[str, int] = OrderedDict()

    async def hit(self, subject: str) -> Sequence[Allowance]:
        """
        Count one request of *subject* against each limit, if all of them allow it.

        IPv6 addresses, as `address:...`, count by /64, which has one owner.
        """
        windows = self._windows(_group(subject))
        connection = self._connection
        if connection is not None and connection.available():
            try:
                return await self._hit_shared(connection, windows)
            except StateUnavailable as exc:
                log.warning("rate_limit_counted_here", extra={"code": exc.code})
        return self._hit_here(windows)

    async def _hit_shared(
        self, connection: RedisConnection, windows: Sequence[_Window]
    ) -> Sequence[Allowance]:
        async with connection.use() as redis:
            batch = redis.pipeline(transaction=False)
            for window in windows:
                batch.incr(window.current)
                batch.expire(window.current, window.seconds * 2)
                batch.get(window.previous)
            answers = await batch.execute()
            counts = [
                (int(answers[place]), int(answers[place + 2] or 0))
                for place in range(0, len(answers), 3)
            ]
            allowances = self._judge(windows, counts)
            if not all(allowance.allowed for allowance in allowances):
                undo = redis.pipeline(transaction=False)
                for window in windows:
                    undo.decr(window.current)
                await undo.execute()
        return allowances

    def _hit_here(self, windows: Sequence[_Window]) -> Sequence[Allowance]:
        counts = [
            (self._seen.get(window.current, 0) + 1, self._seen.get(window.previous, 0))
            for window in windows
        ]
        return self._judge(windows, counts)

    def _judge(
        self, windows: Sequence[_Window], counts: Sequence[tuple[int, int]]
    ) -> Sequence[Allowance]:
        """Return the allowances for *counts*, which include this request."""
        fits = [
            window.used(current, previous) <= window.limit
            for window, (current, previous) in zip(windows, counts, strict=True)
        ]
        counted = all(fits)
        allowances = []
        for window, (current, previous), fit in zip(windows, counts, fits, strict=True):
            kept = current if counted else current - 1
            if not fit:
                # Requests that are being refused at this moment are still in it.
                kept = min(kept, window.most(previous))
            self._remember(window.previous, previous)
            self._remember(window.current, kept)
            allowances.append(window.allowance(kept, previous, allowed=fit))
        return allowances

    def _remember(self, key: str, count: int) -> None:
        # Answers of concurrent requests come in any order; the highest is the newest.
        count = max(count, self._seen.get(key, 0))
        if not count:
            return
        self._seen[key] = count
        self._seen.move_to_end(key)
        while len(self._seen) > _MOST_COUNTERS:
            self._seen.popitem(last=False)

    def _windows(self, subject: str) -> list[_Window]:
        now = self._clock()
        # The digest keeps addresses and foreign characters out of the key; in braces it
        # puts all counters of a subject into one slot of a cluster.
        digest = hashlib.sha256(subject.encode("utf-8", "surrogatepass")).hexdigest()
        base = f"{self._prefix}:rate:{{{digest[:32]}}}"
        windows = []
        for name, limit, seconds in self._limits:
            number, elapsed = divmod(now, seconds)
            windows.append(
                _Window(
                    name=name,
                    limit=limit,
                    seconds=seconds,
                    current=f"{base}:{name}:{int(number)}",
                    previous=f"{base}:{name}:{int(number) - 1}",
                    elapsed=elapsed,
                )
            )
        return windows


def _group(subject: str) -> str:
    if not subject.startswith(_ADDRESS):
        return subject
    try:
        address = ipaddress.ip_address(subject.removeprefix(_ADDRESS))
    except ValueError:
        return subject
    if isinstance(address, ipaddress.IPv4Address):
        return f"{_ADDRESS}{address}"
    if address.ipv4_mapped is not None:
        return f"{_ADDRESS}{address.ipv4_mapped}"
    return f"{_ADDRESS}{int(address) >> 64:x}"
