"""Server-sent events: how one is written, and that silence is filled."""

from __future__ import annotations

import orjson

# Proxies in front of us drop a silent stream, some after 15 s.
HEARTBEAT_SECONDS = 10.0
HEARTBEAT = b": ping\n\n"
HEADERS = {
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
}


def write_event(name: str, data: object) -> bytes:
    """Return one named event; JSON has no line break outside of escapes."""
    return b"event: " + name.encode() + b"\ndata: " + orjson.dumps(data) + b"\n\n"


def write_data(data: object) -> bytes:
    """Return one event without a name, as OpenAI's clients read them."""
    return b"data: " + orjson.dumps(data) + b"\n\n"
