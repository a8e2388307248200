"""Answers kept for replays, so that a request sent twice is answered once."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from domain.errors import IdempotencyKeyReused, StateUnavailable, TurnStillRunning
from domain.ports import StoredReply
from stores.idempotency_codec import (
    claimant_is_gone,
    claimed_fingerprint,
    decode_reply,
    encode_claim,
    encode_reply,
)
from stores.idempotency_index import ReplyIndex, claim_key, reply_key
from stores.idempotency_memory import ReplyMemory
from stores.redis_client import RedisConnection

log = logging.getLogger(__name__)

# A holder that was killed frees its key after this time; one that lives says so three
# times as often.
LEASE_SECONDS = 15.0
# An answer beyond this size is not kept: a retry runs anew.
MAX_REPLY_BYTES = 4 * 1024 * 1024
# No turn lasts this long: a claim that old was left behind.
MAX_TURN_SECONDS = 600.0
# How often it is tried while Redis is away.
FREE_AGAIN_SECONDS = 0.5
# What a client that came too early is told to wait.
_RETRY_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class _Claim:
    """A request of this process that has begun and not ended."""

    fingerprint: str
    value: bytes
    begun_at: float


class RedisIdempotencyStore:
    """
    Claims and answers under (tenant, route, key), two Redis keys in one slot each.

    The answer is looked for first, so a claim may outlive its request. A claim is a
    lease that is renewed while this process lives. While Redis is away both are kept
    in the memory of the process, the answers bounded, and what is known here counts
    when Redis is back.

    Args:
        connection: Redis, or None to remember in this process only.
        ttl_seconds: How long an answer is replayed.
        lease_seconds: How long the claim of a dead process lasts.
        max_reply_bytes: Largest body that is kept.
    """

    def __init__(
        self,
        connection: RedisConnection | None,
        *,
        ttl_seconds: int = 86_400,
        lease_seconds: float = LEASE_SECONDS,
        max_reply_bytes: int = MAX_REPLY_BYTES,
        prefix: str = "tanya",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._ttl = ttl_seconds
        self._lease = lease_seconds
        self._max_bytes = max_reply_bytes
        self._prefix = prefix
        self._memory = ReplyMemory(ttl_seconds=ttl_seconds, clock=clock)
        self._index = ReplyIndex(connection, prefix=prefix, ttl_seconds=ttl_seconds)
        self._clock = clock
        self._claims: dict[str, _Claim] = {}
        self._keeping: set[str] = set()
        self._going_on: set[asyncio.Task[None]] = set()
        self._renewal: asyncio.Task[None] | None = None
        # Claims of turns that failed while Redis could not be told.
        self._left: dict[str, bytes] = {}
        self._freeing: asyncio.Task[None] | None = None

    async def begin(
        self, tenant: str, route: str, key: str, *, fingerprint: str
    ) -> StoredReply | None:
        """
        Claim the key, or return the answer it already has.

        Raises:
            TurnStillRunning: The first request has not ended.
            IdempotencyKeyReused: *fingerprint* differs from the first one's.
        """
        name = self._name(tenant, route, key)
        if (running := self._claims.get(name)) is not None:
            raise _refusal(running.fingerprint, fingerprint)
        if (known := self._memory.find(name)) is not None:
            return _replay(*known, fingerprint)
        claim = _Claim(
            fingerprint, encode_claim(tenant, route, fingerprint), self._clock()
        )
        # Taken before the first suspension: of two requests of this process that come
        # together, one sees the other.
        self._claims[name] = claim
        try:
            reply = await self._begin_shared(name, claim, tenant, route)
        except BaseException:
            await self._forget(name, claim)
            raise
        if reply is not None:
            self._claims.pop(name, None)
            return reply
        self._keep_renewing()
        return None

    async def finish(
        self, tenant: str, route: str, key: str, *, reply: StoredReply
    ) -> None:
        """Keep *reply* for replays, unless it is too large."""
        name = self._name(tenant, route, key)
        claim = self._claims.get(name)
        if claim is None:
            return
        if len(reply.body) > self._max_bytes:
            log.warning("reply_not_kept", extra={"size": len(reply.body)})
            await self._forget(name, claim)
            return
        self._keeping.add(name)
        await self._see_through(self._keep(name, claim, (tenant, route), reply))

    async def abandon(self, tenant: str, route: str, key: str) -> None:
        """Free the key after a failure, so that a retry runs anew."""
        name = self._name(tenant, route, key)
        claim = self._claims.get(name)
        if claim is not None and name not in self._keeping:
            await self._forget(name, claim)

    async def forget_conversation(self, tenant: str, conversation_id: str) -> None:
        """
        Drop every answer that was given in a conversation.

        While Redis is away those in it are dropped once it is back.
        """
        group = self._index.group(tenant, conversation_id)
        self._memory.forget(group)
        await self._see_through(self._index.drop(group))

    async def aclose(self) -> None:
        """Stop renewing; claims that are left end with their lease."""
        for task in (self._renewal, self._freeing):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        self._renewal = self._freeing = None
        await asyncio.gather(*self._going_on, return_exceptions=True)

    async def _begin_shared(
        self, name: str, claim: _Claim, tenant: str, route: str, *, again: bool = True
    ) -> StoredReply | None:
        connection = self._connection
        if connection is None or not connection.available():
            return None
        try:
            await self._index.catch_up()
            if self._left:
                await self._free(connection)
            async with connection.use() as redis:
                batch = redis.pipeline(transaction=False)
                batch.get(reply_key(name))
                batch.set(
                    claim_key(name), claim.value, nx=True, px=int(self._lease * 1000)
                )
                batch.get(claim_key(name))
                stored, _, holder = await batch.execute()
        except StateUnavailable as exc:
            log.warning("idempotency_kept_here", extra={"code": exc.code})
            return None
        if stored is not None:
            found = decode_reply(stored, tenant, route)
            if found is not None:
                return _replay(*found, claim.fingerprint)
            log.error("stored_reply_unreadable")
        if holder is not None and holder != claim.value:
            refusal = _refusal(claimed_fingerprint(holder), claim.fingerprint)
            if not (again and isinstance(refusal, TurnStillRunning)):
                raise refusal
            if not claimant_is_gone(holder):
                raise refusal
            # Killed on this host: its turn is run again at once.
            await _delete_if(connection, name, holder)
            return await self._begin_shared(name, claim, tenant, route, again=False)
        return None

    async def _keep(
        self, name: str, claim: _Claim, owner: tuple[str, str], reply: StoredReply
    ) -> None:
        tenant, route = owner
        group = self._index.group(tenant, reply.conversation_id)
        try:
            stored = encode_reply(tenant, route, claim.fingerprint, reply)
            if not await self._store(name, stored, group):
                self._memory.keep(name, claim.fingerprint, reply, group=group)
        finally:
            self._claims.pop(name, None)
            self._keeping.discard(name)

    async def _store(self, name: str, stored: bytes, group: str) -> bool:
        connection = self._connection
        if connection is None or not connection.available():
            return False
        try:
            async with connection.use() as redis:
                batch = redis.pipeline(transaction=False)
                # Listed first: what is kept can always be found and dropped.
                self._index.add(batch, group, name)
                batch.set(reply_key(name), stored, ex=self._ttl)
                await batch.execute()
        except StateUnavailable as exc:
            log.warning("idempotency_kept_here", extra={"code": exc.code})
            return False
        return True

    async def _forget(self, name: str, claim: _Claim) -> None:
        """Free the key here and in Redis, where it may have passed to somebody else."""
        self._claims.pop(name, None)
        connection = self._connection
        if connection is None:
            return
        # Written down first: what cannot be freed now is freed when Redis is back.
        self._left[name] = claim.value
        if connection.available():
            await self._see_through(self._free(connection))
        self._keep_freeing(connection)

    async def _free(self, connection: RedisConnection) -> None:
        """Free what failed turns left behind."""
        for name, value in list(self._left.items()):
            if not await _delete_if(connection, name, value):
                return
            self._left.pop(name, None)

    def _keep_freeing(self, connection: RedisConnection) -> None:
        loop = asyncio.get_running_loop()
        task = self._freeing
        if self._left and (task is None or task.done() or task.get_loop() is not loop):
            self._freeing = loop.create_task(self._free_later(connection))

    async def _free_later(self, connection: RedisConnection) -> None:
        # After this time they have ended by themselves.
        until = self._clock() + self._lease
        while self._left and self._clock() < until:
            await asyncio.sleep(FREE_AGAIN_SECONDS)
            if connection.available():
                await self._free(connection)
        self._left.clear()

    async def _see_through(self, work: Coroutine[Any, Any, None]) -> None:
        """
        Wait for *work*, which goes on when the request is cancelled.

        A client that leaves at the last moment comes back with the same key: it must
        find the answer, or a key that is free.
        """
        task = asyncio.create_task(work)
        self._going_on.add(task)
        task.add_done_callback(self._going_on.discard)
        await asyncio.shield(task)

    def _keep_renewing(self) -> None:
        if self._connection is None:
            return
        loop = asyncio.get_running_loop()
        task = self._renewal
        if task is None or task.done() or task.get_loop() is not loop:
            self._renewal = loop.create_task(self._renew())

    async def _renew(self) -> None:
        """Renew the claims of this process until there are none."""
        connection = self._connection
        while self._claims and connection is not None:
            await asyncio.sleep(self._lease / 3)
            oldest = self._clock() - MAX_TURN_SECONDS
            claims = {
                name: claim
                for name, claim in self._claims.items()
                if claim.begun_at > oldest
            }
            self._claims = dict(claims)
            if not claims or not connection.available():
                continue
            lease = int(self._lease * 1000)
            try:
                async with connection.use() as redis:
                    batch = redis.pipeline(transaction=False)
                    for name, claim in claims.items():
                        # One begun while Redis was away is made known now.
                        batch.set(claim_key(name), claim.value, nx=True, px=lease)
                        batch.pexpire(claim_key(name), lease)
                    await batch.execute()
            except StateUnavailable as exc:
                log.warning("claims_not_renewed", extra={"code": exc.code})

    def _name(self, tenant: str, route: str, key: str) -> str:
        # The digest bounds the length and keeps a client's characters out of the key.
        parts = "\0".join((tenant, route, key)).encode("utf-8", "surrogatepass")
        return f"{self._prefix}:once:{{{hashlib.sha256(parts).hexdigest()}}}"


async def _delete_if(connection: RedisConnection, name: str, value: bytes) -> bool:
    """Delete a claim that is still *value*; False when Redis could not be told."""
    try:
        async with connection.use() as redis:
            if await redis.get(claim_key(name)) == value:
                await redis.delete(claim_key(name))
    except StateUnavailable as exc:
        log.warning("claim_not_freed_yet", extra={"code": exc.code})
        return False
    return True


def _refusal(first: str, asked: str) -> TurnStillRunning | IdempotencyKeyReused:
    if first != asked:
        return IdempotencyKeyReused()
    return TurnStillRunning(retry_after_seconds=_RETRY_SECONDS)


def _replay(first: str, reply: StoredReply, asked: str) -> StoredReply:
    if first != asked:
        raise IdempotencyKeyReused
    return reply
