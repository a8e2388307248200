"""The library with the stores below it: how they are opened and closed together."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from domain.errors import StoreUnavailable
from knowledge.jobs import JobQueue
from knowledge.pipeline import Library
from stores.sql import Database
from stores.vectors import PassageStore

log = logging.getLogger(__name__)

# A document at hand when the server stops; what is not done is done at the next start.
_GRACE_SECONDS = 8.0


@dataclass(slots=True)
class Shelf:
    """The library with the stores below it."""

    database: Database
    passages: PassageStore
    library: Library
    jobs: JobQueue
    retry_seconds: float = 2.0
    _opening: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """
        Open everything, blocking calls beside the loop.

        A database that is away keeps only the documents away: it is tried again until
        it is there. Raises `ConfigurationError` when the passages cannot be opened.
        """
        await asyncio.to_thread(self.passages.open)
        try:
            await asyncio.to_thread(self._open_library)
        except StoreUnavailable:
            log.warning("database_away_at_start")
            self._opening = asyncio.create_task(self._open_later())

    async def close(self) -> None:
        """Close everything; a document at hand is finished first."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait({self._opening})
        await asyncio.to_thread(self.shut)

    def open(self) -> None:
        """
        Open the stores and begin to work on what waits.

        Raises:
            ConfigurationError: Another process owns the embedded store.
            StoreUnavailable: The database cannot be reached.
        """
        self.passages.open()
        self._open_library()

    def shut(self) -> None:
        """Close what `open` opened, in reverse order."""
        self.library.close(grace_seconds=_GRACE_SECONDS)
        self.passages.close()
        self.database.close()

    def _open_library(self) -> None:
        self.database.migrate()
        self.library.start()

    async def _open_later(self) -> None:
        while True:
            await asyncio.sleep(self.retry_seconds)
            try:
                await asyncio.to_thread(self._open_library)
            except StoreUnavailable:
                continue
            log.info("database_came_back")
            return
