"""Errors have one shape, for every door."""

from __future__ import annotations

import json

from api.problems import problem, problem_bytes, problem_headers
from domain.errors import (
    ConversationBusy,
    FieldProblem,
    NotAuthenticated,
    Overloaded,
    RateLimited,
    TurnTimeout,
    UpstreamQuotaExhausted,
    ValidationFailed,
)


def test_a_problem_tells_title_code_and_whether_to_retry() -> None:
    assert problem(ConversationBusy(), request_id="r1") == {
        "type": "about:blank",
        "title": "Conversation is busy",
        "status": 409,
        "code": "conversation_busy",
        "detail": "Another turn of this conversation is running.",
        "message": "Another turn of this conversation is running.",
        "request_id": "r1",
        "retryable": True,
    }


def test_refused_fields_are_listed() -> None:
    error = ValidationFailed(problems=(FieldProblem("message", "is required"),))

    body = json.loads(problem_bytes(error, request_id="r1"))

    assert body["errors"] == [{"field": "message", "reason": "is required"}]


def test_busy_answers_say_when_to_come_back() -> None:
    assert problem_headers(Overloaded())["Retry-After"] == "1"
    assert problem_headers(RateLimited(retry_after_seconds=59.2))["Retry-After"] == "60"
    assert problem_headers(Overloaded(retry_after_seconds=0.01))["Retry-After"] == "1"


def test_answers_that_waiting_does_not_help_say_nothing() -> None:
    assert "Retry-After" not in problem_headers(UpstreamQuotaExhausted())
    assert "Retry-After" not in problem_headers(TurnTimeout())


def test_a_missing_key_is_asked_for() -> None:
    assert problem_headers(NotAuthenticated())["WWW-Authenticate"].startswith("Bearer")
