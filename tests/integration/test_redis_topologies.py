from __future__ import annotations

import asyncio
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from domain.errors import StateUnavailable, TurnStillRunning
from domain.ports import StoredReply
from stores.breaker import Breaker
from stores.idempotency import RedisIdempotencyStore
from stores.rate_limits import SharedRateLimiter
from stores.redis_client import RedisConnection
from tests.fakes.redis_server import RedisServer, free_port

SLOTS = 16_384
REPLY = StoredReply(200, {}, b"answer")


def _wait(what: str, check: object) -> None:
    assert callable(check)
    until = time.monotonic() + 30
    while not check():
        if time.monotonic() > until:
            pytest.fail(f"{what} took too long")
        time.sleep(0.05)


class Cluster:
    """Three primaries that share the slots."""

    def __init__(self, folder: Path) -> None:
        self.nodes = [
            RedisServer(
                folder / str(number),
                options=(
                    *("--cluster-enabled", "yes", "--cluster-node-timeout", "2000"),
                    *("--cluster-config-file", "nodes.conf"),
                    *("--cluster-port", str(free_port())),
                ),
            )
            for number in range(3)
        ]

    def join(self) -> None:
        for number, node in enumerate(self.nodes):
            first = SLOTS * number // 3
            last = SLOTS * (number + 1) // 3 - 1
            answer = node.command("CLUSTER", "ADDSLOTSRANGE", str(first), str(last))
            assert answer == b"+OK\r\n", answer
            node.command("CLUSTER", "SET-CONFIG-EPOCH", str(number + 1))
        for node in self.nodes[1:]:
            port = node.options[node.options.index("--cluster-port") + 1]
            self.nodes[0].command(
                "CLUSTER", "MEET", "127.0.0.1", str(node.port), str(port)
            )
        _wait("the cluster", self.whole)

    def whole(self) -> bool:
        return all(
            b"cluster_state:ok" in answer and b"cluster_known_nodes:3" in answer
            for answer in (node.command("CLUSTER", "INFO") for node in self.nodes)
        )


@contextmanager
def _run_cluster(folder: Path) -> Iterator[Cluster]:
    made = Cluster(folder)
    with ExitStack() as stack:
        for node in made.nodes:
            stack.enter_context(node)
        made.join()
        yield made


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with _run_cluster(Path(tmp_path_factory.mktemp("cluster"))) as running:
        yield running


class Sentinels:
    """A primary, a replica, and three who watch them."""

    name = "primary"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.primary = RedisServer(folder / "primary")
        self.replica = RedisServer(folder / "replica")
        self.watchers: list[RedisServer] = []

    def watch(self, stack: ExitStack) -> None:
        stack.enter_context(self.primary)
        stack.enter_context(self.replica)
        self.replica.command("REPLICAOF", "127.0.0.1", str(self.primary.port))
        for number in range(3):
            folder = self.folder / f"sentinel{number}"
            folder.mkdir()
            config = folder / "sentinel.conf"
            config.write_text(
                f"sentinel monitor {self.name} 127.0.0.1 {self.primary.port} 2\n"
                f"sentinel down-after-milliseconds {self.name} 1000\n"
                f"sentinel failover-timeout {self.name} 5000\n"
            )
            watcher = RedisServer(folder, config=config)
            self.watchers.append(stack.enter_context(watcher))
        _wait("the sentinels", self.ready)

    def ready(self) -> bool:
        if b"master_link_status:up" not in self.replica.command("INFO", "replication"):
            return False
        return all(
            b"slaves=1,sentinels=3" in watcher.command("INFO", "sentinel")
            for watcher in self.watchers
        )

    def replicated(self) -> bool:
        return b"$1\r\nv\r\n" in self.replica.command("GET", "k")

    @property
    def setting(self) -> str:
        hosts = ",".join(f"127.0.0.1:{one.port}" for one in self.watchers)
        return f"{hosts}/{self.name}"


@pytest.fixture
def sentinels(tmp_path: Path) -> Iterator[Sentinels]:
    made = Sentinels(tmp_path)
    with ExitStack() as stack:
        made.watch(stack)
        yield made


@pytest.fixture
async def in_cluster(cluster: Cluster) -> AsyncIterator[RedisConnection]:
    made = RedisConnection(url=cluster.nodes[1].url, cluster=True, timeout_seconds=5)
    yield made
    await made.aclose()
    made.close()


async def test_a_cluster_takes_keys_of_every_slot(in_cluster: RedisConnection) -> None:
    async with in_cluster.use() as redis:
        for number in range(100):
            await redis.set(f"k{number}", str(number))
        answers = [await redis.get(f"k{number}") for number in range(100)]

    assert answers == [str(number).encode() for number in range(100)]
    assert in_cluster.sync_client().get("k7") == b"7"
    assert in_cluster.is_cluster


async def test_replays_work_in_a_cluster(
    cluster: Cluster, in_cluster: RedisConnection
) -> None:
    other = RedisConnection(url=cluster.nodes[2].url, cluster=True, timeout_seconds=5)
    stores = [RedisIdempotencyStore(one) for one in (in_cluster, other)]

    for number in range(20):
        who = ("t", "/v1/chat", f"k{number}")
        await stores[0].begin(*who, fingerprint="f")
        with pytest.raises(TurnStillRunning):
            await stores[1].begin(*who, fingerprint="f")
        await stores[0].finish(*who, reply=REPLY)
        assert await stores[1].begin(*who, fingerprint="f") == REPLY

    for store in stores:
        await store.aclose()
    await other.aclose()


async def test_limits_work_in_a_cluster(
    cluster: Cluster, in_cluster: RedisConnection
) -> None:
    other = RedisConnection(url=cluster.nodes[2].url, cluster=True, timeout_seconds=5)
    limiters = [
        SharedRateLimiter(one, per_hour=15, per_minute=10, clock=lambda: 1_800_001_800)
        for one in (in_cluster, other)
    ]

    for subject in "abcdefgh":
        outcomes = await asyncio.gather(
            *(limiters[number % 2].hit(subject) for number in range(30))
        )
        allowed = sum(all(one.allowed for one in outcome) for outcome in outcomes)
        assert allowed == 10

    await other.aclose()


async def test_cancelled_commands_leave_no_answer_in_a_cluster(
    in_cluster: RedisConnection,
) -> None:
    redis = in_cluster.async_client()
    names = [f"name{number}" for number in range(30)]
    for name in names:
        await redis.set(name, name * 50)

    for _ in range(50):
        tasks = [asyncio.create_task(_get(in_cluster, name)) for name in names]
        await asyncio.sleep(0.0005)
        for task in tasks[::2]:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        for name, outcome in zip(names, outcomes, strict=True):
            if not isinstance(outcome, BaseException):
                assert outcome == (name * 50).encode()


async def _get(connection: RedisConnection, name: str) -> object:
    async with connection.use() as redis:
        return await redis.get(name)


async def test_a_cluster_that_lost_a_node_delays_nobody_for_long(
    tmp_path: Path,
) -> None:
    with _run_cluster(tmp_path) as cluster:
        connection = RedisConnection(
            url=cluster.nodes[0].url,
            cluster=True,
            breaker=Breaker(cooldown_seconds=0.2),
        )
        limiter = SharedRateLimiter(
            connection, per_hour=5, clock=lambda: 1_800_001_800.0
        )
        store = RedisIdempotencyStore(connection)
        await _get(connection, "k")
        cluster.nodes[1].kill()

        slowest = 0.0
        for number in range(20):
            began = time.monotonic()
            await limiter.hit(f"subject{number}")
            await store.begin("t", "/v1/chat", f"k{number}", fingerprint="f")
            slowest = max(slowest, time.monotonic() - began)
        outcomes = [(await limiter.hit("s"))[0].allowed for _ in range(30)]

        assert slowest < 4
        assert 5 <= sum(outcomes) <= 10
        cluster.nodes[1].start()
        await asyncio.to_thread(_wait, "the cluster", cluster.whole)
        await _until_answered(connection)
        await store.aclose()
        await connection.aclose()


async def _until_answered(connection: RedisConnection) -> None:
    for _ in range(300):
        try:
            for number in range(20):
                await _get(connection, f"k{number}")
        except StateUnavailable:
            await asyncio.sleep(0.1)
        else:
            return
    pytest.fail("the cluster was not found again")


async def test_sentinels_lead_to_the_primary(sentinels: Sentinels) -> None:
    connection = RedisConnection(sentinel=sentinels.setting, timeout_seconds=5)

    async with connection.use() as redis:
        await redis.set("k", "v")
    sync = connection.sync_client().get("k")

    assert sentinels.primary.command("GET", "k") == b"$1\r\nv\r\n"
    assert sync == b"v"
    await connection.aclose()
    connection.close()


async def test_after_a_failover_the_new_primary_is_found(sentinels: Sentinels) -> None:
    connection = RedisConnection(
        sentinel=sentinels.setting, breaker=Breaker(cooldown_seconds=0.1)
    )
    limiter = SharedRateLimiter(
        connection, per_hour=1000, clock=lambda: 1_800_001_800.0
    )
    async with connection.use() as redis:
        await redis.set("k", "v")
    await limiter.hit("s")
    await asyncio.to_thread(_wait, "replication", sentinels.replicated)
    sentinels.primary.kill()

    refused = 0
    answered: object = None
    for _ in range(600):
        began = time.monotonic()
        # A request is served during the failover, whatever Redis says.
        assert (await limiter.hit("s"))[0].allowed
        assert time.monotonic() - began < 3
        try:
            answered = await _write(connection)
            break
        except StateUnavailable:
            refused += 1
            await asyncio.sleep(0.05)

    assert refused
    assert answered is True
    assert b"role:master" in sentinels.replica.command("INFO", "replication")
    assert await _get(connection, "k") == b"v"
    await connection.aclose()


async def _write(connection: RedisConnection) -> object:
    async with connection.use() as redis:
        return await redis.set("after", "v")


async def test_without_any_sentinel_the_state_is_unavailable() -> None:
    connection = RedisConnection(sentinel=f"127.0.0.1:{free_port()}/primary")

    with pytest.raises(StateUnavailable):
        await _get(connection, "k")

    await connection.aclose()


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("no openssl to make a certificate with")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            *(program, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    return key, certificate


async def test_an_encrypted_connection_trusts_only_its_authority(
    tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    key, public = certificate
    port = free_port()
    options = (
        *("--tls-port", str(port), "--tls-auth-clients", "no"),
        *("--tls-key-file", str(key), "--tls-cert-file", str(public)),
    )
    with RedisServer(tmp_path / "redis", options=options) as server:
        server.command("SET", "k", "v")
        url = f"rediss://127.0.0.1:{port}"
        trusting = RedisConnection(
            url=f"{url}?ssl_ca_certs={public}",
            timeout_seconds=5,
            connect_timeout_seconds=5,
        )
        doubting = RedisConnection(
            url=url, timeout_seconds=5, connect_timeout_seconds=5
        )

        assert await _get(trusting, "k") == b"v"
        assert trusting.sync_client().get("k") == b"v"
        with pytest.raises(StateUnavailable):
            await _get(doubting, "k")

        trusting.close()
        for connection in (trusting, doubting):
            await connection.aclose()
