"""Ids of messages: sortable by time when new, repeatable when derived from a key."""

from __future__ import annotations

import hashlib
import secrets
import time

# Crockford's alphabet, as in ULIDs: no I, L, O, U.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_message_id() -> str:
    """Return `msg_` and a ULID of this moment."""
    stamp = int(time.time() * 1000) & ((1 << 48) - 1)
    return _spell((stamp << 80) | secrets.randbits(80))


def derive_message_id(*parts: str) -> str:
    """Return `msg_` and a ULID-like suffix that the same *parts* always give."""
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    return _spell(int.from_bytes(digest[:16], "big"))


def _spell(number: int) -> str:
    digits = []
    for _ in range(26):
        number, digit = divmod(number, 32)
        digits.append(_ALPHABET[digit])
    return "msg_" + "".join(reversed(digits))
