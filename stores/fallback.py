"""A LangGraph saver that goes on from a file while Redis is away."""

from __future__ import annotations

import copy
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Generator,
    Iterator,
    Sequence,
)
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)

from domain.errors import StateCorrupt, StateUnavailable
from stores.checkpoint_records import Address
from stores.checkpoints import RedisCheckpointer
from stores.fallback_checkpoints import FileCheckpointer
from stores.fallback_lines import FileLines
from stores.fallback_outage import Outage
from stores.redis_client import RETRY_AFTER_SECONDS

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Call:
    """One call in both its forms; a driver picks one."""

    sync: Callable[[], Any]
    asynchronous: Callable[[], Awaitable[Any]]


_Steps: TypeAlias = Generator[_Call, Any, Result]


class FallbackCheckpointer(BaseCheckpointSaver[int]):
    """
    Writes to *primary*; to *file* when Redis does not answer, and then says so.

    A turn whose model was paid is never lost to an outage. What the file has from an
    outage is carried back by `stores.fallback_recovery`.

    Args:
        lines: What the file knows of conversations: one that exists and cannot be read
            is an error, never an empty conversation.
        outage: Told what went where.
    """

    def __init__(
        self,
        primary: RedisCheckpointer,
        file: FileCheckpointer,
        *,
        lines: FileLines,
        outage: Outage,
    ) -> None:
        super().__init__(serde=primary.serde)
        self.primary = primary
        self.file = file
        self._lines = lines
        self._outage = outage

    def get_next_version(self, current: Any, channel: None) -> int:
        """Return a version above *current* that no other branch will have."""
        return self.primary.get_next_version(current, channel)

    def with_allowlist(
        self, extra_allowlist: Collection[tuple[str, ...]]
    ) -> BaseCheckpointSaver[int]:
        """Return a clone whose savers also build *extra_allowlist*."""
        clone = copy.copy(self)
        for name in ("primary", "file"):
            inner = getattr(self, name).with_allowlist(extra_allowlist)
            setattr(clone, name, inner)
        clone.serde = clone.primary.serde
        return clone

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the newest checkpoint, from Redis or from what is at hand."""
        return _run(self._get(config))

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the newest checkpoint, from Redis or from what is at hand."""
        return await _arun(self._get(config))

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store *checkpoint*, in Redis or in the file."""
        return _run(self._put(config, checkpoint, metadata, new_versions))

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store *checkpoint*, in Redis or in the file."""
        return await _arun(self._put(config, checkpoint, metadata, new_versions))

    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Store the results of one task, in Redis or in the file."""
        _run(self._put_writes(config, writes, task_id, task_path))

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Store the results of one task, in Redis or in the file."""
        await _arun(self._put_writes(config, writes, task_id, task_path))

    def list(
        self, config: RunnableConfig | None, **options: Any
    ) -> Iterator[CheckpointTuple]:
        """Yield the checkpoints that Redis has."""
        return self.primary.list(config, **options)

    def alist(
        self, config: RunnableConfig | None, **options: Any
    ) -> AsyncIterator[CheckpointTuple]:
        """Yield the checkpoints that Redis has."""
        return self.primary.alist(config, **options)

    def delete_thread(self, thread_id: str) -> None:
        """Remove a conversation everywhere. Raises `StateUnavailable` in an outage."""
        self.primary.delete_thread(thread_id)
        self.file.delete_thread(thread_id)

    async def adelete_thread(self, thread_id: str) -> None:
        """Remove a conversation everywhere. Raises `StateUnavailable` in an outage."""
        await self.primary.adelete_thread(thread_id)
        await self.file.adelete_thread(thread_id)

    async def aread_local(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the newest checkpoint at hand, without asking Redis."""
        return await self.file.file.run(self._read_local, Address.read(config))

    def _get(self, config: RunnableConfig) -> _Steps[CheckpointTuple | None]:
        address = Address.read(config)
        if self._goes_to_redis(address):
            try:
                found: CheckpointTuple | None = yield _Call(
                    lambda: self.primary.get_tuple(config),
                    lambda: self.primary.aget_tuple(config),
                )
            except StateCorrupt:
                raise
            except StateUnavailable:
                self._outage.noticed()
            else:
                return found
        self._outage.degrade(address.fence)
        local: CheckpointTuple | None = yield _Call(
            lambda: self._read_local(address),
            lambda: self.file.file.run(self._read_local, address),
        )
        return local

    def _read_local(self, address: Address) -> CheckpointTuple | None:
        """
        Return the newest of what the file and this worker's memory have.

        Raises:
            StateUnavailable: It exists, or may exist, and cannot be read.
        """
        line = self._lines.find_line(address.thread_id)
        if line is not None and line.deleted:
            return None
        row = self.file.find_row(address)
        remembered = None
        if line is None or not line.wipe:
            remembered = self.primary.recall(address.thread_id, address.namespace)
        if row is not None and (
            remembered is None or remembered.checkpoint["id"] <= row.checkpoint_id
        ):
            return row.found
        if remembered is not None:
            return remembered
        if address.namespace == "" and (
            address.peek or (line is not None and not line.wipe)
        ):
            raise StateUnavailable(retry_after_seconds=RETRY_AFTER_SECONDS)
        return None

    def _put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> _Steps[RunnableConfig]:
        address = Address.read(config)
        arguments = (config, checkpoint, metadata, new_versions)
        stored: RunnableConfig
        if self._goes_to_redis(address):
            try:
                stored = yield _Call(
                    lambda: self.primary.put(*arguments),
                    lambda: self.primary.aput(*arguments),
                )
            except StateUnavailable:
                # Away or full: the answer exists, so it is kept here.
                self._outage.noticed()
            else:
                return stored
        self._outage.degrade(address.fence)
        stored = yield _Call(
            lambda: self.file.put(*arguments), lambda: self.file.aput(*arguments)
        )
        return stored

    def _put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str,
    ) -> _Steps[None]:
        address = Address.read(config)
        arguments = (config, writes, task_id, task_path)
        if self._goes_to_redis(address):
            try:
                yield _Call(
                    lambda: self.primary.put_writes(*arguments),
                    lambda: self.primary.aput_writes(*arguments),
                )
            except StateUnavailable:
                self._outage.noticed()
            else:
                return
        self._outage.degrade(address.fence)
        yield _Call(
            lambda: self.file.put_writes(*arguments),
            lambda: self.file.aput_writes(*arguments),
        )

    def _goes_to_redis(self, address: Address) -> bool:
        return not self._outage.is_local(address.fence) and self._outage.usable()


class LocalCheckpoints:
    """The view of a `FallbackCheckpointer` during an outage."""

    def __init__(self, saver: FallbackCheckpointer) -> None:
        self._saver = saver

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the newest checkpoint at hand."""
        return await self._saver.aread_local(config)

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Write a checkpoint into the file."""
        return await self._saver.file.aput(config, checkpoint, metadata, new_versions)

    def get_next_version(self, current: int | None, channel: None) -> int:
        """Return the version after *current*."""
        return self._saver.file.get_next_version(current, channel)

    async def adelete_thread(self, thread_id: str) -> None:
        """Remove what the file and this worker's memory have."""
        self._saver.primary.layout.cache.forget(thread_id)
        await self._saver.file.adelete_thread(thread_id)


def _run(steps: _Steps[Result]) -> Result:
    send: Callable[[], _Call] = lambda: next(steps)  # noqa: E731 - rebound below
    while True:
        try:
            call = send()
        except StopIteration as stop:
            result: Result = stop.value
            return result
        try:
            reply = call.sync()
        except StateUnavailable as exc:
            send = _thrower(steps, exc)
        else:
            send = _sender(steps, reply)


async def _arun(steps: _Steps[Result]) -> Result:
    send: Callable[[], _Call] = lambda: next(steps)  # noqa: E731 - rebound below
    while True:
        try:
            call = send()
        except StopIteration as stop:
            result: Result = stop.value
            return result
        try:
            reply = await call.asynchronous()
        except StateUnavailable as exc:
            send = _thrower(steps, exc)
        else:
            send = _sender(steps, reply)


def _sender(steps: _Steps[Any], reply: object) -> Callable[[], _Call]:
    return lambda: steps.send(reply)


def _thrower(steps: _Steps[Any], error: Exception) -> Callable[[], _Call]:
    return lambda: steps.throw(error)
