"""The service with a clock of its own: `SKEW_SECONDS` off the machine's."""

from __future__ import annotations

import os
import time

_SKEW = float(os.environ["SKEW_SECONDS"])
_time, _time_ns = time.time, time.time_ns


def _skewed() -> float:
    return _time() + _SKEW


def _skewed_ns() -> int:
    return _time_ns() + int(_SKEW * 1e9)


time.time, time.time_ns = _skewed, _skewed_ns

# Imported after the clock was set: some modules take the function itself.
from wsgi import app  # noqa: E402

__all__ = ["app"]
