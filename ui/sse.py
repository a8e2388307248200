"""Server-sent events as they come over the wire."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# Only these end a line; `str.splitlines` would also split at U+2028 inside JSON.
_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event: its name (`message` when none was sent) and its data."""

    name: str
    data: str


def iter_events(chunks: Iterable[str]) -> Iterator[ServerEvent]:
    """
    Yield the events of *chunks*, wherever these are cut.

    Comments and unknown fields are skipped; an event without its closing blank line
    is dropped, because it may be half of one.

    Source: WHATWG HTML, section 9.2.6 "Interpreting an event stream".
    """
    name = ""
    data: list[str] = []
    for line in _iter_lines(chunks):
        if not line:
            if data:
                yield ServerEvent(name or "message", "\n".join(data))
            name, data = "", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)


def _iter_lines(chunks: Iterable[str]) -> Iterator[str]:
    rest = ""
    start_of_stream = True
    for chunk in chunks:
        rest += chunk
        if start_of_stream and rest:
            rest = rest.removeprefix("\ufeff")
            start_of_stream = False
        # A carriage return at the end may be the first half of CRLF.
        ready = len(rest) - 1 if rest.endswith("\r") else len(rest)
        start = 0
        while end := _LINE_END.search(rest, start, ready):
            yield rest[start : end.start()]
            start = end.end()
        rest = rest[start:]
    if rest.endswith("\r"):
        yield rest[:-1]
