"""What is counted of one connection: never what was said."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from domain.realtime import (
    RealtimeEvent,
    ResponseEnded,
    ResponseStarted,
    SpeechStarted,
    WordsHeard,
)
from utils.metrics import Metrics

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Account:
    """
    Counts of one connection, told to the metrics as they come and logged at its end.

    Attributes:
        close_code: Of the close frame we sent; None: the client ended it.
    """

    metrics: Metrics
    tenant: str
    clock: Callable[[], float] = time.monotonic
    close_code: int | None = None
    was_slow: bool = False
    errors: int = 0
    _utterances: int = 0
    _heard_seconds: float = 0.0
    _responses: int = 0
    _by_status: dict[str, int] = field(default_factory=dict)
    _started_at: float = 0.0

    def begin(self) -> None:
        """Count the connection in."""
        self._started_at = self.clock()
        self.metrics.realtime_opened()

    def note(self, event: RealtimeEvent) -> None:
        """Count what happened."""
        match event:
            case SpeechStarted():
                self._utterances += 1
            case WordsHeard():
                self._heard_seconds += event.seconds
            case ResponseStarted():
                self._responses += 1
            case ResponseEnded():
                self._end(event)
            case _:
                pass

    def close(self) -> None:
        """Count the connection out, and write its line."""
        self.metrics.realtime_closed()
        log.info(
            "realtime_session_ended",
            extra={
                "tenant": self.tenant,
                "session_seconds": round(self.clock() - self._started_at, 1),
                "utterances": self._utterances,
                "heard_seconds": round(self._heard_seconds, 1),
                "responses": self._responses,
                "outcomes": dict(self._by_status),
                "errors": self.errors,
                "was_slow": self.was_slow,
                "close_code": self.close_code,
            },
        )

    def _end(self, event: ResponseEnded) -> None:
        self._by_status[event.status] = self._by_status.get(event.status, 0) + 1
        self.metrics.count_realtime_response(event.reason or event.status)
        first = event.metrics.get("time_to_first_audio_ms")
        if first is not None:
            self.metrics.count_realtime_first_audio(first / 1000)
        if event.answer is not None:
            answer = event.answer
            self.metrics.count_turn(
                answered=answer.answered,
                stages=answer.exec_time,
                degraded=answer.degraded,
                supported=[citation.supported for citation in answer.citations],
                words=len(answer.text.split()),
            )
        for warning in event.warnings:
            self.metrics.count_voice_warning(warning)
