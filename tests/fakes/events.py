"""Reads a stream of events, strictly."""

from __future__ import annotations

import json
from typing import Any


def read_events(text: str) -> list[tuple[str, Any]]:
    """Return name and data of each event; comments are skipped."""
    assert text.endswith("\n\n")
    events = []
    for block in text.removesuffix("\n\n").split("\n\n"):
        if block.startswith(":"):
            continue
        first, second = block.split("\n")
        assert first.startswith("event: ")
        assert second.startswith("data: ")
        events.append(
            (first.removeprefix("event: "), json.loads(second.removeprefix("data: ")))
        )
    return events
