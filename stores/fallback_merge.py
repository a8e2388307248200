"""Two branches of one conversation made one, without losing a message."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from langchain_core.messages import BaseMessage
from langgraph.checkpoint.base import Checkpoint
from langgraph.checkpoint.base.id import uuid6

from stores.messages import from_langchain

NextVersion = Callable[[Any, None], Any]


def merge_messages(ours: Sequence[Any], theirs: Sequence[Any]) -> list[Any]:
    """
    Return *ours*, then what only *theirs* has, each in its own order.

    Questions and answers stay pairs. A message both have stays as *ours* has it, unless
    *theirs* was cut to what was heard of it since.
    """
    known = {_id_of(message) for message in ours}
    cut = {_id_of(message): message for message in theirs if _is_interrupted(message)}
    return [
        *(
            message if _is_interrupted(message) else cut.get(_id_of(message), message)
            for message in ours
        ),
        *(
            message
            for message in theirs
            if (
                message not in ours
                if _id_of(message) is None
                else _id_of(message) not in known
            )
        ),
    ]


def merge_checkpoints(
    ours: Checkpoint, theirs: Checkpoint, next_version: NextVersion
) -> Checkpoint:
    """
    Return *ours* with the messages that only *theirs* has, under a new id.

    Lists of messages are united by message id; of everything else *ours* stays, and
    what only *theirs* has is added.
    """
    values = dict(ours["channel_values"])
    versions = dict(ours["channel_versions"])
    for name, value in theirs["channel_values"].items():
        own = values.get(name)
        if _is_messages(value) and (own is None or isinstance(own, list)):
            merged = merge_messages(own or [], value)
            if own is None or merged != own:
                values[name] = merged
                newest = max(
                    (
                        branch["channel_versions"].get(name)
                        for branch in (ours, theirs)
                        if branch["channel_versions"].get(name) is not None
                    ),
                    default=None,
                    key=_number,
                )
                versions[name] = next_version(newest, None)
        elif name not in values:
            values[name] = value
            if name in theirs["channel_versions"]:
                versions[name] = theirs["channel_versions"][name]
    merged_checkpoint = {
        **ours,
        "id": str(uuid6(clock_seq=-2)),
        "ts": datetime.now(UTC).isoformat(),
        "channel_values": values,
        "channel_versions": versions,
    }
    return cast("Checkpoint", merged_checkpoint)


def _number(version: Any) -> float:
    return float(version)


def _is_messages(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], BaseMessage)


def _is_interrupted(message: Any) -> bool:
    if not isinstance(message, BaseMessage) or message.id is None:
        return False
    return bool(from_langchain(message).extra.get("interrupted"))


def _id_of(message: Any) -> object:
    return getattr(message, "id", None)
