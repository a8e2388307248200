"""A turn in a task of its own, its events read as they come."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

import orjson

from api.errors import as_app_error
from api.idempotency import Claim
from api.v1.schemas import ChatAnswer
from domain.errors import AppError, TurnTimeout
from domain.ports import Answerer, StoredReply
from domain.turns import (
    Answer,
    AnswerCompleted,
    AnswerDelta,
    RetrievalCompleted,
    Turn,
    TurnEvent,
    TurnStarted,
)
from utils.metrics import Metrics

PASSAGES_HEADER = "Tanya-Passages"


@dataclass(frozen=True, slots=True)
class Completed:
    """The turn is stored; *body* is the JSON that answers it."""

    body: bytes


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing happened for a while."""


@dataclass(frozen=True, slots=True)
class _Failed:
    error: AppError


Step = TurnStarted | RetrievalCompleted | AnswerDelta | Completed


class RunningTurn:
    """
    Runs one turn; the answerer's generator lives and ends in one task.

    A generator that is resumed from different tasks loses its timeouts and its context
    variables, so the reader never touches it: it reads a queue. The queue needs no
    bound, because an answer has one.
    """

    def __init__(
        self, answerer: Answerer, turn: Turn, *, claim: Claim, metrics: Metrics
    ) -> None:
        self._answerer = answerer
        self._turn = turn
        self._claim = claim
        self._metrics = metrics
        self._queue: asyncio.Queue[Step | _Failed | None] = asyncio.Queue()
        self._passages = 0
        self._started_at = time.perf_counter()
        self._heard = False
        self._task = asyncio.create_task(self._run())

    async def steps(self, *, silence_seconds: float) -> AsyncGenerator[Step | Silence]:
        """
        Yield the steps, and `Silence` when there was none for so long.

        Raises:
            AppError: The turn failed.
        """
        while True:
            try:
                item = self._queue.get_nowait()
            except asyncio.QueueEmpty:
                try:
                    async with asyncio.timeout(silence_seconds):
                        item = await self._queue.get()
                except TimeoutError:
                    yield Silence()
                    continue
            if item is None:
                return
            if isinstance(item, _Failed):
                raise item.error
            yield item

    async def close(self) -> None:
        """Cancel what still runs and wait for it to end."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.shield(self._task)

    def cancel(self) -> None:
        """Cancel what still runs; its reader sees the end."""
        self._task.cancel()

    async def _run(self) -> None:
        try:
            await self._produce()
        except asyncio.CancelledError:
            self._metrics.count_failed_turn("cancelled")
            raise
        except Exception as exc:  # noqa: BLE001 - A worker loop: its reader gets it.
            error = as_app_error(exc)
            self._metrics.count_failed_turn(error.code)
            self._queue.put_nowait(_Failed(error))
        finally:
            self._queue.put_nowait(None)
            await self._claim.abandon()

    async def _produce(self) -> None:
        try:
            async with (
                asyncio.timeout(self._turn.deadline.remaining()),
                _closing(self._answerer.stream(self._turn)) as events,
            ):
                async for event in events:
                    self._queue.put_nowait(await self._note(event))
        except TimeoutError as exc:
            raise TurnTimeout from exc

    async def _note(self, event: TurnEvent) -> Step:
        match event:
            case AnswerCompleted(answer):
                return await self._complete(answer)
            case RetrievalCompleted(passages):
                self._passages = passages
                self._metrics.count_retrieval(passages)
            case AnswerDelta() if not self._heard:
                self._heard = True
                self._metrics.count_first_text(time.perf_counter() - self._started_at)
            case _:
                pass
        return event

    async def _complete(self, answer: Answer) -> Completed:
        body = orjson.dumps(ChatAnswer.of(answer))
        # Kept before it is sent: whoever saw the answer can have it again.
        headers = {PASSAGES_HEADER: str(self._passages)}
        await self._claim.finish(
            StoredReply(200, headers, body, self._turn.conversation_id)
        )
        self._metrics.count_turn(
            answered=answer.answered,
            stages=answer.exec_time,
            degraded=answer.degraded,
            supported=[citation.supported for citation in answer.citations],
            words=len(answer.text.split()),
        )
        return Completed(body)


@contextlib.asynccontextmanager
async def _closing(
    events: AsyncIterator[TurnEvent],
) -> AsyncIterator[AsyncIterator[TurnEvent]]:
    """Close *events* at the end when it is a generator, as every real one is."""
    try:
        yield events
    finally:
        if isinstance(events, AsyncGenerator):
            await events.aclose()
