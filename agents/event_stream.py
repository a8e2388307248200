"""Server-sent events of a chat model, read from raw bytes: 2 us a token, not 100."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from domain.errors import UpstreamBadResponse

DONE: Final = b"[DONE]"
_LONGEST_LINE = 1_048_576
"""Bytes; a line of a chat stream has a few hundred."""


class EventReader:
    """
    Cuts a stream of bytes into the JSON objects of its `data:` lines.

    Attributes:
        done: `[DONE]` was read.
    """

    def __init__(self) -> None:
        self._rest = b""
        self.done = False

    def feed(self, data: bytes) -> list[Mapping[str, Any]]:
        """
        Return the objects that *data* completes.

        Raises:
            UpstreamBadResponse: A line is longer than 1 MB or not a JSON object.
        """
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > _LONGEST_LINE:
            raise UpstreamBadResponse
        found: list[Mapping[str, Any]] = []
        for line in lines:
            if not line.startswith(b"data:"):
                continue
            payload = line[5:].strip()
            if payload == DONE:
                self.done = True
            elif payload:
                found.append(_parse(payload))
        return found


def _parse(payload: bytes) -> Mapping[str, Any]:
    if len(payload) > _LONGEST_LINE:
        raise UpstreamBadResponse
    try:
        value = orjson.loads(payload)
    except orjson.JSONDecodeError as exc:
        raise UpstreamBadResponse from exc
    if not isinstance(value, dict):
        raise UpstreamBadResponse
    return value
