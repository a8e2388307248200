"""The same state on a cluster of three nodes and behind Sentinel."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from langgraph.checkpoint.conformance import checkpointer_test, validate

from config import Settings
from domain.errors import AppError
from stores.checkpoints import RedisCheckpointer
from stores.conversations import RedisConversationStore
from stores.redis_client import RedisConnection
from tests.fakes.conversations import Chat, turns_of
from tests.fakes.redis_server import RedisServer, find_redis_server, free_port
from utils.checkpointer import build_state

SLOTS = 16_384


@pytest.fixture(scope="module")
def cluster_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ExitStack() as stack:
        nodes = [
            stack.enter_context(
                RedisServer(
                    tmp_path_factory.mktemp(f"node{number}"),
                    options=(
                        "--cluster-enabled",
                        "yes",
                        "--cluster-port",
                        str(free_port()),
                    ),
                )
            )
            for number in range(3)
        ]
        share = SLOTS // 3 + 1
        for number, node in enumerate(nodes):
            last = min(SLOTS, (number + 1) * share) - 1
            node.command("CLUSTER", "ADDSLOTSRANGE", str(number * share), str(last))
            bus = nodes[0].options[3]
            node.command("CLUSTER", "MEET", "127.0.0.1", str(nodes[0].port), bus)
        until = time.monotonic() + 30
        while not all(
            b"cluster_state:ok" in node.command("CLUSTER", "INFO")
            and b"cluster_known_nodes:3" in node.command("CLUSTER", "INFO")
            for node in nodes
        ):
            assert time.monotonic() < until, "the cluster did not form"
            time.sleep(0.1)
        yield nodes[0].url


@pytest.mark.parametrize("scripting", [True, False])
def test_the_public_suite_passes_on_a_cluster(
    cluster_url: str, scripting: bool
) -> None:
    connection = RedisConnection(url=cluster_url, cluster=True)

    @checkpointer_test(name=f"cluster-{scripting}")
    async def build() -> AsyncIterator[RedisCheckpointer]:
        yield RedisCheckpointer(
            connection, prefix="t" + uuid4().hex, history=None, scripting=scripting
        )

    async def run() -> dict[str, Any]:
        try:
            report = await validate(build)
        finally:
            await connection.aclose()
        results: dict[str, Any] = report.to_dict()["results"]
        return results

    results = asyncio.run(run())

    assert not [fault for result in results.values() for fault in result["failures"]]
    assert sum(result["tests_passed"] for result in results.values()) == 81


@pytest.mark.parametrize("scripting", [True, False])
async def test_conversations_live_on_a_cluster(
    cluster_url: str, scripting: bool
) -> None:
    connection = RedisConnection(url=cluster_url, cluster=True)
    prefix = "t" + uuid4().hex
    saver = RedisCheckpointer(connection, prefix=prefix, scripting=scripting)
    store = RedisConversationStore(saver.runner, saver, prefix=prefix)
    chat = Chat(store, saver)
    names = [f"c{number}" for number in range(6)]
    await asyncio.gather(*(chat.ask("one", conversation=name) for name in names))
    await asyncio.gather(*(chat.ask("two", conversation=name) for name in names))

    for name in names:
        assert await chat.texts(conversation=name) == turns_of("one", "two")
    page = await store.list_conversations("acme", limit=10)
    assert {line.id for line in page.items} == set(names)
    await store.rename_conversation("acme", "c0", title="Mine")
    await store.delete_conversation("acme", "c1")
    page = await store.list_conversations("acme", limit=10)
    assert len(page.items) == 5
    sync = await asyncio.to_thread(
        saver.get_tuple, {"configurable": {"thread_id": "acme/c0"}}
    )
    assert sync is not None
    await connection.aclose()
    connection.close()


@pytest.mark.timeout(120)
async def test_a_failover_behind_sentinel_keeps_what_was_answered(
    tmp_path: Path,
) -> None:
    with ExitStack() as stack:
        primary = stack.enter_context(RedisServer(tmp_path / "primary"))
        replica = stack.enter_context(
            RedisServer(
                tmp_path / "replica",
                options=("--replicaof", "127.0.0.1", str(primary.port)),
            )
        )
        port = free_port()
        config = tmp_path / "sentinel.conf"
        config.write_text(
            f"port {port}\nbind 127.0.0.1\ndir {tmp_path}\n"
            f"sentinel monitor main 127.0.0.1 {primary.port} 1\n"
            "sentinel down-after-milliseconds main 1000\n"
            "sentinel failover-timeout main 5000\n"
        )
        sentinel = start_sentinel(config)
        stack.callback(sentinel.wait)
        stack.callback(sentinel.kill)
        await _until(lambda: b"role:slave" in replica.command("INFO", "replication"))
        await _until(
            lambda: b"master_link_status:up" in replica.command("INFO", "replication")
        )
        settings = Settings(
            _env_file=None,
            redis_sentinel=f"127.0.0.1:{port}/main",
            data_dir=tmp_path / "data",
        )
        state = build_state(settings)
        chat = Chat(state.conversations, state.checkpointer)
        await _until_async(state.start)
        outage = state.conversations._outage  # type: ignore[attr-defined]
        await _until(lambda: state.mode() == "ok" and not outage.unsettled)
        await chat.ask("one")
        await _until(lambda: b"acme" in replica.command("KEYS", "*"))

        primary.kill()
        lease = await chat.ask("two")
        assert lease.degraded == ("state",)
        await _until(lambda: state.mode() == "ok" and not outage.unsettled, seconds=60)
        lease = await chat.ask("three")
        assert lease.degraded == ()
        assert await chat.texts() == turns_of("one", "two", "three")
        await state.close()


def start_sentinel(config: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [find_redis_server(), str(config), "--sentinel"], stdout=subprocess.DEVNULL
    )


async def _until(condition: Any, *, seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never happened"
        await asyncio.sleep(0.1)


async def _until_async(call: Any) -> None:
    try:
        await call()
    except AppError:
        await asyncio.sleep(1)
        await call()
