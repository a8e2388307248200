"""Conversations in Redis as their owner sees them: turns, list, messages, title."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from domain.conversations import (
    Conversation,
    ConversationSummary,
    ItemPage,
    Message,
    StateMode,
)
from domain.deadlines import Deadline
from domain.documents import Citation
from domain.errors import BadRequest, ConversationNotFound
from domain.ports import TurnLease
from stores.amendments import Amendment, Saver, amend_message
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
from stores.checkpoint_steps import Atomic, Decision, Plan, Runner, Script
from stores.leases import Lease, hold, new_token, thread_id_of
from stores.leases_redis import RedisLeases
from stores.messages import from_langchain

# The state channel that holds the messages of a chat.
MESSAGES = "messages"

_LINE_FIELDS = (OWNER, TITLE, TURNS, UPDATED)


class Checkpoints(Saver, Protocol):
    """What is needed of a LangGraph saver; `stores.checkpoints` has it."""

    async def adelete_thread(self, thread_id: str) -> None:
        """Remove a conversation."""
        ...


class RedisConversationStore:
    """
    Satisfies `domain.ports.ConversationStore` on one Redis.

    Args:
        runner: Carries commands out; the saver's own.
        checkpoints: Where the messages are.
        mode: What `mode()` says while Redis answers.
        available: Whether Redis answered lately; no I/O.
    """

    def __init__(
        self,
        runner: Runner,
        checkpoints: Checkpoints,
        *,
        prefix: str = "tanya",
        ttl_seconds: int = 86_400,
        mode: StateMode = "ok",
        available: Callable[[], bool] = lambda: True,
    ) -> None:
        self._runner = runner
        self._checkpoints = checkpoints
        self._keys = KeySpace(prefix)
        self._ttl_seconds = ttl_seconds
        self._mode = mode
        self._available = available
        self.leases = RedisLeases(runner, self._keys, ttl_seconds=ttl_seconds)

    @asynccontextmanager
    async def turn(
        self, tenant: str, conversation_id: str, *, deadline: Deadline
    ) -> AsyncIterator[TurnLease]:
        """Wait in line for a turn; see the port."""
        lease = Lease(tenant, conversation_id, new_token())
        async with hold(self.leases, lease, deadline=deadline):
            yield lease

    async def list_conversations(
        self, tenant: str, *, limit: int, cursor: str | None = None
    ) -> ItemPage[ConversationSummary]:
        """Return a page, newest first. Raises `BadRequest` on a foreign cursor."""
        place = read_cursor(tenant, cursor) if cursor else None
        return await self._runner.arun(self._list(tenant, limit, place))

    async def load_conversation(
        self, tenant: str, conversation_id: str
    ) -> Conversation:
        """Return it with its messages. Raises `ConversationNotFound`."""
        thread_id = thread_id_of(tenant, conversation_id)
        messages = await load_messages(self._checkpoints, tenant, thread_id)
        if messages is None:
            raise ConversationNotFound
        summary = await self._runner.arun(self._summary(tenant, conversation_id))
        if summary is None:
            summary = summarize(conversation_id, messages, ttl=self._ttl_seconds)
        return Conversation(summary=summary, messages=tuple(messages))

    async def rename_conversation(
        self, tenant: str, conversation_id: str, *, title: str
    ) -> ConversationSummary:
        """Give it a title that later turns keep. Raises `ConversationNotFound`."""
        keys = self._keys.thread(thread_id_of(tenant, conversation_id))
        if not await self._runner.arun(_rename(keys, title)):
            raise ConversationNotFound
        summary = await self._runner.arun(self._summary(tenant, conversation_id))
        if summary is None:
            raise ConversationNotFound
        return summary

    async def delete_conversation(self, tenant: str, conversation_id: str) -> None:
        """Remove it from every store. Raises `ConversationNotFound`."""
        thread_id = thread_id_of(tenant, conversation_id)
        self.leases.gaps.forget(thread_id)
        existed = await self._runner.arun(self._unlist(tenant, conversation_id))
        await self._checkpoints.adelete_thread(thread_id)
        if not existed:
            raise ConversationNotFound

    async def amend_message(
        self,
        tenant: str,
        conversation_id: str,
        message_id: str,
        *,
        text: str,
        citations: Sequence[Citation],
        extra: Mapping[str, object],
        deadline: Deadline,
    ) -> Message:
        """Write one stored message anew, between turns; see the port."""
        return await amend_message(
            self,
            self._checkpoints,
            tenant,
            conversation_id,
            message_id,
            amendment=Amendment(text, citations, extra),
            deadline=deadline,
        )

    def mode(self) -> StateMode:
        """Return which store is in use, without I/O."""
        return self._mode if self._available() else "unavailable"

    def _list(
        self, tenant: str, limit: int, place: Place | None
    ) -> Plan[ItemPage[ConversationSummary]]:
        index = self._keys.index(tenant)
        found: list[tuple[Place, ConversationSummary]] = []
        gone: list[str] = []
        more = True
        while more and len(found) <= limit:
            wanted = limit + 1 - len(found)
            top = "+inf" if place is None else repr(place.score)
            # Some share the last score: ask for as many more as were seen with it.
            skip = place.seen if place else 0
            (entries,) = yield (
                (
                    *("ZREVRANGEBYSCORE", index, top, "-inf", "WITHSCORES"),
                    *("LIMIT", skip, wanted),
                ),
            )
            members = _read_entries(entries)
            more = len(members) == wanted
            if not members:
                break
            lines = yield tuple(
                ("HMGET", self._state(tenant, member), *_LINE_FIELDS)
                for member, _ in members
            )
            for (member, score), line in zip(members, lines, strict=True):
                seen = place.seen + 1 if place and place.score == score else 1
                place = Place(score, seen)
                summary = read_line(tenant, member, line, ttl=self._ttl_seconds)
                if summary is None:
                    gone.append(member)
                else:
                    found.append((place, summary))
        if gone:
            yield (("ZREM", index, *gone),)
        next_cursor = None
        if len(found) > limit:
            last = found[limit - 1][0]
            next_cursor = write_cursor(tenant, last)
        items = tuple(summary for _, summary in found[:limit])
        return ItemPage(items=items, next_cursor=next_cursor)

    def _summary(
        self, tenant: str, conversation_id: str
    ) -> Plan[ConversationSummary | None]:
        state = self._state(tenant, conversation_id)
        (line,) = yield (("HMGET", state, *_LINE_FIELDS),)
        return read_line(tenant, conversation_id, line, ttl=self._ttl_seconds)

    def _unlist(self, tenant: str, conversation_id: str) -> Plan[bool]:
        state = self._state(tenant, conversation_id)
        existed, _ = yield (
            ("HEXISTS", state, HEAD),
            ("ZREM", self._keys.index(tenant), conversation_id),
        )
        return bool(existed)

    def _state(self, tenant: str, conversation_id: str) -> bytes:
        return self._keys.thread(thread_id_of(tenant, conversation_id)).state


@dataclass(frozen=True, slots=True)
class Place:
    """How far a list was read: the last score, and how many with it were seen."""

    score: float
    seen: int


def write_cursor(tenant: str, place: Place) -> str:
    """Return *place* as an opaque text that only *tenant* can use."""
    body = json.dumps([_mark(tenant), place.score, place.seen]).encode()
    return base64.urlsafe_b64encode(body).decode().rstrip("=")


def read_cursor(tenant: str, cursor: str) -> Place:
    """Return the place in *cursor*. Raises `BadRequest` when it is not ours."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        mark, score, seen = json.loads(base64.urlsafe_b64decode(padded))
        place = Place(float(score), int(seen))
    except (binascii.Error, ValueError, TypeError, OverflowError, RecursionError):
        raise BadRequest("The cursor is not one of this list.") from None
    if mark != _mark(tenant) or not 0 <= place.seen <= 1_000_000:
        raise BadRequest("The cursor is not one of this list.")
    return place


async def load_messages(
    checkpoints: Checkpoints, tenant: str, thread_id: str
) -> list[Message] | None:
    """Return the messages of a conversation, oldest first; None when it is unknown."""
    # A look is not a turn: it does not prolong the conversation's life.
    found = await checkpoints.aget_tuple(
        {
            "configurable": {
                "thread_id": thread_id,
                "checkpoint_ns": "",
                "__owner": tenant,
                "__peek": True,
            }
        }
    )
    if found is None:
        return None
    values: Mapping[str, Any] = found.checkpoint["channel_values"]
    return [from_langchain(entry) for entry in values.get(MESSAGES, ())]


def summarize(
    conversation_id: str, messages: Sequence[Message], *, ttl: float
) -> ConversationSummary:
    """Return the line of a conversation whose own line is missing."""
    questions = [message for message in messages if message.role == "user"]
    updated = max((message.created_at for message in messages), default=0.0)
    return ConversationSummary(
        id=conversation_id,
        title=questions[0].text[:80] if questions else conversation_id,
        turns=len(questions),
        updated_at=updated,
        expires_at=updated + ttl,
    )


def read_line(
    tenant: str, conversation_id: str, line: Sequence[bytes | None], *, ttl: float
) -> ConversationSummary | None:
    """Return what the fields of a line say; None when it is gone or another's."""
    owner, title, turns, updated = line
    if owner != tenant.encode() or updated is None or turns is None:
        return None
    at = float(updated)
    return ConversationSummary(
        id=conversation_id,
        title=(title or b"").decode("utf-8", "replace"),
        turns=int(turns),
        updated_at=at,
        expires_at=at + ttl,
    )


_RENAME = Script("""
if redis.call('HEXISTS', KEYS[1], '@at') == 0 then return 0 end
redis.call('HSET', KEYS[1], '@title', ARGV[1], '@named', '1')
return 1
""")


def _rename(keys: ThreadKeys, title: str) -> Plan[bool]:
    def decide(reads: list[Any]) -> Decision:
        if not reads[0]:
            return Decision(0)
        return Decision(1, (("HSET", keys.state, TITLE, title, RENAMED, "1"),))

    (renamed,) = yield (
        Atomic(
            script=_RENAME,
            keys=(keys.state,),
            arguments=(title,),
            reads=(("HEXISTS", keys.state, UPDATED),),
            decide=decide,
        ),
    )
    return bool(renamed)


def _read_entries(entries: Sequence[Any]) -> list[tuple[str, float]]:
    # RESP3 answers pairs, RESP2 a flat list; redis-py makes pairs of both.
    return [(member.decode(), float(score)) for member, score in entries]


def _mark(tenant: str) -> str:
    return hashlib.sha256(tenant.encode()).hexdigest()[:12]
