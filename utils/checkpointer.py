"""Settings to one place for conversations: Redis, an embedded Redis, or a file."""

from __future__ import annotations

import os
from dataclasses import dataclass

from langgraph.checkpoint.base import BaseCheckpointSaver

from config import Settings
from domain.conversations import StateMode
from domain.ports import ConversationStore
from stores.checkpoints import RedisCheckpointer
from stores.conversations import RedisConversationStore
from stores.redis_client import RedisConnection

__all__ = ["RedisCheckpointer", "State", "build_state"]

# Read by LangGraph when it is imported: beside our own strict serializer, so that a
# saver made elsewhere is strict as well.
os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")


@dataclass(slots=True)
class State:
    """Where conversations are; nothing connects before `start`."""

    checkpointer: BaseCheckpointSaver[int]
    conversations: ConversationStore
    connection: RedisConnection | None

    def mode(self) -> StateMode:
        """Return which store is in use, without I/O."""
        return self.conversations.mode()

    async def start(self) -> None:
        """Connect; called by the server's lifespan, after the fork."""

    async def close(self) -> None:
        """Disconnect."""
        if self.connection is not None:
            await self.connection.aclose()


def build_state(settings: Settings) -> State:
    """Return the state that *settings* describe."""
    password = settings.redis_password
    connection = RedisConnection(
        url=settings.redis_url,
        host=settings.redis_host,
        port=settings.redis_port,
        password=password.get_secret_value() if password else None,
        cluster=settings.redis_cluster,
        sentinel=settings.redis_sentinel,
    )
    saver = RedisCheckpointer(connection, ttl_seconds=settings.conversation_ttl)
    conversations = RedisConversationStore(
        saver.runner,
        saver,
        ttl_seconds=settings.conversation_ttl,
        available=connection.available,
    )
    return State(saver, conversations, connection)
