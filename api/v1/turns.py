"""A typed turn as it runs, its answer kept for replays."""

from __future__ import annotations

import contextlib
import time

import orjson

from api.idempotency import Claim
from api.v1.running import Completed, Running
from api.v1.schemas import ChatAnswer
from domain.errors import RequestTimeout
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

Step = TurnStarted | RetrievalCompleted | AnswerDelta | Completed


class RunningTurn(Running[TurnEvent, Step]):
    """
    Runs one turn; see `Running`.

    Args:
        streamed: Whether the reader wants the text as it comes; waking it for each
            token costs as much as the token.
    """

    def __init__(
        self,
        answerer: Answerer,
        turn: Turn,
        *,
        claim: Claim,
        metrics: Metrics,
        streamed: bool = True,
    ) -> None:
        self._turn = turn
        self._streamed = streamed
        self._passages = 0
        self._started_at = time.perf_counter()
        self._heard = False
        super().__init__(
            answerer.stream(turn), deadline=turn.deadline, claim=claim, metrics=metrics
        )

    async def whole(self) -> bytes:
        """
        Return the JSON of the answer.

        Raises:
            AppError: The turn failed.
            RequestTimeout: It was cancelled.
        """
        seconds = self._turn.deadline.remaining()
        async with contextlib.aclosing(self.steps(silence_seconds=seconds)) as steps:
            async for step in steps:
                if isinstance(step, Completed):
                    return step.body
        raise RequestTimeout("The client left before the answer.")

    async def _note(self, event: TurnEvent) -> Step | None:
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
        return event if self._streamed or not isinstance(event, AnswerDelta) else None

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
