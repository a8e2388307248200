"""An idempotency store in plain dictionaries, for tests of what stands in front."""

from __future__ import annotations

from domain.errors import IdempotencyKeyReused, TurnStillRunning
from domain.ports import StoredReply


class FakeIdempotencyStore:
    """Claims and answers that last as long as this object."""

    def __init__(self) -> None:
        self.running: dict[tuple[str, str, str], str] = {}
        self.kept: dict[tuple[str, str, str], tuple[str, StoredReply]] = {}

    async def begin(
        self, tenant: str, route: str, key: str, *, fingerprint: str
    ) -> StoredReply | None:
        name = (tenant, route, key)
        first = self.running.get(name) or self.kept.get(name, (None,))[0]
        if first is not None and first != fingerprint:
            raise IdempotencyKeyReused
        if name in self.running:
            raise TurnStillRunning(retry_after_seconds=2.0)
        if name in self.kept:
            return self.kept[name][1]
        self.running[name] = fingerprint
        return None

    async def finish(
        self, tenant: str, route: str, key: str, *, reply: StoredReply
    ) -> None:
        fingerprint = self.running.pop((tenant, route, key), None)
        if fingerprint is not None:
            self.kept[tenant, route, key] = (fingerprint, reply)

    async def abandon(self, tenant: str, route: str, key: str) -> None:
        self.running.pop((tenant, route, key), None)

    async def forget_conversation(self, tenant: str, conversation_id: str) -> None:
        for name, (_, reply) in list(self.kept.items()):
            if (name[0], reply.conversation_id) == (tenant, conversation_id):
                del self.kept[name]
