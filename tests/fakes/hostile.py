"""Requests nobody means well with, and the one answer each of them gets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

JSON = {"Content-Type": "application/json"}
CID = {"X-Conversation-Id": "hostile-1"}
ASK = JSON | CID
GOOD = b'{"message": "Kapan?"}'
FOREIGN_DOCUMENT = "doc_" + "0" * 32


@dataclass(frozen=True)
class Hostile:
    """
    One request.

    Attributes:
        headers: Beside the key; a value None takes a header away.
        code: Of the problem that answers it.
    """

    name: str
    status: int
    code: str
    method: str = "POST"
    path: str = "/v1/chat"
    headers: dict[str, str | None] = field(default_factory=lambda: dict(ASK))
    content: bytes = GOOD

    def __str__(self) -> str:
        return self.name

    def merged(self, key_headers: dict[str, str]) -> dict[str, str]:
        """Return all headers, the key's first."""
        merged: dict[str, str | None] = {**key_headers, **self.headers}
        return {name: value for name, value in merged.items() if value is not None}


def _chat(name: str, content: bytes, status: int, code: str) -> Hostile:
    return Hostile(f"json/{name}", status, code, content=content)


def _field(name: str, value: Any, *, wanted: str | None = None) -> Hostile:
    content = json.dumps({"message": "Kapan?", **value}).encode()
    return Hostile(f"field/{wanted or name}", 422, "validation_failed", content=content)


def _keys() -> Iterator[Hostile]:
    cases: dict[str, dict[str, str | None]] = {
        "none": {"X-API-Key": None},
        "empty": {"X-API-Key": ""},
        "wrong": {"X-API-Key": "tanya_wrong"},
        "other-case": {"X-API-Key": "TANYA_TEST"},
        "latin-1": {"X-API-Key": "caf\xe9-\xff"},
        "huge": {"X-API-Key": "k" * 8000},
        "basic": {"X-API-Key": None, "Authorization": "Basic dGVzdDp0ZXN0"},
        "bearer-empty": {"X-API-Key": None, "Authorization": "Bearer "},
        "bearer-alone": {"X-API-Key": None, "Authorization": "Bearer"},
        "bearer-wrong": {"X-API-Key": None, "Authorization": "Bearer abc"},
        "sql": {"X-API-Key": "' OR 1=1 --"},
        "digest-instead": {"X-API-Key": "0" * 64},
        "underscore": {"X-API-Key": None, "X_API_Key": "tanya_any"},
        "cookie": {"X-API-Key": None, "Cookie": "X-API-Key=tanya_any"},
    }
    for name, headers in cases.items():
        yield Hostile(
            f"key/{name}", 401, "not_authenticated", headers={**ASK, **headers}
        )
    yield Hostile(
        "key/two-keys",
        401,
        "not_authenticated",
        headers={**ASK, "Authorization": "Bearer another"},
    )
    yield Hostile(
        "key/in-query",
        401,
        "not_authenticated",
        path="/v1/chat?api_key=tanya_any&X-API-Key=tanya_any",
        headers={**ASK, "X-API-Key": None},
    )


def _conversation_ids() -> Iterator[Hostile]:
    for name, value in {
        "missing": None,
        "empty": "",
        "space": "a b",
        "inner-tab": "a\tb",
        "slash": "a/b",
        "up": "../etc/passwd",
        "backslash": "a\\b",
        "star": "*",
        "braces": "{a}",
        "colon": "tenant:a",
        "comma": "a,b",
        "quote": "a'b",
        "percent": "a%2fb",
        "too-long": "a" * 129,
        "fullwidth-dot": "a\uff0eb".encode().decode("latin-1"),
        "latin-1": "caf\xe9",
        "null-word": "null\\u0000",
        "at": "a@b",
    }.items():
        yield Hostile(
            f"conversation-id/{name}",
            400,
            "conversation_id_invalid",
            headers={**JSON, "X-Conversation-Id": value},
        )


def _bodies() -> Iterator[Hostile]:
    malformed = "body_malformed"
    yield _chat("empty", b"", 400, malformed)
    yield _chat("spaces", b"   \n", 400, malformed)
    yield _chat("cut", b'{"message": "Kap', 400, malformed)
    yield _chat("trailing", b'{"message": "a"} x', 400, malformed)
    yield _chat("two-values", b'{"message": "a"}{"message": "b"}', 400, malformed)
    yield _chat("single-quotes", b"{'message': 'a'}", 400, malformed)
    yield _chat("comment", b'{"message": "a"} // hi', 400, malformed)
    yield _chat("trailing-comma", b'{"message": "a",}', 400, malformed)
    yield _chat("nan", b'{"message": "a", "max_results": NaN}', 400, malformed)
    yield _chat("infinity", b'{"message": "a", "x": Infinity}', 400, malformed)
    yield _chat("minus-infinity", b'{"message": "a", "x": -Infinity}', 400, malformed)
    yield _chat("overflow", b'{"message": "a", "x": 1e999}', 400, malformed)
    yield _chat(
        "huge-number", b'{"message": "a", "x": ' + b"9" * 5000 + b"}", 400, malformed
    )
    yield _chat("lone-surrogate", b'{"message": "a\\ud800"}', 400, malformed)
    yield _chat("low-surrogate", b'{"message": "\\udc00a"}', 400, malformed)
    yield _chat("surrogate-in-name", b'{"message": "a", "\\ud800": 1}', 400, malformed)
    yield _chat("raw-surrogate", b'{"message": "\xed\xa0\x80"}', 400, malformed)
    yield _chat("latin-1", b'{"message": "caf\xe9"}', 400, malformed)
    yield _chat("utf-16", '{"message": "a"}'.encode("utf-16"), 400, malformed)
    yield _chat("bom", b'\xef\xbb\xbf{"message": "a"}', 400, malformed)
    yield _chat("raw-nul", b'{"message": "a\x00b"}', 400, malformed)
    yield _chat("raw-control", b'{"message": "a\x01b"}', 400, malformed)
    yield _chat("repeated-name", b'{"message": "a", "message": "b"}', 400, malformed)
    yield _chat(
        "repeated-inside", b'{"message": "a", "user": {"a": 1, "a": 2}}', 400, malformed
    )
    yield _chat(
        "deep-arrays",
        b'{"message": "a", "user": {"x": ' + b"[" * 500 + b"]" * 500 + b"}}",
        400,
        malformed,
    )
    yield _chat("deeper", b'{"x":' + b"[" * 60_000 + b"]" * 60_000, 400, malformed)
    yield _chat("array", b'[{"message": "a"}]', 422, "validation_failed")
    yield _chat("text", b'"{\\"message\\": \\"a\\"}"', 422, "validation_failed")
    yield _chat("number", b"1", 422, "validation_failed")
    yield _chat("null", b"null", 422, "validation_failed")
    yield _chat("true", b"true", 422, "validation_failed")
    yield _chat("no-message", b"{}", 422, "validation_failed")
    yield Hostile(
        "body/too-large",
        413,
        "payload_too_large",
        content=b'{"message": "' + b"a" * (129 * 1024) + b'"}',
    )


def _fields() -> Iterator[Hostile]:
    yield _field("message", {"message": 1}, wanted="message-number")
    yield _field("message", {"message": None}, wanted="message-null")
    yield _field("message", {"message": ["a"]}, wanted="message-list")
    yield _field("message", {"message": {"lc": 1}}, wanted="message-object")
    yield _field("message", {"message": True}, wanted="message-true")
    yield _field("message", {"message": ""}, wanted="message-empty")
    yield _field("message", {"message": " \t\n"}, wanted="message-blank")
    yield _field("message", {"message": "\u00a0\u3000"}, wanted="message-blank-unicode")
    yield _field("message", {"message": "\u200b\ufeff"}, wanted="message-invisible")
    yield _field("message", {"message": "a\x00b"}, wanted="message-nul")
    yield _field("message", {"message": "a" * 5001}, wanted="message-long")
    yield _field("stream", {"stream": "true"}, wanted="stream-text")
    yield _field("stream", {"stream": 1}, wanted="stream-number")
    yield _field("selected_text", {"selected_text": "a" * 8001}, wanted="selected-long")
    yield _field("selected_text", {"selected_text": "\x00"}, wanted="selected-nul")
    yield _field("selected_text", {"selected_text": 3}, wanted="selected-number")
    yield _field("page", {"page": "https://a.b"}, wanted="page-text")
    yield _field("page", {"page": {"url": 3}}, wanted="page-url-number")
    yield _field("page", {"page": {"headings": "a"}}, wanted="page-headings-text")
    yield _field("page", {"page": {"headings": ["a"] * 51}}, wanted="page-headings")
    yield _field("user", {"user": []}, wanted="user-list")
    yield _field("user", {"user": {"name": 1}}, wanted="user-name-number")
    yield _field("user", {"user": {"x": "a" * 5000}}, wanted="user-large")
    yield _field("user", {"user": {"x": ["\x00"]}}, wanted="user-nul")
    yield _field("max_results", {"max_results": 0}, wanted="max-results-0")
    yield _field("max_results", {"max_results": 21}, wanted="max-results-21")
    yield _field("max_results", {"max_results": 1.5}, wanted="max-results-fraction")
    yield _field("max_results", {"max_results": "5"}, wanted="max-results-text")
    yield _field("max_results", {"max_results": True}, wanted="max-results-true")
    yield _field("max_results", {"max_results": 10**30}, wanted="max-results-huge")
    yield _field("language", {"language": "fr"}, wanted="language-fr")
    yield _field("language", {"language": "ID"}, wanted="language-case")


def _headers() -> Iterator[Hostile]:
    unread = "media_type_unsupported"
    for name, value in {
        "none": None,
        "text": "text/plain",
        "form": "application/x-www-form-urlencoded",
        "xml": "application/xml",
        "nonsense": "nonsense",
        "charset": "application/json; charset=utf-16",
    }.items():
        yield Hostile(
            f"content-type/{name}", 415, unread, headers={**CID, "Content-Type": value}
        )
    yield Hostile(
        "content-encoding", 415, unread, headers={**ASK, "Content-Encoding": "gzip"}
    )
    yield Hostile(
        "accept", 406, "not_acceptable", headers={**ASK, "Accept": "image/png"}
    )
    for name, value in {
        "empty": "",
        "space": "a b",
        "long": "k" * 256,
        "latin-1": "caf\xe9",
    }.items():
        yield Hostile(
            f"idempotency-key/{name}",
            400,
            "bad_request",
            headers={**ASK, "Idempotency-Key": value},
        )
    yield Hostile(
        "headers/too-large",
        431,
        "headers_too_large",
        headers={**ASK, "X-Filler": "a" * 40_000},
    )


def _paths() -> Iterator[Hostile]:
    for name, path in {
        "unknown": "/v1/nothing",
        "up": "/v1/../../etc/passwd",
        "encoded-up": "/v1/%2e%2e/%2e%2e/etc/passwd",
        "double-slash": "//v1//chat",
        "nul": "/v1/chat%00",
        "php": "/wp-login.php",
        "dot-env": "/.env",
        "template": "/v1/{{7*7}}",
        "unicode": "/v1/ch%C3%A0t",
        "bad-utf-8": "/v1/%ff%fe",
        "static": "/static/app.py",
        "docs-up": "/docs/..%2f..%2fapp.py",
    }.items():
        yield Hostile(f"path/{name}", 404, "not_found", method="GET", path=path)
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        yield Hostile(f"method/{method}", 405, "method_not_allowed", method=method)
    yield Hostile("method/health", 405, "method_not_allowed", path="/health")


def _conversations() -> Iterator[Hostile]:
    base = "/v1/conversations"
    bad = "conversation_id_invalid"
    for name, part in {
        "space": "a%20b",
        "colon": "a:b",
        "long": "a" * 129,
        "nul": "a%00",
        "newline": "a%0a",
    }.items():
        yield Hostile(
            f"conversation/{name}", 400, bad, method="GET", path=f"{base}/{part}"
        )
    yield Hostile(
        "conversation/absent",
        404,
        "conversation_not_found",
        method="GET",
        path=f"{base}/absent",
    )
    yield Hostile(
        "conversation/delete-absent",
        404,
        "conversation_not_found",
        method="DELETE",
        path=f"{base}/absent",
    )
    for name, query in {
        "limit-0": "limit=0",
        "limit-101": "limit=101",
        "limit-text": "limit=ten",
        "limit-minus": "limit=-1",
        "limit-fraction": "limit=1.5",
        "limit-underscore": "limit=1_0",
        "cursor-long": "cursor=" + "a" * 501,
        "cursor-nul": "cursor=a%00",
    }.items():
        yield Hostile(
            f"conversations/{name}",
            422,
            "validation_failed",
            method="GET",
            path=f"{base}?{query}",
        )
    yield Hostile(
        "conversations/cursor-foreign",
        404,
        "not_found",
        method="GET",
        path=f"{base}?cursor=%2e%2e",
    )
    for name, body in {
        "empty": b'{"title": "  "}',
        "long": b'{"title": "' + b"a" * 201 + b'"}',
        "number": b'{"title": 1}',
        "missing": b"{}",
    }.items():
        yield Hostile(
            f"rename/{name}",
            422,
            "validation_failed",
            method="PATCH",
            path=f"{base}/absent",
            content=body,
        )
    for name, body in {
        "kind": b'{"message_id": "msg_1", "kind": "great"}',
        "no-message": b'{"kind": "positive"}',
        "comment": b'{"message_id": "m", "kind": "positive", "comment": "'
        + b"a" * 2001
        + b'"}',
    }.items():
        yield Hostile(
            f"feedback/{name}",
            422,
            "validation_failed",
            path=f"{base}/absent/feedback",
            content=body,
        )
    yield Hostile(
        "feedback/absent",
        404,
        "conversation_not_found",
        path=f"{base}/absent/feedback",
        content=b'{"message_id": "msg_1", "kind": "positive"}',
    )


def _multipart(*parts: tuple[str, str], body: bytes = b"hello") -> bytes:
    lines = b""
    for disposition, media_type in parts:
        lines += b"--X\r\nContent-Disposition: form-data; " + disposition.encode()
        if media_type:
            lines += b"\r\nContent-Type: " + media_type.encode()
        lines += b"\r\n\r\n" + body + b"\r\n"
    return lines + b"--X--\r\n"


def _documents() -> Iterator[Hostile]:
    path = "/v1/documents"
    form: dict[str, str | None] = {"Content-Type": "multipart/form-data; boundary=X"}

    def upload(name: str, status: int, code: str, content: bytes) -> Hostile:
        return Hostile(f"upload/{name}", status, code, "POST", path, form, content)

    file = ('name="file"; filename="a.txt"', "text/plain")
    yield upload("no-file", 422, "validation_failed", _multipart(('name="title"', "")))
    yield upload("empty-form", 422, "validation_failed", b"--X--\r\n")
    yield upload("cut", 422, "validation_failed", b"--X\r\nContent-Disposition: for")
    yield upload("not-multipart", 422, "validation_failed", b"hello")
    yield upload("empty-file", 422, "validation_failed", _multipart(file, body=b""))
    yield upload("two-files", 422, "validation_failed", _multipart(file, file))
    yield upload(
        "field-as-file", 422, "validation_failed", _multipart(('name="file"', ""))
    )
    yield upload(
        "url-script",
        422,
        "validation_failed",
        _multipart(file)[:-7] + b'--X\r\nContent-Disposition: form-data; name="url"'
        b"\r\n\r\njavascript:alert(1)\r\n--X--\r\n",
    )
    yield upload(
        "language",
        422,
        "validation_failed",
        _multipart(file)[:-7]
        + b'--X\r\nContent-Disposition: form-data; name="language"'
        b"\r\n\r\nfr\r\n--X--\r\n",
    )
    yield upload(
        "program",
        415,
        "document_type_unsupported",
        _multipart(
            ('name="file"; filename="a.exe"', "application/x-msdownload"),
            body=b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff",
        ),
    )
    yield upload(
        "many-parts",
        413,
        "payload_too_large",
        _multipart(*[(f'name="f{n}"', "") for n in range(200)]),
    )
    yield upload(
        "large-field",
        413,
        "payload_too_large",
        _multipart(('name="title"', ""), body=b"a" * 300_000),
    )
    yield Hostile(
        "upload/no-boundary",
        422,
        "validation_failed",
        "POST",
        path,
        {"Content-Type": "multipart/form-data"},
        _multipart(file),
    )
    yield Hostile(
        "upload/raw",
        415,
        "media_type_unsupported",
        "POST",
        path,
        {"Content-Type": "application/pdf"},
        b"%PDF-1.7",
    )
    for name, body in {
        "no-title": b'{"text": "a"}',
        "no-text": b'{"title": "a"}',
        "empty-text": b'{"title": "a", "text": " "}',
        "nul": b'{"title": "a", "text": "a\\u0000"}',
        "url-file": b'{"title": "a", "text": "a", "url": "file:///etc/passwd"}',
        "url-data": b'{"title": "a", "text": "a", "url": "data:text/html,x"}',
        "url-spaces": b'{"title": "a", "text": "a", "url": "https://a b"}',
        "long-title": b'{"text": "a", "title": "' + b"a" * 301 + b'"}',
    }.items():
        yield Hostile(
            f"text/{name}", 422, "validation_failed", "POST", path, dict(JSON), body
        )
    yield Hostile(
        "text/too-large",
        413,
        "payload_too_large",
        "POST",
        path,
        dict(JSON),
        b'{"title": "a", "text": "' + b"a" * (129 * 1024) + b'"}',
    )
    for method in ("GET", "DELETE"):
        for name, part in {
            "foreign": FOREIGN_DOCUMENT,
            "up": "..%2e",
            "nul": "doc_%00",
            "long": "d" * 200,
        }.items():
            yield Hostile(
                f"document/{method.lower()}-{name}",
                404,
                "document_not_found",
                method,
                f"{path}/{part}",
                {},
                b"",
            )


HOSTILE: tuple[Hostile, ...] = (
    *_keys(),
    *_conversation_ids(),
    *_bodies(),
    *_fields(),
    *_headers(),
    *_paths(),
    *_conversations(),
    *_documents(),
)
