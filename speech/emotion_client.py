"""One call to an emotion service: bounded in time and size, tried twice."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final

from domain.deadlines import Deadline
from domain.errors import EmotionFailed
from speech.remote import File, RemoteClient, RemoteFault, retrying, shorten

MAX_REPLY_BYTES: Final = 64 * 1024


class EmotionClient:
    """
    Post to one address.

    Args:
        engine: Name for the log.
        timeout_seconds: Of both attempts together. What hangs is not tried again.
    """

    def __init__(
        self,
        url: str,
        *,
        engine: str,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float,
    ) -> None:
        self._url = url
        self._engine = engine
        self._timeout_seconds = timeout_seconds
        self._client = RemoteClient(
            headers=headers or {}, timeout_seconds=timeout_seconds
        )

    async def post(
        self,
        *,
        payload: Mapping[str, object] | None = None,
        params: Mapping[str, str] | None = None,
        files: Mapping[str, File] | None = None,
        deadline: Deadline,
    ) -> dict[str, Any]:
        """
        Return the JSON object that the service answers.

        Args:
            payload: JSON to send.
            params: Of the query.
            files: Parts of a form to send.
            deadline: Of the turn; the timeout counts too.

        Raises:
            EmotionFailed: It refused, failed twice, was too slow or wrote no object.
        """
        limit = shorten(deadline, self._timeout_seconds)

        async def call() -> bytes:
            return await self._client.fetch(
                "POST",
                self._url,
                payload=payload,
                params=params,
                files=files,
                max_bytes=MAX_REPLY_BYTES,
                deadline=limit,
            )

        try:
            body = await retrying(call, engine=self._engine, deadline=limit)
        except RemoteFault as exc:
            raise EmotionFailed from exc
        return _read_object(body)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


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
