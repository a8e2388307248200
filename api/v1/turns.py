"""A typed turn as it runs, its answer kept for replays."""

from __future__ import annotations

import time

import orjson

from api.idempotency import Claim
from api.v1.running import Completed, Running
from api.v1.schemas import ChatAnswer
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
    """Runs one turn; see `Running`."""

    def __init__(
        self, answerer: Answerer, turn: Turn, *, claim: Claim, metrics: Metrics
    ) -> None:
        self._turn = turn
        self._passages = 0
        self._started_at = time.perf_counter()
        self._heard = False
        super().__init__(
            answerer.stream(turn), deadline=turn.deadline, claim=claim, metrics=metrics
        )

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
