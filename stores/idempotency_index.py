"""Which kept answers belong to which conversation, so that they go together."""

from __future__ import annotations

import hashlib
import logging
import time
from typing import Any

from domain.errors import StateUnavailable
from stores.redis_client import RedisConnection

log = logging.getLogger(__name__)

# Deletions that wait for Redis; their answers end with their own time otherwise.
_MOST_OVERDUE = 1000


class ReplyIndex:
    """
    The names of a conversation's answers, in one sorted set each.

    Args:
        connection: Redis, or None when every answer is in memory.
        ttl_seconds: How long an answer lives.
    """

    def __init__(
        self, connection: RedisConnection | None, *, prefix: str, ttl_seconds: int
    ) -> None:
        self._connection = connection
        self._prefix = prefix
        self._ttl = ttl_seconds
        self._overdue: set[str] = set()

    def group(self, tenant: str, conversation_id: str) -> str:
        """Return the name of the set; "" when there is no conversation."""
        if not conversation_id:
            return ""
        parts = f"{tenant}\0{conversation_id}".encode("utf-8", "surrogatepass")
        return f"{self._prefix}:once-in:{hashlib.sha256(parts).hexdigest()}"

    def add(self, batch: Any, group: str, name: str) -> None:
        """Add to *batch* what lists the answer *name*, and forgets ended ones."""
        if not group:
            return
        now = time.time()
        batch.zadd(group, {name: now})
        batch.zremrangebyscore(group, "-inf", now - self._ttl)
        batch.expire(group, self._ttl)

    async def drop(self, group: str) -> None:
        """Drop the answers of *group*, now or when Redis is back."""
        if self._connection is None:
            return
        if len(self._overdue) < _MOST_OVERDUE:
            self._overdue.add(group)
        try:
            await self.catch_up()
        except StateUnavailable as exc:
            log.warning("replies_left_for_later", extra={"code": exc.code})

    async def catch_up(self) -> None:
        """
        Drop what is still to be dropped.

        Raises:
            StateUnavailable: Redis does not answer.
        """
        connection = self._connection
        if not self._overdue or connection is None or not connection.available():
            return
        async with connection.use() as redis:
            for group in tuple(self._overdue):
                found: list[Any] = await redis.zrange(group, 0, -1)
                names = [str(name, "ascii") for name in found]
                batch = redis.pipeline(transaction=False)
                for name in names:
                    # The claim of an answer that is kept is one left behind.
                    batch.delete(reply_key(name), claim_key(name))
                batch.delete(group)
                await batch.execute()
                self._overdue.discard(group)


def claim_key(name: str) -> str:
    """Return where the claim on *name* lies, in the slot of its answer."""
    return f"{name}:claim"


def reply_key(name: str) -> str:
    """Return where the answer called *name* lies."""
    return f"{name}:reply"
