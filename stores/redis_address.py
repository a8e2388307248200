"""The address of a Redis, in the words of the settings and in those of redis-py."""

from __future__ import annotations

from typing import Any

import redis.asyncio

from domain.errors import ConfigurationError


def parse_address(
    url: str | None, *, host: str | None, port: int, password: str | None
) -> dict[str, Any]:
    if url is None:
        address: dict[str, Any] = {"host": host or "localhost", "port": port}
    else:
        try:
            address = dict(
                redis.asyncio.connection.parse_url(
                    url.replace("valkey", "redis", 1) if url[:6] == "valkey" else url
                )
            )
        except ValueError:
            raise ConfigurationError(
                "REDIS_URL: must be redis://, rediss:// or unix://"
            ) from None
        if "path" not in address:
            address.setdefault("host", "localhost")
    if password:
        address.setdefault("password", password)
    return address


def credentials_of(address: dict[str, Any]) -> dict[str, Any]:
    names = ("username", "password", "db")
    kept = {str(key): address[key] for key in names if key in address}
    if address.get("connection_class") is redis.asyncio.SSLConnection:
        kept["ssl"] = True
    return kept


def secret_of(credentials: dict[str, Any]) -> dict[str, Any]:
    return {key: credentials[key] for key in ("password",) if key in credentials}


def cluster_address(address: dict[str, Any]) -> dict[str, Any]:
    if "path" in address:
        raise ConfigurationError("REDIS_CLUSTER: needs a TCP address")
    kept = {key: value for key, value in address.items() if key != "connection_class"}
    if kept.get("db") == 0:
        kept.pop("db")
    if address.get("connection_class") is redis.asyncio.SSLConnection:
        kept["ssl"] = True
    return kept


def parse_sentinels(text: str) -> tuple[list[tuple[str, int]], str]:
    """
    Return the addresses and the primary's name of `host:port,host:port/name`.

    Raises:
        ConfigurationError: The text has another form.
    """
    hosts, _, name = text.rpartition("/")
    addresses = []
    for entry in filter(None, map(str.strip, hosts.split(","))):
        host, _, port = entry.rpartition(":")
        if not host or not port.isascii() or not port.isdigit():
            raise ConfigurationError("REDIS_SENTINEL: must be host:port,host:port/name")
        addresses.append((host.strip("[]"), int(port)))
    if not addresses or not name.strip():
        raise ConfigurationError("REDIS_SENTINEL: must be host:port,host:port/name")
    return addresses, name.strip()
