"""Whether a server is worth asking: a dead one costs its timeout once, not a turn."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from domain.errors import RecognitionFailed, SynthesisFailed

log = logging.getLogger(__name__)

COOLDOWN_SECONDS = 30.0


class RecognitionRefused(RecognitionFailed):
    """The engine works, but it does not hear this recording."""


class SynthesisRefused(SynthesisFailed):
    """The engine works, but it does not speak this text."""


class Outage:
    """
    Closed while the server answers; after a failure nobody asks it for a while.

    When that is over one caller tries it again; the others still go elsewhere until
    that one has come back.

    Args:
        name: Of the engine, for the log: one line when it goes, one when it is back.
        cooldown_seconds: Between two tries.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        name: str,
        *,
        cooldown_seconds: float = COOLDOWN_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._cooldown = cooldown_seconds
        self._clock = clock
        self._try_at: float | None = None

    @property
    def on(self) -> bool:
        """The server failed and has not answered since."""
        return self._try_at is not None

    def may_try(self) -> bool:
        """Return True when the caller is to ask the server; once a cooldown."""
        if self._try_at is None:
            return True
        now = self._clock()
        if now < self._try_at:
            return False
        # Whoever gives up half way lets the next one try after another cooldown.
        self._try_at = now + self._cooldown
        return True

    def failed(self) -> None:
        """Note that the server failed after all attempts."""
        if self._try_at is None:
            log.warning("speech_engine_away", extra={"engine": self._name})
        self._try_at = self._clock() + self._cooldown

    def succeeded(self) -> None:
        """Note that the server answered."""
        if self._try_at is not None:
            log.info("speech_engine_back", extra={"engine": self._name})
        self._try_at = None
