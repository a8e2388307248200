"""A secret that one worker made opens the door of another one."""

from __future__ import annotations

from pathlib import Path

from domain.callers import Caller
from stores.kiosk_records import FileRecords, RedisRecords
from stores.kiosk_shared import SharedRecords
from stores.realtime_secrets import SharedSecrets
from stores.redis_client import RedisConnection
from tests.fakes.redis_server import RedisServer

CALLER = Caller("acme", "0123456789ab")


async def issue(secrets: SharedSecrets) -> str:
    value, _ = await secrets.issue(
        CALLER, conversation_id="desk-1", config=b"{}", seconds=60
    )
    return value


async def test_workers_share_secrets_through_redis_and_outlive_it(
    tmp_path: Path,
) -> None:
    with RedisServer(tmp_path) as server:
        connections = [RedisConnection(url=server.url) for _ in range(2)]
        one, other = (
            SharedSecrets(
                SharedRecords(
                    RedisRecords(connection), FileRecords(tmp_path / "records.sqlite3")
                )
            )
            for connection in connections
        )
        shared = await issue(one)
        ticket = await other.find(shared)
        assert ticket is not None
        assert (ticket.caller, ticket.conversation_id) == (CALLER, "desk-1")
        server.kill()
        alone = await issue(one)
        for secret in (shared, alone):
            assert await other.find(secret) is not None
        assert await other.find("ek_unknown") is None
        for connection in connections:
            await connection.aclose()
