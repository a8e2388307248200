"""Events of a turn in a task of its own, read as they come."""

from __future__ import annotations

import asyncio
import contextlib
from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from api.errors import as_app_error
from api.event_streams import Silence, StepQueue
from api.idempotency import Claim
from domain.deadlines import Deadline
from domain.errors import AppError, TurnTimeout
from domain.streams import closing
from utils.metrics import Metrics

Event = TypeVar("Event")
Step = TypeVar("Step")


@dataclass(frozen=True, slots=True)
class Completed:
    """The turn is stored; *body* is the JSON that answers it."""

    body: bytes


class Running(Generic[Event, Step]):
    """
    Runs one turn; the generator of its events lives and ends in one task.

    A generator that is resumed from different tasks loses its timeouts and its context
    variables, so the reader never touches it: it reads a queue. The claim is given
    back when the turn fails.
    """

    def __init__(
        self,
        events: AsyncIterator[Event],
        *,
        deadline: Deadline,
        claim: Claim,
        metrics: Metrics,
    ) -> None:
        self._events = events
        self._deadline = deadline
        self._claim = claim
        self._metrics = metrics
        self._made: StepQueue[Step] = StepQueue()
        self._task = asyncio.create_task(self._run())

    @abstractmethod
    async def _note(self, event: Event) -> Step | None:
        """Return what the reader gets for *event*, if anything."""

    def steps(self, *, silence_seconds: float) -> AsyncGenerator[Step | Silence]:
        """
        Yield the steps, and `Silence` when there was none for so long.

        Raises:
            AppError: The turn failed.
        """
        return self._made.read(silence_seconds=silence_seconds)

    async def close(self) -> None:
        """Cancel what still runs and wait for it to end."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.shield(self._task)

    async def _run(self) -> None:
        failure: AppError | None = None
        try:
            await self._produce()
        except asyncio.CancelledError:
            self._metrics.count_failed_turn("cancelled")
            raise
        except Exception as exc:  # noqa: BLE001 - A worker loop: its reader gets it.
            failure = as_app_error(exc)
            self._metrics.count_failed_turn(failure.code)
        finally:
            self._made.end(failure)
            await self._claim.abandon()

    async def _produce(self) -> None:
        try:
            async with (
                asyncio.timeout(self._deadline.remaining()),
                closing(self._events) as events,
            ):
                async for event in events:
                    step = await self._note(event)
                    if step is not None:
                        self._made.put(step)
        except TimeoutError as exc:
            raise TurnTimeout from exc
