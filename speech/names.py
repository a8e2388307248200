"""The names that documents speak of: what general models write as common words."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable

from domain.errors import AppError
from speech.lm_text import names_of

log = logging.getLogger(__name__)

# Whisper reads the last 224 tokens of what it is given to expect.
MAX_CHARS = 600
KEPT_SECONDS = 60.0


class DocumentNames:
    """
    The commonest names of the documents, read again once a minute when asked.

    Args:
        vocabulary: Sentences of the ingested documents; called in a thread.
    """

    def __init__(self, vocabulary: Callable[[], Iterable[str]]) -> None:
        self._vocabulary = vocabulary
        self._names = ""
        self._until = 0.0

    async def find(self) -> str:
        """Return them comma separated, at most 600 characters; the last known ones."""
        if time.monotonic() >= self._until:
            self._until = time.monotonic() + KEPT_SECONDS
            try:
                self._names = await asyncio.to_thread(self._read)
            except AppError as exc:
                log.warning("speech_names_not_read", extra={"code": exc.code})
        return self._names

    def _read(self) -> str:
        counts = Counter(name for text in self._vocabulary() for name in names_of(text))
        names = ""
        for name, _ in counts.most_common():
            longer = f"{names}, {name}" if names else name
            if len(longer) > MAX_CHARS:
                break
            names = longer
        return names
