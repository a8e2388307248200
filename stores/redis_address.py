"""The address of a Redis, in the words of the settings and in those of redis-py."""

from __future__ import annotations

from typing import Any

import redis.asyncio
from redis.asyncio.connection import parse_url

from domain.errors import ConfigurationError

Address = dict[str, Any]

# Options a URL may carry; time limits and the protocol are ours to choose.
_OPTIONS = {"db", "username", "password", "client_name", "health_check_interval"}


def parse_address(
    url: str | None, *, host: str | None, port: int, password: str | None
) -> Address:
    """
    Return the arguments of a redis-py connection for *url*, or for *host* and *port*.

    Raises:
        ConfigurationError: The URL has another scheme, or an option nobody knows.
    """
    if url is None:
        address: Address = {"host": host or "localhost", "port": port}
    else:
        address = _parse_url(url)
    if password:
        address.setdefault("password", password)
    return address


def _parse_url(url: str) -> Address:
    if url.startswith(("valkey://", "valkeys://")):
        url = url.replace("valkey", "redis", 1)
    try:
        address: Address = dict(parse_url(url))
    except ValueError:
        raise ConfigurationError(
            "REDIS_URL: must be redis://, rediss:// or unix://"
        ) from None
    kind = address.get("connection_class")
    if kind is redis.asyncio.UnixDomainSocketConnection:
        if "path" not in address:
            raise ConfigurationError("REDIS_URL: unix:// needs a path")
    else:
        address.setdefault("host", "localhost")
    for name in address.keys() - {"connection_class", "host", "port", "path"}:
        if name not in _OPTIONS and not name.startswith("ssl_"):
            raise ConfigurationError("REDIS_URL: it carries an unknown option")
    return address


def credentials_of(address: Address) -> Address:
    """Return the part of *address* that also holds for a server found by Sentinel."""
    kept = {
        name: value
        for name, value in address.items()
        if name in _OPTIONS or name.startswith("ssl_")
    }
    return kept | _tls(address)


def sentinel_credentials_of(address: Address) -> Address:
    """Return the part of *address* that holds for the Sentinels themselves."""
    kept = credentials_of(address)
    # They know no databases and, as a rule, no users.
    for name in ("db", "username", "client_name"):
        kept.pop(name, None)
    return kept


def cluster_address(address: Address) -> Address:
    """
    Return *address* as a cluster client takes it.

    Raises:
        ConfigurationError: It is a unix socket, or names a database but 0.
    """
    if "path" in address:
        raise ConfigurationError("REDIS_CLUSTER: needs a TCP address")
    if address.get("db"):
        raise ConfigurationError("REDIS_CLUSTER: a cluster has database 0 only")
    kept = {
        name: value
        for name, value in address.items()
        if name not in ("connection_class", "db")
    }
    return kept | _tls(address)


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


def _tls(address: Address) -> Address:
    is_tls = address.get("connection_class") is redis.asyncio.SSLConnection
    return {"ssl": True} if is_tls else {}
