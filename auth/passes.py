"""Passes: random tokens that this service can tell from others without looking."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable

_PREFIX = "visit_"
_RANDOM_BYTES = 32
_MARK_DIGITS = 32


class Passes:
    """
    Makes passes and knows them by their mark.

    The mark only tells that a pass was made here, so that a stranger's is turned away
    before anything is read or kept for it; what a pass is good for is looked up.

    Args:
        digests: Digests of the keys of this deployment, from which every process of it
            derives the same secret.
    """

    def __init__(self, digests: Iterable[str]) -> None:
        joined = ",".join(sorted(digest.lower() for digest in digests))
        self._secret = hashlib.sha256(b"passes:" + joined.encode()).digest()

    def new(self) -> str:
        """Return a new pass with 256 random bits."""
        body = secrets.token_urlsafe(_RANDOM_BYTES)
        return f"{_PREFIX}{body}.{self._mark(body)}"

    def made(self, text: str) -> bool:
        """Return whether *text* is a pass that was made here."""
        body, _, mark = text.removeprefix(_PREFIX).partition(".")
        if not text.startswith(_PREFIX) or not mark.isascii():
            return False
        return hmac.compare_digest(mark, self._mark(body))

    def _mark(self, body: str) -> str:
        encoded = body.encode("utf-8", "surrogatepass")
        found = hmac.new(self._secret, encoded, hashlib.sha256).hexdigest()
        return found[:_MARK_DIGITS]
