"""Header hygiene: what a request must look like before anything reads it."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass

from api.bridge_types import Header, Scope
from domain.errors import BadRequest, HeadersTooLarge, NotFound, PayloadTooLarge

# Ours have 49 characters; no proxy adds more to a key than this.
MAX_KEY_BYTES = 512

HEADER_BYTES = 32 * 1024
"""Names and values of one request, with the four bytes that frame each field."""

HEADER_FIELDS = 100
"""More fields than any browser or proxy sends."""

# Fields that carry one value: two of them mean that two parties could read the
# request differently (RFC 9110, 5.3), which is how smuggling starts.
_SINGLE = frozenset(
    b"authorization content-encoding content-length content-type date expect from host"
    b" idempotency-key if-modified-since if-range if-unmodified-since last-event-id"
    b" max-forwards origin proxy-authorization range referer transfer-encoding upgrade"
    b" user-agent x-api-key x-conversation-id x-forwarded-host x-forwarded-proto"
    b" x-kiosk-session x-request-id x-user-id".split()
)
_TOKEN = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_DIGITS = re.compile(rb"[0-9]{1,18}")
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [high + low for high in _CROCKFORD for low in _CROCKFORD]


@dataclass(frozen=True, slots=True)
class CleanHeaders:
    """
    Fields that passed.

    Attributes:
        fields: Lower-case names, no `_` in them, request id replaced by the valid one.
        content_length: As declared, or None.
        chunked: The body comes in chunks.
        origin: Origin of the page that asks, for CORS.
    """

    fields: list[Header]
    content_length: int | None
    chunked: bool


def new_request_id() -> str:
    """Return a ULID: sortable by time, 26 characters of Crockford's base 32."""
    milliseconds = time.time_ns() // 1_000_000
    number = milliseconds << 80 | int.from_bytes(os.urandom(10))
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)])


def choose_request_id(fields: Iterable[Header]) -> str:
    """Return the client's request id when it is well formed, else a new one."""
    given = [value for name, value in fields if name == b"x-request-id"]
    if len(given) == 1 and _TOKEN.fullmatch(given[0]):
        return given[0].decode("ascii")
    return new_request_id()


def find_header(fields: Iterable[Header], name: bytes) -> bytes | None:
    """Return the first value of *name* (lower case), or None."""
    return next((value for key, value in fields if key == name), None)


def clean_headers(fields: list[Header], *, request_id: str) -> CleanHeaders:
    """
    Return *fields* without names that WSGI could confuse.

    `X_API_Key` and `X-API-Key` are one variable in a WSGI environ, so names with an
    underscore are dropped before they can pass for the other.

    Raises:
        HeadersTooLarge: More than 32 kB or 100 fields.
        BadRequest: A single-valued field came twice, or length and chunks together.
    """
    size = sum([len(name) + len(value) + 4 for name, value in fields])
    if size > HEADER_BYTES or len(fields) > HEADER_FIELDS:
        raise HeadersTooLarge
    seen: set[bytes] = set()
    kept: list[Header] = []
    for name, value in fields:
        if name in seen and name in _SINGLE:
            raise BadRequest("A header field that has one value was sent twice.")
        seen.add(name)
        if b"_" not in name and name != b"x-request-id":
            kept.append((name, value))
    kept.append((b"x-request-id", request_id.encode()))
    chunked = b"transfer-encoding" in seen
    if chunked and b"content-length" in seen:
        raise BadRequest("Content-Length and Transfer-Encoding exclude each other.")
    return CleanHeaders(kept, _declared_length(kept), chunked)


def _declared_length(fields: list[Header]) -> int | None:
    value = find_header(fields, b"content-length")
    if value is None:
        return None
    if not _DIGITS.fullmatch(value):
        raise BadRequest("Content-Length is not a number.")
    return int(value)


def check_target(scope: Scope) -> None:
    """
    Refuse what others in front of us may have read as another path.

    Raises:
        BadRequest: Another protocol than HTTP/1.0 or 1.1.
        HeadersTooLarge: Path and query have more than 32 kB.
        NotFound: No path, or one with an empty first part, which a framework would
            take for the same path without it.
    """
    if scope["http_version"] not in {"1.0", "1.1"}:
        raise BadRequest("HTTP/1.0 and HTTP/1.1 are understood here.")
    path = scope["path"]
    if len(path) + len(scope["query_string"]) > HEADER_BYTES:
        raise HeadersTooLarge
    if not path.startswith("/") or path.startswith("//"):
        raise NotFound


def check_length(declared: int | None, *, limit: int) -> None:
    """Raise `PayloadTooLarge` when the declared length is over *limit* bytes."""
    if declared is not None and declared > limit:
        raise PayloadTooLarge


def presented_keys(fields: Iterable[Header]) -> frozenset[str]:
    """Return every API key that raw headers carry, short enough to be one."""
    keys = set()
    for name, value in fields:
        lowered = name.lower()
        if lowered == b"x-api-key":
            keys.add(value)
        elif lowered == b"authorization" and value[:7].lower() == b"bearer ":
            keys.add(value[7:].strip())
    return frozenset(
        key.decode("latin-1") for key in keys if 0 < len(key) <= MAX_KEY_BYTES
    )
