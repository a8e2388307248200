"""A Qdrant server over HTTP."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from domain.errors import RetrievalUnavailable
from stores.vectors_library import load_points

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

log = logging.getLogger(__name__)


class RemoteBackend:
    """
    One collection of a Qdrant server, shared by any number of processes.

    Args:
        url: `http://host:6333` or `https://...`.
        timeout_seconds: One call, connect included.
    """

    remote = True

    def __init__(
        self, url: str, *, api_key: str | None = None, timeout_seconds: float = 5.0
    ) -> None:
        self._url = url
        self._api_key = api_key
        self._timeout_seconds = timeout_seconds
        self._making = threading.Lock()
        self._client: QdrantClient | None = None
        self._reachable = True

    @property
    def client(self) -> QdrantClient:
        """The client of this process, made on first use: after the fork."""
        with self._making:
            if self._client is None:
                self._client = self._connect()
            return self._client

    def open(self) -> None:
        """Do nothing: a server that is away must not keep the service from starting."""

    def close(self) -> None:
        """Close the connections; a second call does nothing."""
        with self._making:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def state(self) -> str:
        """Return `ok`, or `unavailable` after a call that failed."""
        return "ok" if self._reachable else "unavailable"

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Translate the client's errors into `RetrievalUnavailable`."""
        # Heavy to import: most of a second, and by one thread at a time.
        load_points()
        from httpx import HTTPError, InvalidURL  # noqa: PLC0415
        from qdrant_client.http.exceptions import (  # noqa: PLC0415
            ApiException,
            UnexpectedResponse,
        )

        try:
            yield
        except (ApiException, HTTPError, InvalidURL, OSError) as exc:
            self._reachable = False
            status = exc.status_code if isinstance(exc, UnexpectedResponse) else None
            log.warning("qdrant_call_failed", extra={"status": status})
            raise RetrievalUnavailable from exc
        self._reachable = True

    def _connect(self) -> QdrantClient:
        from qdrant_client import QdrantClient  # noqa: PLC0415

        return QdrantClient(
            url=self._url,
            api_key=self._api_key,
            timeout=self._timeout_seconds,  # type: ignore[arg-type]
            # It would call the server from the constructor.
            check_compatibility=False,
        )
