"""
Qdrant's engine in this process, in a folder that has one owner.

A second `load` is refused by the engine, but the attempt damages the first handle, so
that its flushes fail from then on: our own lock file is taken before the engine is
touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from domain.errors import ConfigurationError, RetrievalUnavailable
from stores.vectors_edge_client import EdgeClient
from stores.vectors_keeper import Keeper

_SHARD: Final = "shard"
_LOCK: Final = "owner.lock"


class EdgeBackend:
    """
    One folder with one collection, owned by this process between open and close.

    Args:
        folder: Made when it is missing; nobody else may write in it.
        flush_seconds: Quiet time after which writes are flushed to the disk. They
            survive a killed process at once, and a power cut from then on.
        optimize_above: Points from which segments are merged in the background.
    """

    remote = False

    def __init__(
        self, folder: Path, *, flush_seconds: float = 2.0, optimize_above: int = 10_000
    ) -> None:
        self._folder = folder
        self._lock = FileLock(folder / _LOCK, timeout=0, thread_local=False)
        self._keeper = Keeper(flush_seconds, optimize_above=optimize_above)
        self._client: EdgeClient | None = None

    @property
    def client(self) -> EdgeClient:
        """The client. Raises `RetrievalUnavailable` when the store is not open."""
        if self._client is None:
            raise RetrievalUnavailable
        return self._client

    def open(self) -> None:
        """
        Take the folder and load what is in it.

        Raises:
            ConfigurationError: Another process has it, or it cannot be written.
        """
        if self._client is not None:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout:
            raise ConfigurationError(
                "Another process owns the embedded vector store of this DATA_DIR. "
                "Stop it, speak to the running service, or set QDRANT_URL."
            ) from None
        except OSError as exc:
            raise ConfigurationError(
                "The embedded vector store of this DATA_DIR cannot be written."
            ) from exc
        client = EdgeClient(self._folder / _SHARD, on_write=self._keeper.note_write)
        try:
            client.load()
        except RetrievalUnavailable as exc:
            self._lock.release()
            raise ConfigurationError(
                "The embedded vector store of this DATA_DIR is damaged. Move its "
                "`vectors` folder away and ingest the documents again."
            ) from exc
        self._client = client
        self._keeper.start(client)

    def close(self) -> None:
        """Flush, close and give the folder back; a second call does nothing."""
        client, self._client = self._client, None
        if client is not None:
            self._keeper.stop()
            client.close()
            self._lock.release()

    def state(self) -> str:
        """Return `embedded`, or `unavailable` while the store is closed."""
        return "embedded" if self._client is not None else "unavailable"

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Pass every error on: the client speaks our errors already."""
        yield
