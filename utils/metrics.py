"""Counters of the service, for Prometheus; all workers together when asked to."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# From a cached answer to the longest turn.
_TURN_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 90)
_PASSAGES = (0, 1, 2, 3, 5, 8, 13, 20)
# A label is a closed set; whatever else a part reports counts as `other`.
_STAGES = frozenset(
    {
        "understand",
        "retrieve",
        "decide",
        "generate",
        "total",
        "speech_to_text",
        "emotion_analysis",
        "process_rag",
        "text_to_speech",
    }
)
_PARTS = frozenset({"state", "history_gap", "retrieval", "dense", "rerank", "model"})


class Metrics:
    """
    What the HTTP edge counts; no label comes from a caller.

    With `PROMETHEUS_MULTIPROC_DIR` set before the start, every worker writes its
    counts into that folder and each of them can render the sum.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        registry = self._registry
        self._requests = Counter(
            "tanya_http_requests",
            "Requests by route and status.",
            ("method", "route", "status"),
            registry=registry,
        )
        self._request_seconds = Histogram(
            "tanya_http_request_duration_seconds",
            "Time to the end of the answer, streams included.",
            ("route",),
            buckets=_TURN_SECONDS,
            registry=registry,
        )
        self._turns = Counter(
            "tanya_turns",
            "Turns by how they ended.",
            ("outcome",),
            registry=registry,
        )
        self._stage_seconds = Histogram(
            "tanya_turn_stage_seconds",
            "Time of each stage of a turn.",
            ("stage",),
            buckets=_TURN_SECONDS,
            registry=registry,
        )
        self._first_delta = Histogram(
            "tanya_turn_first_text_seconds",
            "Time from the request to the first text of the answer.",
            buckets=_TURN_SECONDS,
            registry=registry,
        )
        self._first_audio = Histogram(
            "tanya_turn_first_audio_seconds",
            "Time from the end of an upload to the first sound of the answer.",
            buckets=_TURN_SECONDS,
            registry=registry,
        )
        self._voice_warnings = Counter(
            "tanya_voice_warnings",
            "Spoken turns that were asked again or went without a stage.",
            ("warning",),
            registry=registry,
        )
        self._passages = Histogram(
            "tanya_retrieved_passages",
            "Passages found for a turn.",
            buckets=_PASSAGES,
            registry=registry,
        )
        self._degraded = Counter(
            "tanya_turns_degraded",
            "Turns that had to do without a part.",
            ("part",),
            registry=registry,
        )
        self._citations = Counter(
            "tanya_citations",
            "Citations by whether the check supported them.",
            ("supported",),
            registry=registry,
        )
        self._answer_words = Counter(
            "tanya_answer_words", "Words in answers.", registry=registry
        )
        self._open_streams = Gauge(
            "tanya_open_streams",
            "Event streams open now.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._realtime_sessions = Gauge(
            "tanya_realtime_sessions",
            "Spoken conversations open now.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._realtime_responses = Counter(
            "tanya_realtime_responses",
            "Answers of spoken conversations by how they ended.",
            ("outcome",),
            registry=registry,
        )
        self._realtime_first_audio = Histogram(
            "tanya_realtime_first_audio_seconds",
            "Time from the last word to the first sound of the answer.",
            buckets=_TURN_SECONDS,
            registry=registry,
        )
        self._rate_limited = Counter(
            "tanya_rate_limited",
            "Requests refused by the rate limit.",
            ("subject",),
            registry=registry,
        )

    def count_request(
        self, *, method: str, route: str, status: int, seconds: float
    ) -> None:
        """Count one answered request; *route* is a template, never a path."""
        self._requests.labels(method, route, str(status)).inc()
        self._request_seconds.labels(route).observe(seconds)

    def count_refused(self, method: str, status: int, seconds: float) -> None:
        """Count a request that was refused before any route was found."""
        self.count_request(
            method=method, route="refused", status=status, seconds=seconds
        )

    def count_rate_limited(self, subject: str) -> None:
        """Count a refusal of `key` or `address`."""
        self._rate_limited.labels(subject).inc()

    def count_retrieval(self, passages: int) -> None:
        """Count one retrieval by how many passages it found."""
        self._passages.observe(passages)

    def count_first_text(self, seconds: float) -> None:
        """Count the wait for the first text of an answer."""
        self._first_delta.observe(seconds)

    def count_first_audio(self, seconds: float) -> None:
        """Count the wait for the first sound of an answer."""
        self._first_audio.observe(seconds)

    def count_voice_warning(self, warning: str) -> None:
        """Count a warning of a spoken turn; they are a closed set."""
        self._voice_warnings.labels(warning).inc()

    def count_failed_turn(self, code: str) -> None:
        """Count a turn that ended with an error; *code* is from our closed tree."""
        self._turns.labels(code).inc()

    def count_turn(
        self,
        *,
        answered: bool,
        stages: Mapping[str, float],
        degraded: Sequence[str],
        supported: Sequence[bool],
        words: int,
    ) -> None:
        """Count one completed turn; *stages* in seconds."""
        self._turns.labels("answered" if answered else "refused").inc()
        for stage, seconds in stages.items():
            label = stage if stage in _STAGES else "other"
            self._stage_seconds.labels(label).observe(seconds)
        for part in degraded:
            self._degraded.labels(part if part in _PARTS else "other").inc()
        for is_supported in supported:
            self._citations.labels("yes" if is_supported else "no").inc()
        self._answer_words.inc(words)

    def stream_opened(self) -> None:
        """Count a stream in."""
        self._open_streams.inc()

    def stream_closed(self) -> None:
        """Count a stream out."""
        self._open_streams.dec()

    def realtime_opened(self) -> None:
        """Count a spoken conversation in."""
        self._realtime_sessions.inc()

    def realtime_closed(self) -> None:
        """Count a spoken conversation out."""
        self._realtime_sessions.dec()

    def count_realtime_response(self, outcome: str) -> None:
        """Count an answer as `completed`, `failed` or by why it was cancelled."""
        self._realtime_responses.labels(outcome).inc()

    def count_realtime_first_audio(self, seconds: float) -> None:
        """Count the wait from the last word to the first sound of the answer."""
        self._realtime_first_audio.observe(seconds)

    def render(self) -> bytes:
        """Return everything in Prometheus' text format."""
        if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
            return generate_latest(self._registry)
        everyone = CollectorRegistry()
        multiprocess.MultiProcessCollector(everyone)  # type: ignore[no-untyped-call]
        return generate_latest(everyone)
