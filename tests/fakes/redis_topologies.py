"""A Redis Cluster and a primary watched by a Sentinel, on loopback."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.fakes.fault_stage import wait_until
from tests.fakes.redis_server import RedisServer, free_port

SLOTS = 16_384


@contextlib.contextmanager
def running_cluster(folder: Path, *, size: int = 3) -> Iterator[list[RedisServer]]:
    """Give the nodes of a cluster that serves every slot."""
    with contextlib.ExitStack() as stack:
        nodes = []
        for number in range(size):
            bus = str(free_port())
            options = (
                *("--cluster-enabled", "yes", "--cluster-port", bus),
                *("--cluster-node-timeout", "2000"),
            )
            node = RedisServer(folder / f"node{number}", options=options)
            nodes.append(stack.enter_context(node))
        share = SLOTS // size + 1
        for number, node in enumerate(nodes):
            last = min(SLOTS, (number + 1) * share) - 1
            node.command("CLUSTER", "ADDSLOTSRANGE", str(number * share), str(last))
            first = nodes[0]
            node.command(
                "CLUSTER", "MEET", "127.0.0.1", str(first.port), first.options[3]
            )
        wait_until(lambda: all(_is_whole(node, size) for node in nodes), seconds=60)
        yield nodes


def _is_whole(node: RedisServer, size: int) -> bool:
    told = node.command("CLUSTER", "INFO")
    return b"cluster_state:ok" in told and b"known_nodes:%d" % size in told


@dataclass
class Watched:
    """A primary, its replica, and the Sentinel that changes their parts."""

    servers: list[RedisServer]
    sentinel: RedisServer

    @property
    def setting(self) -> str:
        """Value of `REDIS_SENTINEL`."""
        return f"127.0.0.1:{self.sentinel.port}/main"

    def primary(self) -> RedisServer:
        """Return the server that the Sentinel names now."""
        told = self.sentinel.command(
            "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main"
        ).split()
        return next(one for one in self.servers if str(one.port).encode() in told)


@contextlib.contextmanager
def running_sentinel(folder: Path) -> Iterator[Watched]:
    """Give a primary with a replica; who dies is replaced after a second."""
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(RedisServer(folder / "first"))
        second = stack.enter_context(
            RedisServer(
                folder / "second",
                options=("--replicaof", "127.0.0.1", str(first.port)),
            )
        )
        wait_until(
            lambda: b"master_link_status:up" in second.command("INFO", "replication")
        )
        port = free_port()
        config = folder / "sentinel.conf"
        config.write_text(
            f"sentinel monitor main 127.0.0.1 {first.port} 1\n"
            "sentinel down-after-milliseconds main 1000\n"
            "sentinel failover-timeout main 5000\n"
        )
        sentinel = stack.enter_context(
            RedisServer(folder / "sentinel", port=port, config=config)
        )
        watched = Watched([first, second], sentinel)
        wait_until(
            lambda: (
                b"slave0:" in first.command("INFO", "replication")
                and str(second.port).encode()
                in sentinel.command("SENTINEL", "REPLICAS", "main")
            )
        )
        yield watched
