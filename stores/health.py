"""What is known of the parts, kept by the parts themselves; no questions asked."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence

from domain.conversations import StateMode
from domain.errors import AppError

WATCH_SECONDS = 15.0
"""Long against the cost of a question, short against a person's patience."""

COMPONENTS = ("qdrant", "database", "model", "speech_to_text", "text_to_speech")


class HealthBoard:
    """
    Collects what each part last said of itself.

    Args:
        state: Returns how conversations are kept now, without I/O.
        parts: By component, returns its state without I/O; a missing one is `off`.
    """

    def __init__(
        self,
        *,
        state: Callable[[], StateMode],
        parts: Mapping[str, Callable[[], str]],
    ) -> None:
        self._state = state
        self._parts = dict(parts)
        self._checks: list[Callable[[], str | None]] = []

    def watch(self, check: Callable[[], str | None]) -> None:
        """Ask *check* too why a turn could not be taken; None: it could."""
        self._checks.append(check)

    def components(self) -> Mapping[str, str]:
        """Return the state of each component, `off` when nobody speaks for it."""
        return {
            name: self._parts[name]() if name in self._parts else "off"
            for name in COMPONENTS
        }

    def state(self) -> StateMode:
        """Return how conversations are kept at this moment."""
        return self._state()

    def not_ready_reasons(self) -> Sequence[str]:
        """Return why a turn could not be taken now."""
        reasons = []
        if self._state() == "unavailable":
            reasons.append("state_unavailable")
        reasons += filter(None, (check() for check in self._checks))
        return reasons


class Watch:
    """
    Asks one part now and then, so that `/health` need not.

    Args:
        check: Blocking; raises an `AppError` while the part is away.
        pause_seconds: Between two questions.
    """

    def __init__(
        self, check: Callable[[], None], *, pause_seconds: float = WATCH_SECONDS
    ) -> None:
        self._check = check
        self._pause_seconds = pause_seconds
        self._state = "ok"
        self._task: asyncio.Task[None] | None = None

    def state(self) -> str:
        """Return `ok` or `unavailable`, as it was found last."""
        return self._state

    async def start(self) -> None:
        """Begin to ask, in the running loop."""
        self._task = asyncio.create_task(self._ask_now_and_then())

    async def close(self) -> None:
        """Stop asking."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _ask_now_and_then(self) -> None:
        while True:
            try:
                await asyncio.to_thread(self._check)
            except AppError:
                self._state = "unavailable"
            else:
                self._state = "ok"
            await asyncio.sleep(self._pause_seconds)
