"""Names of what a conversation owns in Redis, and of the fields of its hash."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from urllib.parse import quote, unquote

# Parts of a field name; percent-encoding keeps it out of namespaces and ids.
SEPARATOR = b"\0"

# Fields of a conversation that belong to no namespace. HEAD is the id of the newest
# checkpoint of the root namespace; GONE says that a delete overtook a running turn.
HEAD, GONE = b"i", b"@gone"
OWNER, TITLE, RENAMED, TURNS, UPDATED = (
    b"@owner",
    b"@title",
    b"@named",
    b"@turns",
    b"@at",
)


@dataclass(frozen=True, slots=True)
class ThreadKeys:
    """
    The keys of one conversation; the braces put them in one cluster slot.

    Attributes:
        state: Hash: records, segments and blobs by namespace, and the list's line.
        writes: Hash: pending writes of steps that have not ended.
        lock: Token of the running turn.
        queue: Hash: turns in line, token to `arrival:last sign of life`.
        aside: Where a damaged conversation is kept for a while.
    """

    state: bytes
    writes: bytes
    lock: bytes
    queue: bytes
    aside: bytes


class KeySpace:
    """Every key under one *prefix*."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix.encode()

    def thread(self, thread_id: str) -> ThreadKeys:
        """Return the keys of *thread_id*, whatever characters it has."""
        base = b"%s:cp:{%s}" % (self._prefix, _escape(thread_id))
        return ThreadKeys(
            state=base,
            writes=base + b":w",
            lock=base + b":lock",
            queue=base + b":queue",
            aside=base + b":aside",
        )

    def index(self, owner: str) -> bytes:
        """Return the sorted set of *owner*'s conversations, by last activity."""
        return b"%s:idx:%s" % (self._prefix, _escape(owner))

    @property
    def pattern(self) -> bytes:
        """Glob that matches the state of every conversation."""
        escaped = b"".join(
            b"\\" + bytes([char]) if char in b"*?[]^\\" else bytes([char])
            for char in self._prefix
        )
        return escaped + b":cp:{*}"

    def find_thread_id(self, key: bytes) -> str | None:
        """Return whose state *key* is, None for another kind of key."""
        start = b"%s:cp:{" % self._prefix
        if not (key.startswith(start) and key.endswith(b"}")):
            return None
        return _unescape(key[len(start) : -1])


def namespace_field(kind: bytes, namespace: str) -> bytes:
    """Return the field `kind` + namespace: `h` newest record, `i` its id."""
    return kind + _escape_namespace(namespace)


def part_prefix(kind: bytes, namespace: str) -> bytes:
    """Return what fields of many parts begin with: `c`, `s`, `b`, pending writes."""
    return kind + _escape_namespace(namespace) + SEPARATOR


def read_namespace(field: bytes) -> str:
    """Return the namespace of a field made by the functions above."""
    return unquote(field[1:].split(SEPARATOR, 1)[0].decode())


def new_part_id() -> bytes:
    """
    Return an id for a segment or blob, unique across workers.

    From the system's generator: a private generator would repeat after a fork.
    """
    return base64.urlsafe_b64encode(secrets.token_bytes(9))


def _escape_namespace(namespace: str) -> bytes:
    return quote(namespace, safe=":|", errors="surrogatepass").encode()


def _escape(text: str) -> bytes:
    # An empty hash tag would not be a tag; a lone percent sign encodes nothing else.
    return (quote(text, safe="", errors="surrogatepass") or "%").encode()


def _unescape(data: bytes) -> str:
    return "" if data == b"%" else unquote(data.decode(), errors="surrogatepass")
