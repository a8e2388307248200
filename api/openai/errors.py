"""Errors in the shape that clients of OpenAI read; no Flask here."""

from __future__ import annotations

import orjson

from api.problems import problem_headers
from domain.errors import AppError, ModelNotFound, NotAuthenticated, RateLimited

PATHS = (
    "/v1/models",
    "/v1/chat/completions",
    "/v1/audio/transcriptions",
    "/v1/audio/speech",
)
"""Where this shape is spoken, everything below included."""

# Theirs is 400 for every body that is not as it should be.
_STATUS = {415: 400, 422: 400}

# What their programs compare with; every other code is ours.
_CODES: dict[type[AppError], str] = {
    NotAuthenticated: "invalid_api_key",
    RateLimited: "rate_limit_exceeded",
}


def speaks_openai(path: str) -> bool:
    """Tell whether errors of *path* have OpenAI's shape."""
    return any(path == known or path.startswith(f"{known}/") for known in PATHS)


def openai_status(error: AppError | type[AppError]) -> int:
    """Return the status that *error* has here."""
    return _STATUS.get(error.status, error.status)


def openai_error(error: AppError) -> dict[str, object]:
    """Return *error* as `{"error": {"message", "type", "code", "param"}}`."""
    message, param = error.detail, _param(error)
    if error.problems:
        first = error.problems[0]
        message = f"{first.field}: {first.reason}" if first.field else first.reason
    return {
        "error": {
            "message": message,
            "type": _type(error),
            "code": _CODES.get(type(error), error.code),
            "param": param,
        }
    }


def openai_error_bytes(error: AppError) -> bytes:
    """Return `openai_error()` as JSON text."""
    return orjson.dumps(openai_error(error))


def openai_error_headers(error: AppError) -> dict[str, str]:
    """
    Return the header fields that belong to *error* beside its body.

    Their clients try every 5xx and 409 again unless they are told not to.
    """
    headers = problem_headers(error) | {"Content-Type": "application/json"}
    if not error.retryable:
        headers["X-Should-Retry"] = "false"
    return headers


def _param(error: AppError) -> str | None:
    if isinstance(error, ModelNotFound):
        return "model"
    return error.problems[0].field or None if error.problems else None


def _type(error: AppError) -> str:
    if isinstance(error, RateLimited):
        return "requests"
    return "server_error" if error.status >= 500 else "invalid_request_error"
