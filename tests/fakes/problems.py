"""What every error answer must be, whatever went wrong."""

from __future__ import annotations

import re
from typing import Any, Protocol

_FIELDS = {
    "type",
    "title",
    "status",
    "code",
    "detail",
    "message",
    "request_id",
    "retryable",
}
_LEAKS = re.compile(
    r"Traceback|File \"|\.py\b|/(?:usr|home|root)/|site-packages|werkzeug|pydantic"
    r"|Error:|127\.0\.0\.1",
    re.IGNORECASE,
)


class Reply(Protocol):
    """As much of a response as is looked at."""

    @property
    def status_code(self) -> int: ...

    @property
    def headers(self) -> Any: ...

    @property
    def text(self) -> str: ...

    def json(self) -> Any: ...


def assert_problem(reply: Reply, status: int, code: str | None = None) -> Any:
    """Check that *reply* is the problem expected; return its body."""
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    body = reply.json()
    assert set(body) >= _FIELDS
    assert set(body) - _FIELDS <= {"errors", "transcript"}
    assert body["status"] == status
    assert body["message"] == body["detail"]
    assert body["request_id"] == reply.headers["x-request-id"]
    if code is not None:
        assert body["code"] == code, body
    if body["code"] == "validation_failed":
        assert body["errors"]
        assert all(set(item) == {"field", "reason"} for item in body["errors"])
    if status == 401:
        assert reply.headers["www-authenticate"]
    if status in {429, 503} and body["retryable"]:
        assert int(reply.headers["retry-after"]) >= 1
    assert not _LEAKS.search(reply.text), reply.text
    return body
