"""LangGraph's public suite, 81 tests, both ways of calling, with and without Lua."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointTuple
from langgraph.checkpoint.conformance import checkpointer_test, validate

from stores.checkpoints import RedisCheckpointer
from stores.redis_client import RedisConnection
from tests.fakes.redis_server import RedisServer

CAPABILITIES = {
    "put",
    "put_writes",
    "get_tuple",
    "list",
    "delete_thread",
    "delete_for_runs",
    "copy_thread",
    "prune",
}


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


class ThroughSync(RedisCheckpointer):
    """Sends the asynchronous calls of the suite through the synchronous methods."""

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return await asyncio.to_thread(self.get_tuple, config)

    async def aput(self, *args: Any) -> RunnableConfig:
        return await asyncio.to_thread(self.put, *args)

    async def aput_writes(self, *args: Any, **options: Any) -> None:
        await asyncio.to_thread(self.put_writes, *args, **options)

    async def alist(
        self, config: RunnableConfig | None, **options: Any
    ) -> AsyncIterator[CheckpointTuple]:
        for found in await asyncio.to_thread(lambda: [*self.list(config, **options)]):
            yield found

    async def adelete_thread(self, thread_id: str) -> None:
        await asyncio.to_thread(self.delete_thread, thread_id)

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        await asyncio.to_thread(self.delete_for_runs, run_ids)

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        await asyncio.to_thread(self.copy_thread, source_thread_id, target_thread_id)

    async def aprune(self, thread_ids: Sequence[str], **options: Any) -> None:
        await asyncio.to_thread(lambda: self.prune(thread_ids, **options))


@pytest.mark.parametrize("scripting", [True, False, None])
@pytest.mark.parametrize("kind", [RedisCheckpointer, ThroughSync])
def test_the_public_suite_passes_in_full(
    kind: type[RedisCheckpointer], scripting: bool | None, redis_server: RedisServer
) -> None:
    connection = RedisConnection(url=redis_server.url)

    @checkpointer_test(name=f"{kind.__name__}-{scripting}")
    async def build() -> AsyncIterator[RedisCheckpointer]:
        yield kind(
            connection, prefix="t" + uuid4().hex, history=None, scripting=scripting
        )

    async def run() -> dict[str, Any]:
        try:
            report = await validate(build)
        finally:
            await connection.aclose()
            connection.close()
        results: dict[str, Any] = report.to_dict()["results"]
        return results

    results = asyncio.run(run())

    assert {name for name, result in results.items() if result["detected"]} == (
        CAPABILITIES
    )
    assert not [fault for result in results.values() for fault in result["failures"]]
    assert sum(result["tests_passed"] for result in results.values()) == 81
