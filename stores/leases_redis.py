"""Leases in Redis, shared by all processes: the scripts, their steps, the backend."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection
from typing import Any

from domain.errors import StateUnavailable
from stores.checkpoint_keys import (
    HEAD,
    OWNER,
    RENAMED,
    TITLE,
    TURNS,
    UPDATED,
    KeySpace,
    ThreadKeys,
)
from stores.checkpoint_steps import Atomic, Command, Decision, Plan, Runner, Script
from stores.history_gaps import HistoryGaps
from stores.leases import (
    FULL,
    GRANTED,
    LEASE_SECONDS,
    MAX_WAITING,
    SILENT_SECONDS,
    WAITING,
    Lease,
    Line,
)
from stores.owners import owner_is_gone

log = logging.getLogger(__name__)

# KEYS: lock, queue. ARGV: token, lease ms, most that wait, silence ms.
_ACQUIRE = Script("""
local lock, queue, me = KEYS[1], KEYS[2], ARGV[1]
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local holder = redis.call('GET', lock)
if holder == me then
  redis.call('PEXPIRE', lock, ARGV[2])
  return 1
end
local mine, first, waiting = nil, nil, 0
local line = redis.call('HGETALL', queue)
for at = 1, #line, 2 do
  local arrived, seen = string.match(line[at + 1], '(%d+):(%d+)')
  if line[at] == me then
    mine = tonumber(arrived)
  elseif not seen or now - tonumber(seen) > ARGV[4] * 1000 then
    redis.call('HDEL', queue, line[at])
  else
    waiting = waiting + 1
    if not first or tonumber(arrived) < first then first = tonumber(arrived) end
  end
end
if not holder and (not first or (mine and mine < first)) then
  redis.call('SET', lock, me, 'PX', ARGV[2])
  redis.call('HDEL', queue, me)
  return 1
end
if not mine and waiting >= tonumber(ARGV[3]) then return -1 end
redis.call('HSET', queue, me, string.format('%.0f:%.0f', mine or now, now))
redis.call('PEXPIRE', queue, ARGV[4] * 10)
return 0
""")

# KEYS: lock. ARGV: token, lease ms.
_RENEW = Script("""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
""")

# KEYS: lock, state. ARGV: token, ttl ms, owner, title, turns, now; the last
# three empty: no line.
_RELEASE = Script("""
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
if ARGV[5] ~= '' and redis.call('HEXISTS', KEYS[2], 'i') == 1 then
  if redis.call('HEXISTS', KEYS[2], '@named') == 0 then
    redis.call('HSET', KEYS[2], '@title', ARGV[4])
  end
  redis.call('HSET', KEYS[2], '@owner', ARGV[3], '@turns', ARGV[5], '@at', ARGV[6])
  redis.call('PEXPIRE', KEYS[2], ARGV[2])
end
return 1
""")


class RedisLeases:
    """Leases in Redis: one round trip to take, one to hand back with the line."""

    def __init__(self, runner: Runner, keys: KeySpace, *, ttl_seconds: int) -> None:
        self._runner = runner
        self._keys = keys
        self._ttl_ms = ttl_seconds * 1000
        self._left: dict[str, Lease] = {}
        self.gaps = HistoryGaps()

    async def try_acquire(self, lease: Lease) -> int:
        """
        Return GRANTED, WAITING (now in line) or FULL.

        Whoever would have to wait sees first whether those before still live.
        """
        keys = self._keys.thread(lease.thread_id)
        step = acquire_step(keys, lease.token)
        outcome: int = await self._one(step)
        if outcome != GRANTED and await self._runner.arun(
            _bury_plan(keys, self._ttl_ms, ended=self._left)
        ):
            outcome = await self._one(step)
        return outcome

    async def leave(self, lease: Lease) -> None:
        """Leave the line; a lock granted in the last moment goes as well."""
        keys = self._keys.thread(lease.thread_id)
        await self._runner.arun(_leave_plan(keys, lease.token, self._ttl_ms))

    async def renew(self, lease: Lease) -> bool:
        """Return False when the lease is somebody else's, or nobody's."""
        return bool(
            await self._one(
                _renew_step(self._keys.thread(lease.thread_id), lease.token)
            )
        )

    async def release(self, lease: Lease) -> None:
        """
        Hand the lease back and write its line down, in one round trip.

        Raises:
            StateUnavailable: Redis is away; `release_left` hands it back later.
        """
        line = lease.line
        if line is not None and not lease.not_durable:
            # The line counts the turn that ends here.
            lease.gap = self.gaps.misses(lease.thread_id, line.turns - 1)
        try:
            await self._runner.arun(
                release_plan(self._keys, lease, ttl_ms=self._ttl_ms)
            )
        except StateUnavailable:
            self._left[lease.token] = lease
            raise
        if line is not None and not lease.not_durable:
            self.gaps.stored(lease.thread_id, line.turns)

    async def release_left(self) -> None:
        """
        Hand back what could not be told Redis while it was away.

        Raises:
            StateUnavailable: It still is.
        """
        for token, lease in list(self._left.items()):
            # The turn failed: what it would have said of itself is not written.
            await self.leave(lease)
            self._left.pop(token, None)

    async def _one(self, step: Atomic) -> Any:
        def plan() -> Plan[Any]:
            (reply,) = yield (step,)
            return reply

        return await self._runner.arun(plan())


def acquire_step(keys: ThreadKeys, token: str) -> Atomic:
    """Return the step that takes the lock or a place in line."""
    lease_ms, silent_ms = int(LEASE_SECONDS * 1000), int(SILENT_SECONDS * 1000)

    def decide(reads: list[Any]) -> Decision:
        holder, line = reads
        now, me = time.time_ns() // 1000, token.encode()
        if holder == me:
            return Decision(GRANTED, (("PEXPIRE", keys.lock, lease_ms),))
        entries = {
            who: tuple(map(int, value.split(b":"))) for who, value in line.items()
        }
        dead = [
            who
            for who, (_, seen) in entries.items()
            if who != me and now - seen > silent_ms * 1000
        ]
        others = [
            arrived
            for who, (arrived, _) in entries.items()
            if who != me and who not in dead
        ]
        mine = entries[me][0] if me in entries else None
        sweep: list[Command] = [("HDEL", keys.queue, *dead)] if dead else []
        if holder is None and (not others or (mine is not None and mine < min(others))):
            taken: Command = ("SET", keys.lock, token, "PX", lease_ms)
            return Decision(GRANTED, (*sweep, taken, ("HDEL", keys.queue, token)))
        if mine is None and len(others) >= MAX_WAITING:
            return Decision(FULL, sweep)
        place = f"{mine if mine is not None else now}:{now}"
        return Decision(
            WAITING,
            (
                *sweep,
                ("HSET", keys.queue, token, place),
                ("PEXPIRE", keys.queue, silent_ms * 10),
            ),
        )

    return Atomic(
        script=_ACQUIRE,
        keys=(keys.lock, keys.queue),
        arguments=(token, lease_ms, MAX_WAITING, silent_ms),
        reads=(("GET", keys.lock), ("HGETALL", keys.queue)),
        decide=decide,
    )


def _renew_step(keys: ThreadKeys, token: str) -> Atomic:
    lease_ms = int(LEASE_SECONDS * 1000)

    def decide(reads: list[Any]) -> Decision:
        if reads[0] != token.encode():
            return Decision(0)
        return Decision(1, (("PEXPIRE", keys.lock, lease_ms),))

    return Atomic(
        script=_RENEW,
        keys=(keys.lock,),
        arguments=(token, lease_ms),
        reads=(("GET", keys.lock),),
        decide=decide,
    )


def _release_step(
    keys: ThreadKeys, lease: Lease, line: Line | None, ttl_ms: int
) -> Atomic:
    turns = str(line.turns) if line else ""
    title, updated = (line.title, repr(line.updated_at)) if line else ("", "")

    def decide(reads: list[Any]) -> Decision:
        holder, exists, named = reads
        if holder not in (None, lease.token.encode()):
            return Decision(0)
        commands: list[Command] = [("DEL", keys.lock)]
        if line and exists:
            if not named:
                commands.append(("HSET", keys.state, TITLE, title))
            entries = (OWNER, lease.tenant, TURNS, turns, UPDATED, updated)
            commands.append(("HSET", keys.state, *entries))
            commands.append(("PEXPIRE", keys.state, ttl_ms))
        return Decision(1, commands)

    return Atomic(
        script=_RELEASE,
        keys=(keys.lock, keys.state),
        arguments=(lease.token, ttl_ms, lease.tenant, title, turns, updated),
        reads=(
            ("GET", keys.lock),
            ("HEXISTS", keys.state, HEAD),
            ("HEXISTS", keys.state, RENAMED),
        ),
        decide=decide,
    )


def release_plan(keys: KeySpace, lease: Lease, *, ttl_ms: int) -> Plan[bool]:
    """Plan the end of a turn: lock gone, line written, index brought up to date."""
    step = _release_step(keys.thread(lease.thread_id), lease, lease.line, ttl_ms)
    if lease.line is None:
        (released,) = yield (step,)
        return bool(released)
    index, at = keys.index(lease.tenant), lease.line.updated_at
    # The index lies in another slot: beside the script, never in one transaction.
    released, *_ = yield (
        step,
        ("ZADD", index, repr(at), lease.conversation_id),
        ("ZREMRANGEBYSCORE", index, "-inf", f"({at - ttl_ms / 1000!r}"),
        ("PEXPIRE", index, ttl_ms),
    )
    return bool(released)


def line_plan(
    keys: KeySpace, lease: Lease, line: Line, *, named: bool, ttl_ms: int
) -> Plan[None]:
    """Plan the writing of a line outside the end of a turn; the lease is held."""
    state = keys.thread(lease.thread_id).state
    index = keys.index(lease.tenant)
    (exists,) = yield (("HEXISTS", state, HEAD),)
    if not exists:
        return
    entries: list[bytes | str] = [OWNER, lease.tenant, TITLE, line.title]
    entries += [TURNS, str(line.turns), UPDATED, repr(line.updated_at)]
    if named:
        entries += [RENAMED, "1"]
    yield (
        ("HSET", state, *entries),
        ("ZADD", index, repr(line.updated_at), lease.conversation_id),
        ("PEXPIRE", index, ttl_ms),
    )


def _bury_plan(keys: ThreadKeys, ttl_ms: int, *, ended: Collection[str]) -> Plan[bool]:
    """
    Plan to free what killed workers of this host hold; True if there was any.

    Tokens of turns that *ended* here, without Redis being told, count as well.
    """
    holder, line = yield (("GET", keys.lock), ("HGETALL", keys.queue))
    steps: list[Command | Atomic] = []
    token = holder.decode() if holder is not None else ""
    if token and (token in ended or owner_is_gone(token)):
        # It compares the token again: a lock that passed on meanwhile is left alone.
        gone = Lease(tenant="", conversation_id="", token=token)
        steps.append(_release_step(keys, gone, None, ttl_ms))
    places = [who for who in line if owner_is_gone(who.decode())]
    if places:
        steps.append(("HDEL", keys.queue, *places))
    if steps:
        log.info("left_lease_freed")
        yield tuple(steps)
    return bool(steps)


def _leave_plan(keys: ThreadKeys, token: str, ttl_ms: int) -> Plan[None]:
    lease = Lease(tenant="", conversation_id="", token=token)
    yield (("HDEL", keys.queue, token), _release_step(keys, lease, None, ttl_ms))
