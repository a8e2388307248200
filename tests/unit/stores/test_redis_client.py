from __future__ import annotations

import pytest
import redis.asyncio
from redis import exceptions

from domain.errors import ConfigurationError, StateFull, StateUnavailable
from stores.redis_address import parse_address, parse_sentinels
from stores.redis_client import RedisConnection, as_state_error, state_errors


@pytest.mark.parametrize(
    "error",
    [
        exceptions.OutOfMemoryError(
            "command not allowed when used memory > 'maxmemory'"
        ),
        exceptions.ResponseError(
            "MISCONF Errors writing to the AOF file: No space left"
        ),
        exceptions.ResponseError("OOM command not allowed"),
    ],
)
def test_no_room_is_told_apart(error: Exception) -> None:
    assert isinstance(as_state_error(error), StateFull)


@pytest.mark.parametrize(
    "error",
    [
        exceptions.ConnectionError("refused"),
        exceptions.TimeoutError("late"),
        exceptions.AuthenticationError("WRONGPASS"),
        exceptions.BusyLoadingError("LOADING"),
        exceptions.ReadOnlyError("READONLY"),
        exceptions.InvalidResponse("Protocol error"),
        exceptions.MaxConnectionsError("too many"),
        exceptions.ClusterDownError("CLUSTERDOWN the cluster is down"),
        exceptions.ClusterDownError("The cluster is down"),
        exceptions.NoPermissionError("this user has no permissions"),
        exceptions.SlotNotCoveredError("slot"),
        exceptions.RedisClusterException("no node"),
        exceptions.TryAgainError("TRYAGAIN"),
        exceptions.NoPermissionError("NOPERM this user has no permissions"),
        exceptions.ResponseError("NOREPLICAS Not enough good replicas to write."),
        exceptions.ResponseError("BUSY Redis is busy running a script."),
        OSError("gone"),
        TimeoutError(),
    ],
)
def test_what_heals_by_itself_is_unavailable_and_retryable(error: Exception) -> None:
    translated = as_state_error(error)

    assert type(translated) is StateUnavailable
    assert translated.retryable
    assert translated.retry_after_seconds == 5.0


@pytest.mark.parametrize(
    "error",
    [
        exceptions.ResponseError("WRONGTYPE Operation against a key"),
        exceptions.NoScriptError("NOSCRIPT"),
        exceptions.ResponseError("unknown command 'EVAL'"),
        exceptions.WatchError(),
        exceptions.DataError("bad argument"),
        ValueError(),
    ],
)
def test_our_own_mistakes_stay_what_they_are(error: Exception) -> None:
    assert as_state_error(error) is None
    with pytest.raises(type(error)), state_errors():
        raise error


def test_the_cause_is_kept_and_not_shown() -> None:
    cause = exceptions.ConnectionError("Error 111 connecting to secret-host:6379")

    with pytest.raises(StateUnavailable) as raised, state_errors():
        raise cause

    assert raised.value.__cause__ is cause
    assert "secret-host" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://h:7/3", {"host": "h", "port": 7, "db": 3}),
        ("valkey://h:7", {"host": "h", "port": 7}),
        ("redis://", {"host": "localhost"}),
        ("redis://u:p%40ss@h", {"host": "h", "username": "u", "password": "p@ss"}),
    ],
)
def test_addresses_are_understood(url: str, expected: dict[str, object]) -> None:
    assert parse_address(url, host=None, port=6379, password=None) == expected


@pytest.mark.parametrize("url", ["rediss://h:7", "valkeys://h:7"])
def test_encrypted_addresses_use_tls(url: str) -> None:
    address = parse_address(url, host=None, port=6379, password=None)

    assert address["connection_class"] is redis.asyncio.SSLConnection


def test_a_password_fills_in_only_where_the_url_has_none() -> None:
    both = parse_address("redis://:own@h", host=None, port=1, password="other")
    one = parse_address("redis://h", host=None, port=1, password="other")

    assert (both["password"], one["password"]) == ("own", "other")


@pytest.mark.parametrize(
    "url", ["http://h", "h:6379", "unix://", "redis://h?colour=red", "redis://h?db=x"]
)
def test_an_address_nobody_understands_stops_the_start(url: str) -> None:
    with pytest.raises(ConfigurationError, match="REDIS_URL"):
        RedisConnection(url=url)


@pytest.mark.parametrize("url", ["unix:///tmp/x.sock", "redis://h/1"])
def test_a_cluster_needs_a_plain_address(url: str) -> None:
    with pytest.raises(ConfigurationError, match="REDIS_CLUSTER"):
        RedisConnection(url=url, cluster=True)


def test_sentinels_are_read() -> None:
    text = "a:26379, [::1]:26380/primary"

    assert parse_sentinels(text) == ([("a", 26379), ("::1", 26380)], "primary")


@pytest.mark.parametrize("text", ["a:1", "a:1/", "/name", "a/name", "a:x/name", ":1/n"])
def test_malformed_sentinels_stop_the_start(text: str) -> None:
    with pytest.raises(ConfigurationError, match="REDIS_SENTINEL"):
        RedisConnection(sentinel=text)


async def test_a_connection_that_is_never_used_opens_nothing() -> None:
    connection = RedisConnection(host="192.0.2.1")

    await connection.aclose()
    connection.close()

    assert connection.available()


async def test_a_loop_has_one_client() -> None:
    connection = RedisConnection()

    assert connection.async_client() is connection.async_client()
    assert connection.sync_client() is connection.sync_client()
