"""One call to an emotion service: bounded in time and size, tried twice."""

from __future__ import annotations

import asyncio
import json
import logging
import math
from collections.abc import Mapping
from typing import Any, Final

import httpx

from domain.deadlines import Deadline
from domain.errors import EmotionFailed, TurnTimeout

log = logging.getLogger(__name__)

ATTEMPTS: Final = 2
RETRY_SECONDS: Final = 0.1
MAX_REPLY_BYTES: Final = 64 * 1024
_RETRIED: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


class EmotionClient:
    """
    Post to one address.

    Args:
        timeout_seconds: Of both attempts together. What hangs is not tried again.
    """

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float,
    ) -> None:
        self._url = url
        self._headers = dict(headers or {})
        self._timeout_seconds = timeout_seconds
        self._client: httpx.AsyncClient | None = None

    async def post(self, *, deadline: Deadline, **content: Any) -> dict[str, Any]:
        """
        Return the JSON object that the service answers to *content*.

        Args:
            deadline: Of the turn; the timeout counts too.
            content: As httpx takes it: `params`, `files`, `json`.

        Raises:
            EmotionFailed: It refused, failed twice, was too slow or wrote no object.
        """
        try:
            seconds = min(self._timeout_seconds, deadline.remaining())
            async with asyncio.timeout(seconds):
                return await self._try_twice(content)
        except (TimeoutError, TurnTimeout) as exc:
            log.warning("emotion_service_slow")
            raise EmotionFailed from exc

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _try_twice(self, content: Mapping[str, Any]) -> dict[str, Any]:
        for attempt in range(1, ATTEMPTS + 1):
            if attempt > 1:
                await asyncio.sleep(RETRY_SECONDS)
            try:
                status, body = await self._send(content)
            except (httpx.HTTPError, httpx.InvalidURL) as exc:
                log.warning("emotion_service_failed", extra={"attempt": attempt})
                if attempt == ATTEMPTS:
                    raise EmotionFailed from exc
                continue
            if status == httpx.codes.OK:
                return _read_object(body)
            log.warning("emotion_service_refused", extra={"status": status})
            if status not in _RETRIED:
                break
        raise EmotionFailed

    async def _send(self, content: Mapping[str, Any]) -> tuple[int, bytes]:
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=self._timeout_seconds)
        body = bytearray()
        async with self._client.stream(
            "POST", self._url, headers=self._headers, **content
        ) as reply:
            async for part in reply.aiter_bytes():
                body += part
                if len(body) > MAX_REPLY_BYTES:
                    log.warning("emotion_reply_too_long")
                    raise EmotionFailed
        return reply.status_code, bytes(body)


def read_share(value: object) -> float:
    """
    Return *value*, a number of 0 to 1.

    Raises:
        EmotionFailed: It is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise EmotionFailed
    if not (math.isfinite(value) and 0.0 <= value <= 1.0):
        raise EmotionFailed
    return round(float(value), 3)


def _read_object(body: bytes) -> dict[str, Any]:
    try:
        reply = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise EmotionFailed from exc
    if not isinstance(reply, dict):
        raise EmotionFailed
    return reply
