"""Errors as `application/problem+json` (RFC 9457), for every door; no Flask here."""

from __future__ import annotations

import math

import orjson

from domain.errors import AppError

MEDIA_TYPE = "application/problem+json"

# A client told to come back "some time" comes back at once; a number spreads them.
_DEFAULT_RETRY_SECONDS = 1


def problem(error: AppError, *, request_id: str) -> dict[str, object]:
    """
    Return *error* as the one JSON shape of the service.

    `message` repeats `detail` for clients that show only that; `errors` is there
    when fields were refused.
    """
    body: dict[str, object] = {
        "type": "about:blank",
        "title": error.title,
        "status": error.status,
        "code": error.code,
        "detail": error.detail,
        "message": error.detail,
        "request_id": request_id,
        "retryable": error.retryable,
    }
    if error.problems:
        body["errors"] = [
            {"field": item.field, "reason": item.reason} for item in error.problems
        ]
    return body


def problem_bytes(error: AppError, *, request_id: str) -> bytes:
    """Return `problem()` as JSON text."""
    return orjson.dumps(problem(error, request_id=request_id))


def problem_headers(error: AppError) -> dict[str, str]:
    """
    Return the header fields that belong to *error* beside its body.

    `Retry-After` in whole seconds on 429 and 503 and wherever a time is known,
    `WWW-Authenticate` on 401.
    """
    headers = {"Content-Type": MEDIA_TYPE}
    after = error.retry_after_seconds
    if after is None and error.retryable and error.status in (429, 503):
        after = _DEFAULT_RETRY_SECONDS
    if after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(after)))
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="tanya"'
    return headers
