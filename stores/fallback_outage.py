"""What a worker knows about Redis being away, and which turns it touched."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from stores.leases import Lease

log = logging.getLogger(__name__)


class Availability(Protocol):
    """What is asked of `stores.redis_client.RedisConnection`."""

    def available(self) -> bool:
        """Return whether a request should try Redis, without I/O."""
        ...


class Outage:
    """
    Shared by the saver and the conversation store of one worker.

    Attributes:
        unsettled: The file may hold something that Redis lacks; also after a start.
        unreleased: Leases that Redis still shows as held, though their turns ended.
        on_noticed: Called once when an outage begins.
    """

    def __init__(self, redis: Availability) -> None:
        self.unsettled = True
        self.unreleased: list[Lease] = []
        self.on_noticed: Callable[[], None] = lambda: None
        self._redis = redis
        self._away = False
        self._leases: dict[str, Lease] = {}
        self._local: set[str] = set()

    def usable(self) -> bool:
        """Return whether Redis should be tried, without I/O."""
        try:
            available = self._redis.available()
        except RuntimeError:
            # Outside an event loop nothing can be probed; a loop does it later.
            return False
        if available:
            self._away = False
        else:
            self.noticed()
        return available

    def noticed(self) -> None:
        """Tell that Redis did not answer."""
        self.unsettled = True
        if not self._away:
            self._away = True
            log.warning("state_fell_back_to_file")
            self.on_noticed()

    def began(self, lease: Lease) -> None:
        """Note a turn."""
        self._leases[lease.token] = lease

    def ended(self, lease: Lease) -> None:
        """Forget a turn."""
        self._leases.pop(lease.token, None)
        self._local.discard(lease.token)

    def degrade(self, token: str | None) -> None:
        """Note that something of the turn with *token* went to the file."""
        self.unsettled = True
        lease = self._leases.get(token or "")
        if lease is not None:
            lease.not_durable = True

    def keep_local(self, lease: Lease) -> None:
        """Let a turn read and write the file, though its lease is Redis's."""
        self._local.add(lease.token)
        self.degrade(lease.token)

    def is_local(self, token: str | None) -> bool:
        """Return whether a turn must stay on the file: it began there."""
        return token is not None and (token.startswith("f-") or token in self._local)
