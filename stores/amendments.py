"""A stored answer made shorter afterwards: what nobody heard was never said."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol, cast

from langgraph.checkpoint.base import Checkpoint, CheckpointMetadata
from langgraph.checkpoint.base.id import uuid6

from domain.conversations import Message
from domain.deadlines import Deadline
from domain.documents import Citation
from domain.errors import ConversationNotFound, MessageNotFound
from domain.ports import ConversationStore, TurnLease
from stores.messages import from_langchain, to_langchain

# The state channel that holds the messages of a chat.
_MESSAGES = "messages"


class Saver(Protocol):
    """What is needed of a LangGraph saver; those of this room have it."""

    async def aget_tuple(self, config: Any) -> Any:
        """Return the newest checkpoint or None."""
        ...

    async def aput(
        self, config: Any, checkpoint: Any, metadata: Any, new_versions: Any
    ) -> Any:
        """Write a checkpoint; refused when somebody else has the turn."""
        ...

    def get_next_version(self, current: Any, channel: None) -> Any:
        """Return the version after *current*."""
        ...


@dataclasses.dataclass(frozen=True, slots=True)
class Amendment:
    """What becomes of a message: new text and citations, *extra* on top of its own."""

    text: str
    citations: Sequence[Citation]
    extra: Mapping[str, object]

    def apply(self, message: Message) -> Message:
        """Return *message* as it will be stored."""
        return dataclasses.replace(
            message,
            text=self.text,
            citations=tuple(self.citations),
            extra={**message.extra, **self.extra},
        )


async def amend_message(
    store: ConversationStore,
    saver: Saver,
    tenant: str,
    conversation_id: str,
    message_id: str,
    *,
    amendment: Amendment,
    deadline: Deadline,
) -> Message:
    """
    Write one message anew, in a turn of its own.

    Raises:
        ConversationBusy: Too many turns wait already, or it took too long.
        ConversationNotFound, MessageNotFound: There is nothing to amend.
        LeaseLost: A newer turn took over.
    """
    summary = (await store.load_conversation(tenant, conversation_id)).summary
    async with store.turn(tenant, conversation_id, deadline=deadline) as lease:
        messages = await _rewrite(saver, lease, message_id, amendment)
        turns = sum(message.role == "user" for message in messages)
        lease.describe(title=summary.title, turns=turns)
    return next(message for message in messages if message.id == message_id)


async def _rewrite(
    saver: Saver, lease: TurnLease, message_id: str, amendment: Amendment
) -> list[Message]:
    config = {"configurable": {**lease.configurable, "checkpoint_ns": ""}}
    found = await saver.aget_tuple(config)
    if found is None:
        raise ConversationNotFound
    checkpoint = found.checkpoint
    stored = list(checkpoint["channel_values"].get(_MESSAGES, ()))
    messages = [from_langchain(entry) for entry in stored]
    places = [at for at, message in enumerate(messages) if message.id == message_id]
    if not places:
        raise MessageNotFound
    at = places[0]
    messages[at] = amendment.apply(messages[at])
    stored[at] = to_langchain(messages[at])
    versions = dict(checkpoint["channel_versions"])
    versions[_MESSAGES] = saver.get_next_version(versions.get(_MESSAGES), None)
    amended = {
        **checkpoint,
        "id": str(uuid6(clock_seq=-2)),
        "ts": datetime.now(UTC).isoformat(),
        "channel_values": {**checkpoint["channel_values"], _MESSAGES: stored},
        "channel_versions": versions,
    }
    step = int(found.metadata.get("step", 0)) + 1
    metadata: CheckpointMetadata = {"source": "update", "step": step, "parents": {}}
    parent = found.config["configurable"].get("checkpoint_id")
    await saver.aput(
        {"configurable": {**config["configurable"], "checkpoint_id": parent}},
        cast("Checkpoint", amended),
        metadata,
        {_MESSAGES: versions[_MESSAGES]},
    )
    return messages
