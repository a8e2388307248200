"""Short-lived secrets of browsers and devices, known to every worker."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from typing import Protocol

import orjson

from domain.callers import Caller
from domain.realtime_ports import RealtimeTicket

_PREFIX = "ek_"
_RANDOM_BYTES = 32


class Records(Protocol):
    """Small values with a life, shared by all who serve; `stores.kiosk_records`."""

    async def put(self, name: str, value: bytes, *, seconds: float) -> None:
        """Keep *value*."""
        ...

    async def find(self, name: str, *, seconds: float | None = None) -> bytes | None:
        """Return a value that still lives."""
        ...


class SharedSecrets:
    """Satisfies `domain.realtime_ports.RealtimeSecrets`; only digests are kept."""

    def __init__(
        self, records: Records, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._records = records
        self._clock = clock

    async def issue(
        self,
        caller: Caller,
        *,
        conversation_id: str | None,
        config: bytes,
        seconds: float,
    ) -> tuple[str, float]:
        """Return a new secret and when it ends (Unix seconds)."""
        secret = _PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
        value = orjson.dumps(
            {
                "tenant": caller.tenant,
                "key_id": caller.key_id,
                "kind": caller.kind,
                "user": caller.user,
                "conversation_id": conversation_id,
                "config": config.decode(),
            }
        )
        await self._records.put(_name(secret), value, seconds=seconds)
        return secret, self._clock() + seconds

    async def find(self, secret: str) -> RealtimeTicket | None:
        """Return what *secret* is good for, or None."""
        value = await self._records.find(_name(secret))
        if value is None:
            return None
        kept = orjson.loads(value)
        caller = Caller(
            kept["tenant"], kept["key_id"], user=kept["user"], kind=kept["kind"]
        )
        return RealtimeTicket(caller, kept["conversation_id"], kept["config"].encode())


def _name(secret: str) -> str:
    digest = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
    return f"realtime-secret:{digest}"
