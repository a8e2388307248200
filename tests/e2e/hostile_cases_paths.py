"""Paths, methods, queries and ids that lead nowhere."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

from tests.e2e.hostile_cases import ASK, CHAT, JSON, KEY, Case, ask, get, request

UNKNOWN = "not_found"
_BASE = "/v1/conversations"


def path_cases() -> Iterator[Case]:
    """Yield requests for what is not there."""
    yield from _paths()
    yield from _targets()
    yield from _methods()
    yield from _queries()
    yield from _ids()
    yield from _header_ids()
    yield from _accepts()


def _paths() -> Iterator[Case]:
    for path in (
        "/v1/chat/..;/documents",
        "/v1/..;/..;/etc/passwd",
        "/v1/%2e%2e/%2e%2e/etc/passwd",
        "/v1/%252e%252e/etc/passwd",
        "/v1/..%2f..%2fetc%2fpasswd",
        "/v1/..%5c..%5cwindows%5cwin.ini",
        "/v1/..%c0%af..%c0%afetc",
        "/v1/%c0%ae%c0%ae/etc",
        "/v1/%e0%80%ae/etc",
        "/v1/%uff0e%uff0e/etc",
        "/v1/chat%00",
        "/v1/chat%00.json",
        "/v1/chat%0d%0aX-Injected:%20yes",
        "/v1/chat%20",
        "/v1/chat;jsessionid=1",
        "/v1/chat.json",
        "/v1/chat~",
        "/v1//conversations",
        "//v1/conversations",
        "///",
        "/V1/CONVERSATIONS",
        "/v1/./conversations",
        "/v1/documents/../conversations",
        "/v1\\conversations",
        "/%",
        "/%zz",
        "/%u0041",
        "/%ff%fe%fd",
        "/%f0%9f%98",
        "/%ed%a0%80",
        "/%E2%80%AE",
        "/{{7*7}}",
        "/${7*7}",
        "/<script>alert(1)</script>",
        "/'%20OR%201=1--",
        "/.env",
        "/.git/config",
        "/wp-login.php",
        "/actuator/env",
        "/console",
        "/debug",
        "/server-status",
        "/static/app.py",
        "/app.py",
        "/docs/..%2f..%2fapp.py",
        "/docs/%2e%2e/app.py",
        "/docs/swagger-ui.css/../../app.py",
        "/docs/swagger-ui.css%00.js",
        "/openapi.json/x",
        "/openapi.yaml",
        "/openapi/swagger",
        "/metrics/../v1/chat",
        "/health/x",
        "/v1",
        "/v1/",
        "/v2/chat",
        "/v1/conversations/a/b/c",
        "/v1/conversations//feedback",
        "/v1/documents/a/b",
    ):
        yield Case(f"path{path}", get(path), 404, UNKNOWN)
    raw = b"/v1/caf\xe9"
    yield Case("path/raw-latin-1", get(raw), 400, "bad_request", alone=True)


def _targets() -> Iterator[Case]:
    for target in (
        "http://evil.example/v1/conversations",
        "https://evil.example:8443/v1/conversations",
        "//evil.example/v1/conversations",
        "evil.example:443",
        "*",
        "file:///etc/passwd",
        "@evil.example/v1/conversations",
        "v1/conversations",
        "?cursor=a",
    ):
        yield Case(f"target/{target}", get(target), 404, UNKNOWN)
    connect = request("CONNECT", "evil.example:443", f"X-API-Key: {KEY}")
    yield Case("target/connect", connect, 404, UNKNOWN)


def _methods() -> Iterator[Case]:
    wrong = "method_not_allowed"
    for path, methods in {
        "/v1/chat": "GET PUT PATCH DELETE TRACE PROPFIND SEARCH get FOO",
        _BASE: "POST PUT PATCH DELETE TRACE PURGE",
        f"{_BASE}/a": "POST PUT TRACE",
        f"{_BASE}/a/feedback": "GET DELETE PUT",
        "/v1/documents": "PUT PATCH DELETE TRACE",
        "/v1/documents/a": "POST PUT PATCH",
        "/health": "POST PUT DELETE TRACE",
        "/ready": "POST",
        "/metrics": "POST DELETE",
        "/openapi.json": "POST PUT",
        "/docs": "POST",
    }.items():
        for method in methods.split():
            data = request(method, path, *ASK)
            yield Case(f"method/{method}{path}", data, 405, wrong)
    yield Case("method/long", request("A" * 2000, "/v1/chat", *ASK), 405, wrong)


def _queries() -> Iterator[Case]:
    refused = "validation_failed"
    for name, query in {
        "limit-empty": "limit=",
        "limit-plus": "limit=+5",
        "limit-exponent": "limit=1e1",
        "limit-hex": "limit=0x5",
        "limit-huge": "limit=" + "9" * 400,
        "limit-minus-zero": "limit=-0",
        "limit-fullwidth": "limit=%EF%BC%95",
        "limit-arabic": "limit=%D9%A5",
        "limit-nul": "limit=5%00",
        "limit-newline": "limit=5%0a",
        "limit-array": "limit[]=5&limit=",
        "limit-true": "limit=true",
        "limit-sql": "limit=5;drop%20table",
        "limit-bad-utf-8": "limit=%ff",
        "cursor-empty": "cursor=",
        "cursor-long": "cursor=" + "a" * 501,
    }.items():
        for base in (_BASE, "/v1/documents"):
            place = base.rpartition("/")[2]
            yield Case(f"query/{place}-{name}", get(f"{base}?{query}"), 422, refused)
    for name, cursor in _cursors().items():
        for base in (_BASE, "/v1/documents"):
            place = base.rpartition("/")[2]
            data = get(f"{base}?cursor={cursor}")
            yield Case(f"cursor/{place}-{name}", data, 404, UNKNOWN)
    for name, query in {
        "unknown": "x=1&y[z]=2&__proto__=3",
        "bad-utf-8": "x=%ff%fe",
        "bad-percent": "x=%zz&%",
        "10-kb": "x=" + "a" * 10_000,
        "many": "&".join(f"a{n}=1" for n in range(1500)),
        "semicolons": ";;;;a=1;b=2",
        "first-counts": "limit=5&limit=0",
    }.items():
        yield Case(f"query/{name}", get(f"{_BASE}?{query}"), 200, None)


def _cursors() -> dict[str, str]:
    def packed(value: object) -> str:
        body = json.dumps(value).encode()
        return base64.urlsafe_b64encode(body).decode().rstrip("=")

    return {
        "word": "abc",
        "dots": "..",
        "number": "10",
        "padding": "====",
        "not-base64": "%21%21%21",
        "nul": packed("\x00"),
        "empty-list": packed([]),
        "object": packed({"score": 1}),
        "null": packed(None),
        "deep": packed(json.loads("[" * 40 + "]" * 40)),
        "foreign-mark": packed(["0" * 12, 1e9, 1]),
        "mark-is-a-list": packed([["a"], 1, 1]),
        "nan": packed(["0" * 12, float("nan"), 1]),
        "infinite": packed(["0" * 12, float("inf"), 1]),
        "huge-number": packed(["0" * 12, 10**150, 10**150]),
        "minus": packed(["0" * 12, -1, -1]),
        "text-score": packed(["0" * 12, "1; drop", "1"]),
        "raw-bytes": base64.urlsafe_b64encode(bytes(range(60))).decode().rstrip("="),
        "bad-utf-8": "%ff%fe",
    }


def _ids() -> Iterator[Case]:
    bad = "conversation_id_invalid"
    for name, part in {
        "dot": "%2e",
        "two-dots": "%2e%2e",
        "space": "a%20b",
        "plus": "a+b",
        "colon": "default:a",
        "slash": "a%2fb",
        "backslash": "a%5cb",
        "newline": "a%0a",
        "carriage-return": "a%0d%0aX-A:%20b",
        "nul": "%00",
        "star": "*",
        "braces": "%7Ba%7D",
        "brackets": "%5Ba%5D",
        "question": "a%3Fb",
        "hash": "a%23b",
        "percent": "a%2525",
        "semicolon": "a;b",
        "fullwidth": "%EF%BD%81",
        "bidi": "%E2%80%AEa",
        "overlong": "%c0%ae",
        "emoji": "%F0%9F%98%80",
        "quote": "a%27--",
        "129-characters": "a" * 129,
        "10000-characters": "a" * 10_000,
    }.items():
        for method in ("GET", "DELETE"):
            if name == "slash":
                continue
            data = request(method, f"{_BASE}/{part}", f"X-API-Key: {KEY}")
            yield Case(f"id/{method.lower()}-{name}", data, 400, bad)
        data = request("GET", f"/v1/documents/{part}x%20", f"X-API-Key: {KEY}")
        if name != "slash":
            yield Case(f"document-id/{name}", data, 404, "document_not_found")


def _header_ids() -> Iterator[Case]:
    for name, value in {
        "one-dot": b".",
        "two-dots": b"..",
        "utf-8": "percakapan-é".encode(),
        "bad-utf-8": b"\xff\xfe",
        "wide": "ａ".encode(),
        "comma": b"a,b",
        "quoted": b'"a"',
        "encoded-newline": b"a%0a",
        "glob": b"*?[a]",
        "hash-tag": b"{a}",
        "lua": b"a'..b",
        "long": b"a" * 1000,
    }.items():
        data = request(
            "POST", "/v1/chat", f"X-API-Key: {KEY}", JSON,
            b"X-Conversation-Id: " + value, body=CHAT,
        )  # fmt: skip
        yield Case(f"conversation/{name}", data, 400, "conversation_id_invalid")
    for name, value in {
        "empty": b"",
        "space": b"a b",
        "tab": b"a\tb",
        "256": b"a" * 256,
        "utf-8": "é".encode(),
        "latin-1": b"\xe9",
        "fullwidth": "ａ".encode(),
    }.items():
        data = ask(b"Idempotency-Key: " + value)
        yield Case(f"idempotency/{name}", data, 400, "bad_request")


def _accepts() -> Iterator[Case]:
    for name, value in {
        "image": "image/png",
        "json-refused": "application/json;q=0, text/event-stream;q=0",
        "everything-refused": "*/*;q=0",
        "xml": "application/xml, text/xml",
        "other-json": "application/vnd.api+json",
        "other-text": "text/html, text/plain",
        "marks": ";;;,,,===",
    }.items():
        yield Case(f"accept/{name}", ask(f"Accept: {value}"), 406, "not_acceptable")
    for name, value in {
        "any": "*/*",
        "any-application": "application/*",
        "empty": "",
        "bad-quality": "application/json;q=high",
        "quality-of-5": "application/json;q=5",
        "many": ", ".join(f"a/b{n}" for n in range(500)) + ", application/json",
        "8-kb": "application/json;x=" + "a" * 8000,
        "parameters": 'application/json;charset="utf-8";v=1',
        "case": "APPLICATION/JSON",
    }.items():
        yield Case(f"accept/{name}", ask(f"Accept: {value}"), 200, None)
