"""The libraries behind the vector store: a second to import, so done late, and once."""

from __future__ import annotations

import threading
from types import ModuleType

_IMPORTING = threading.Lock()


def load_points() -> ModuleType:
    """
    Return `stores.vectors_points`, which brings the client of Qdrant along.

    The packages of that client import each other in circles: two threads that enter
    them by different doors see half of a module, and one fails with `ImportError`.
    Whoever uses them calls this first.
    """
    with _IMPORTING:
        from stores import vectors_points  # noqa: PLC0415
    return vectors_points
