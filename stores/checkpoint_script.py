"""
Checks and writes that must be one step, each as a Lua script and without one.

The two forms of a step stand side by side; the contract suite runs both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stores.checkpoint_keys import GONE, ThreadKeys
from stores.checkpoint_steps import Argument, Atomic, Command, Decision, Script

WRITTEN, FENCED, BASE_GONE = 1, 0, 2

# KEYS: state, writes, lock. ARGV: fence, parent id, new id, head field, newest only,
# base field, prefix of pending writes, of those to keep, prefixes of parts to clear
# (two, or empty), ttl, number of pairs, pairs, fields to delete.
_PUT = Script("""
local state, writes, lock = KEYS[1], KEYS[2], KEYS[3]
local fence, parent, id, head_field = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local newest, base = ARGV[5] == '1', ARGV[6]
local head = redis.call('HGET', state, head_field)
if newest and head == id then return 1 end
if fence ~= '' then
  local holder = redis.call('GET', lock)
  if holder and holder ~= fence then return 0 end
end
if parent ~= '' and redis.call('HEXISTS', state, '@gone') == 1 then return 0 end
if newest then
  if head and head ~= parent then return 0 end
  if not head and base ~= '' then return 2 end
elseif base ~= '' and redis.call('HEXISTS', state, base) == 0 then
  return 2
end
redis.call('HDEL', state, '@gone')
local pairs_end = 12 + 2 * tonumber(ARGV[12])
local fresh = {}
for at = 13, pairs_end, 2 do
  redis.call('HSET', state, ARGV[at], ARGV[at + 1])
  fresh[ARGV[at]] = true
end
for at = pairs_end + 1, #ARGV do redis.call('HDEL', state, ARGV[at]) end
if ARGV[9] ~= '' then
  for _, field in ipairs(redis.call('HKEYS', state)) do
    local ours = string.sub(field, 1, #ARGV[9]) == ARGV[9]
      or string.sub(field, 1, #ARGV[10]) == ARGV[10]
    if ours and not fresh[field] then redis.call('HDEL', state, field) end
  end
end
if newest then
  for _, field in ipairs(redis.call('HKEYS', writes)) do
    if string.sub(field, 1, #ARGV[7]) == ARGV[7]
      and string.sub(field, 1, #ARGV[8]) ~= ARGV[8] then
      redis.call('HDEL', writes, field)
    end
  end
end
redis.call('PEXPIRE', state, ARGV[11])
redis.call('PEXPIRE', writes, ARGV[11])
return 1
""")


@dataclass(frozen=True, slots=True)
class Put:
    """
    One checkpoint on its way into the store.

    Attributes:
        fence: Token of the turn, or empty: then only the head is compared.
        newest_only: The head must be *parent_id*, and nothing else is kept.
        base_field: Field that must exist because the record builds on it, or empty.
        write_prefix: Pending writes of the namespace begin with it.
        kept_write_prefix: Those of the new checkpoint begin with it.
        clear_prefixes: Parts under these are removed unless written now.
    """

    keys: ThreadKeys
    fence: str
    parent_id: str
    checkpoint_id: str
    head_field: bytes
    newest_only: bool
    base_field: bytes
    write_prefix: bytes
    kept_write_prefix: bytes
    clear_prefixes: tuple[bytes, bytes] | None
    ttl_ms: int
    fields: Mapping[bytes, bytes]
    gone: Sequence[bytes]

    def atomic(self) -> Atomic:
        """Return the step; its reply is WRITTEN, FENCED or BASE_GONE."""
        clear = self.clear_prefixes or (b"", b"")
        pairs: list[Argument] = []
        for field, value in self.fields.items():
            pairs += (field, value)
        return Atomic(
            script=_PUT,
            keys=(self.keys.state, self.keys.writes, self.keys.lock),
            arguments=(
                self.fence,
                self.parent_id,
                self.checkpoint_id,
                self.head_field,
                int(self.newest_only),
                self.base_field,
                self.write_prefix,
                self.kept_write_prefix,
                *clear,
                self.ttl_ms,
                len(self.fields),
                *pairs,
                *self.gone,
            ),
            reads=(
                ("GET", self.keys.lock),
                ("HGET", self.keys.state, self.head_field),
                ("HKEYS", self.keys.state),
                ("HKEYS", self.keys.writes),
            ),
            decide=self._decide,
        )

    def _decide(self, reads: list[Any]) -> Decision:
        holder, head, state_fields, write_fields = reads
        if self.newest_only and head == self.checkpoint_id.encode():
            return Decision(WRITTEN)
        if self._overtaken(holder, head, state_fields):
            return Decision(FENCED)
        base_gone = (
            head is None if self.newest_only else self.base_field not in state_fields
        )
        if self.base_field and base_gone:
            return Decision(BASE_GONE)
        return Decision(WRITTEN, self._commands(state_fields, write_fields))

    def _overtaken(
        self, holder: bytes | None, head: bytes | None, state_fields: Sequence[bytes]
    ) -> bool:
        if self.fence and holder not in (None, self.fence.encode()):
            return True
        if self.parent_id and GONE in state_fields:
            return True
        return self.newest_only and head not in (None, self.parent_id.encode())

    def _commands(
        self, state_fields: Sequence[bytes], write_fields: Sequence[bytes]
    ) -> list[Command]:
        state, writes = self.keys.state, self.keys.writes
        flat = [part for pair in self.fields.items() for part in pair]
        commands: list[Command] = [("HSET", state, *flat)]
        gone = [GONE, *self.gone]
        if self.clear_prefixes:
            gone += [
                field
                for field in state_fields
                if field.startswith(self.clear_prefixes) and field not in self.fields
            ]
        commands.append(("HDEL", state, *gone))
        stale = [
            field
            for field in write_fields
            if self.newest_only
            and field.startswith(self.write_prefix)
            and not field.startswith(self.kept_write_prefix)
        ]
        if stale:
            commands.append(("HDEL", writes, *stale))
        commands.append(("PEXPIRE", state, self.ttl_ms))
        commands.append(("PEXPIRE", writes, self.ttl_ms))
        return commands


# KEYS: state, writes, aside, lock. ARGV: ttl of the mark.
_DELETE = Script("""
redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3])
if redis.call('EXISTS', KEYS[4]) == 1 then
  redis.pcall('HSET', KEYS[1], '@gone', '1')
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
return 1
""")


def delete(keys: ThreadKeys, *, ttl_ms: int) -> Atomic:
    """
    Return the step that removes a conversation.

    If a turn is running a mark stays for *ttl_ms*, so that the turn's write is refused
    and does not bring back what was deleted.
    """
    unlink: Command = ("UNLINK", keys.state, keys.writes, keys.aside)

    def decide(reads: list[Any]) -> Decision:
        if not reads[0]:
            return Decision(1, (unlink,))
        mark: Command = ("HSET", keys.state, GONE, "1")
        return Decision(1, (unlink, mark, ("PEXPIRE", keys.state, ttl_ms)))

    return Atomic(
        script=_DELETE,
        keys=(keys.state, keys.writes, keys.aside, keys.lock),
        arguments=(ttl_ms,),
        reads=(("EXISTS", keys.lock),),
        decide=decide,
    )


# KEYS: state, writes, aside. ARGV: field, bytes found damaged in it, ttl.
_SET_ASIDE = Script("""
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('RENAME', KEYS[1], KEYS[3])
redis.call('PEXPIRE', KEYS[3], ARGV[3])
redis.call('DEL', KEYS[2])
return 1
""")


def set_aside(keys: ThreadKeys, field: bytes, value: bytes, *, ttl_ms: int) -> Atomic:
    """
    Return the step that moves a damaged conversation out of the way.

    It replies 0 and does nothing when *field* no longer holds *value*: somebody has
    written a good one since.
    """

    def decide(reads: list[Any]) -> Decision:
        if reads[0] != value:
            return Decision(0)
        return Decision(
            1,
            (
                ("RENAME", keys.state, keys.aside),
                ("PEXPIRE", keys.aside, ttl_ms),
                ("DEL", keys.writes),
            ),
        )

    return Atomic(
        script=_SET_ASIDE,
        keys=(keys.state, keys.writes, keys.aside),
        arguments=(field, value, ttl_ms),
        reads=(("HGET", keys.state, field),),
        decide=decide,
    )
