"""A spoken turn as it runs, its answer kept for replays."""

from __future__ import annotations

import time

import orjson

from api.idempotency import Claim
from api.v1.audio_schemas import VoiceAnswer
from api.v1.running import Running
from domain.ports import StoredReply
from domain.speech import SpeechDelta, TranscriptDone, VoiceCompleted, VoiceTurn
from domain.speech_ports import VoiceAnswerer, VoiceEvent
from domain.turns import AnswerDelta, RetrievalCompleted
from utils.metrics import Metrics


class RunningVoiceTurn(Running[VoiceEvent, VoiceEvent]):
    """
    Runs one spoken turn; see `Running`.

    The stored reply holds no sound, which is a thousand times its text: a replay speaks
    the same words again.

    Attributes:
        transcript: What was heard, as soon as it is known; a failure later on tells it.
    """

    def __init__(
        self, voice: VoiceAnswerer, turn: VoiceTurn, *, claim: Claim, metrics: Metrics
    ) -> None:
        self.transcript: str | None = None
        self._turn = turn
        self._started_at = time.perf_counter()
        self._has_text = self._has_sound = False
        super().__init__(
            voice.stream(turn),
            deadline=turn.turn.deadline,
            claim=claim,
            metrics=metrics,
        )

    async def _note(self, event: VoiceEvent) -> VoiceEvent:
        match event:
            case TranscriptDone(transcript):
                self.transcript = transcript.text
            case RetrievalCompleted(passages):
                self._metrics.count_retrieval(passages)
            case AnswerDelta() if not self._has_text:
                self._has_text = True
                self._metrics.count_first_text(self._elapsed())
            case SpeechDelta() if not self._has_sound:
                self._has_sound = True
                self._metrics.count_first_audio(self._elapsed())
            case VoiceCompleted():
                await self._complete(event)
            case _:
                pass
        return event

    def _elapsed(self) -> float:
        return time.perf_counter() - self._started_at

    async def _complete(self, event: VoiceCompleted) -> None:
        reply = event.reply
        # Kept before it is sent: whoever heard the answer can have it again.
        await self._claim.finish(
            StoredReply(
                200,
                {},
                orjson.dumps(VoiceAnswer.without_audio(reply)),
                self._turn.turn.conversation_id,
            )
        )
        self._metrics.count_turn(
            answered=reply.answer.answered,
            stages=reply.exec_time,
            degraded=reply.answer.degraded,
            supported=[one.supported for one in reply.answer.citations],
            words=len(reply.answer.text.split()),
        )
        for warning in reply.warnings:
            self._metrics.count_voice_warning(warning)
