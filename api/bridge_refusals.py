"""What the bridge refuses before any view sees it: one line and one count each."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from api.bridge_exchange import Exchange
from api.bridge_types import Scope
from domain.errors import AppError

log = logging.getLogger(__name__)

Count = Callable[[str, int, float], None]
"""Takes the method, the status and the seconds of a refused request."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Refusals:
    """
    Accounts for requests that Flask never saw.

    Args:
        count: Told of each, for metrics; None: nobody is.
    """

    def __init__(self, count: Count | None = None) -> None:
        self._count = count

    def note(self, scope: Scope, exchange: Exchange, error: AppError) -> None:
        """Log and count that *exchange* was answered with *error*."""
        seconds = time.perf_counter() - exchange.began_at
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        if self._count is not None:
            self._count(method, error.status, seconds)
        # The path may hold anything, so it is not written.
        log.info(
            "request_refused",
            extra={
                "request_id": exchange.request_id,
                "method": method,
                "status": error.status,
                "code": error.code,
                "duration_ms": round(seconds * 1000, 2),
            },
        )
