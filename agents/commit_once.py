"""A saver that lets nothing through until a turn says that it is whole."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, Final

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)

COMMIT_KEY: Final = "__commit"
"""Entry of `configurable` that holds the turn's `Commit`; private, never stored."""


class Commit:
    """Becomes ready when question and answer stand in the state together."""

    __slots__ = ("ready",)

    def __init__(self) -> None:
        self.ready = False


class CommitOnce(BaseCheckpointSaver[Any]):
    """
    Passes everything on to *saver*, but writes only for a turn whose `Commit` is ready.

    LangGraph saves a checkpoint when a run ends, however it ends: a failed or cancelled
    turn would leave its question, or an empty conversation, behind.
    """

    def __init__(self, saver: BaseCheckpointSaver[Any]) -> None:
        super().__init__(serde=saver.serde)
        self._saver = saver

    @property
    def config_specs(self) -> list[Any]:
        """Return what the inner saver wants configured."""
        return self._saver.config_specs

    def get_next_version(self, current: Any, channel: None) -> Any:
        """Return the inner saver's next version."""
        return self._saver.get_next_version(current, channel)

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Read through."""
        return self._saver.get_tuple(config)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Read through."""
        return await self._saver.aget_tuple(config)

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - LangGraph's name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """Read through."""
        return self._saver.list(config, filter=filter, before=before, limit=limit)

    def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - LangGraph's name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Read through."""
        return self._saver.alist(config, filter=filter, before=before, limit=limit)

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Write when the turn is whole, else leave the store as it was."""
        if not _is_ready(config):
            return config
        return await self._saver.aput(config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Write when the turn is whole, else leave the store as it was."""
        if _is_ready(config):
            await self._saver.aput_writes(config, writes, task_id, task_path)


def _is_ready(config: RunnableConfig) -> bool:
    commit = config.get("configurable", {}).get(COMMIT_KEY)
    return isinstance(commit, Commit) and commit.ready
