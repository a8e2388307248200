"""What a hostile request is: bytes for a socket, and the one answer they get."""

from __future__ import annotations

from dataclasses import dataclass

KEY = "@KEY@"
"""Stands for the key of the tenant `default`."""
OTHER_KEY = "@OTHER@"
"""Stands for the key of the tenant `other`."""

CHAT = '{"message": "Kapan?"}'
ASK = (f"X-API-Key: {KEY}", "X-Conversation-Id: hostile-1")
JSON = "Content-Type: application/json"


@dataclass(frozen=True, slots=True)
class Case:
    """
    One request.

    Attributes:
        data: Everything that is sent, keys as placeholders.
        status: Of the answer.
        code: Of the problem; None when the request is harmless and answered.
        alone: The connection must end with the answer: nothing that was sent behind
            it may be taken for a further request.
    """

    name: str
    data: bytes
    status: int
    code: str | None
    alone: bool = False

    def __str__(self) -> str:
        return self.name

    def bytes_for(self, key: str, other_key: str) -> bytes:
        """Return what is sent, with real keys."""
        data = self.data.replace(KEY.encode(), key.encode())
        return data.replace(OTHER_KEY.encode(), other_key.encode())


def request(
    method: str,
    target: str | bytes,
    *fields: str | bytes,
    body: str | bytes = b"",
    version: str = "HTTP/1.1",
    host: str | None = "Host: test",
    sized: bool = True,
) -> bytes:
    """Return a request; *sized*: a body gets its Content-Length."""
    body = body.encode() if isinstance(body, str) else body
    lines = [method.encode("latin-1") + b" " + _raw(target) + f" {version}".encode()]
    if host is not None:
        lines.append(_raw(host))
    lines += map(_raw, fields)
    if body and sized:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*lines, b"", b""]) + body


def ask(*fields: str | bytes, body: str | bytes = CHAT, sized: bool = True) -> bytes:
    """Return a question with key and conversation."""
    return request("POST", "/v1/chat", *ASK, JSON, *fields, body=body, sized=sized)


def get(target: str | bytes, *fields: str | bytes) -> bytes:
    """Return a GET request with the key."""
    return request("GET", target, f"X-API-Key: {KEY}", *fields)


def _raw(text: str | bytes) -> bytes:
    return text.encode("latin-1") if isinstance(text, str) else text
