"""One turn for one Idempotency-Key, however often the request is sent."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import orjson

from api.v1.ids import derive_message_id, new_message_id
from domain.ports import IdempotencyStore, StoredReply


def fingerprint(*parts: object) -> str:
    """Return a digest of JSON values in which the order of names does not count."""
    encoded = orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(encoded).hexdigest()


@dataclass(slots=True)
class Claim:
    """
    The right to run the turn of a key, and the duty to say how it ended.

    Without a key it allows everything and keeps nothing.

    Args:
        key: Idempotency-Key of the request, or None.
        digest: Fingerprint of what was asked.
    """

    store: IdempotencyStore
    tenant: str
    route: str
    key: str | None
    digest: str
    _held: bool = field(default=False, init=False)

    async def begin(self) -> StoredReply | None:
        """
        Claim the key, or return the reply it has.

        Raises:
            TurnStillRunning: Its first request has not ended.
            IdempotencyKeyReused: It belongs to another body.
        """
        if self.key is None:
            return None
        reply = await self.store.begin(
            self.tenant, self.route, self.key, fingerprint=self.digest
        )
        self._held = reply is None
        return reply

    async def finish(self, reply: StoredReply) -> None:
        """Keep *reply*; from now on the key replays it."""
        if self._held and self.key is not None:
            await self.store.finish(self.tenant, self.route, self.key, reply=reply)
            self._held = False

    async def abandon(self) -> None:
        """Free the key unless a reply was kept; only successes are replayed."""
        if self._held and self.key is not None:
            self._held = False
            await self.store.abandon(self.tenant, self.route, self.key)

    def message_ids(self, conversation_id: str) -> tuple[str, str]:
        """Return ids for question and answer; a retry of a key gets the same ones."""
        if self.key is None:
            return new_message_id(), new_message_id()
        parts = (self.tenant, self.route, conversation_id, self.key, self.digest)
        return (
            derive_message_id("question", *parts),
            derive_message_id("answer", *parts),
        )
