"""Header hygiene on the wire, and the headers every answer carries."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.fakes.raw_client import RawAnswer, connect, exchange, get, post
from tests.service import RunningService, start_service

ULID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
SECURITY = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


@pytest.fixture(scope="module")
def toy() -> Iterator[RunningService]:
    with start_service(app="tests.fakes.toy_app:app") as service:
        yield service


@pytest.mark.parametrize(
    "request_bytes",
    [
        get("/async"),
        get("/plain"),
        get("/stream"),
        get("/plain/stream"),
        get("/nowhere"),
        post("/async"),
        get("/async/boom"),
        get("/plain/boom"),
        get("/async/redirect"),
        get("/async", "X-Big: " + "x" * 40_000),
        get("/async", "Authorization: a", "Authorization: b"),
        post("/async/echo", "Content-Length: 999999"),
        b"HELLO\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /" + b"x" * 60_000 + b" HTTP/1.1\r\nHost: t\r\n\r\n",
    ],
)
def test_every_answer_has_security_headers_and_an_id(
    toy: RunningService, request_bytes: bytes
) -> None:
    answer = exchange(toy.port, request_bytes)

    assert {name: answer.headers.get(name) for name in SECURITY} == SECURITY
    assert ULID.fullmatch(answer.headers["x-request-id"])
    assert "server" not in answer.headers
    assert "strict-transport-security" not in answer.headers


def test_what_a_view_sets_stays(toy: RunningService) -> None:
    headers = exchange(toy.port, get("/async/page")).headers

    assert headers["cache-control"] == "max-age=60"
    assert headers["content-security-policy"] == "x"
    assert headers["x-signed"] == "yes"


@pytest.mark.parametrize("path", ["/async", "/plain"])
def test_a_valid_request_id_is_kept(toy: RunningService, path: str) -> None:
    answer = exchange(toy.port, get(path, "X-Request-ID: my-id_1.2"))

    assert answer.headers["x-request-id"] == "my-id_1.2"
    assert answer.json()["id"] == "my-id_1.2"


@pytest.mark.parametrize(
    "fields",
    [
        ["X-Request-ID: caf\u00e9"],
        ["X-Request-ID: a b"],
        ["X-Request-ID: " + "x" * 129],
        ["X-Request-ID:"],
        ["X-Request-ID: <script>"],
    ],
)
def test_a_malformed_request_id_is_replaced(
    toy: RunningService, fields: list[str]
) -> None:
    answer = exchange(toy.port, get("/async", *fields))

    assert answer.status == 200
    assert ULID.fullmatch(answer.headers["x-request-id"])
    assert answer.json()["id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("path", ["/async/environ"])
def test_names_with_underscores_do_not_pass_for_others(
    toy: RunningService, path: str
) -> None:
    fields = ["X_API_Key: stolen", "X_Forwarded_For: 6.6.6.6", "X-Fine: yes"]

    environ = exchange(toy.port, get(path, *fields)).json()

    assert "HTTP_X_API_KEY" not in environ
    assert "HTTP_X_FORWARDED_FOR" not in environ
    assert environ["HTTP_X_FINE"] == "yes"


@pytest.mark.parametrize(
    "name",
    ["X-API-Key", "Authorization", "X-Conversation-Id", "Idempotency-Key", "Origin"],
)
def test_a_single_valued_field_sent_twice_is_refused(
    toy: RunningService, name: str
) -> None:
    answer = exchange(toy.port, get("/async", f"{name}: a", f"{name}: a"))

    assert _code(answer) == (400, "bad_request")


def test_lists_and_cookies_may_be_split(toy: RunningService) -> None:
    fields = ["Accept: a", "Accept: b", "Cookie: x=1", "Cookie: y=2"]

    environ = exchange(toy.port, get("/async/environ", *fields)).json()

    assert environ["HTTP_ACCEPT"] == "a,b"
    assert environ["HTTP_COOKIE"] == "x=1; y=2"


@pytest.mark.parametrize(
    "fields",
    [
        ["Content-Length: 5", "Transfer-Encoding: chunked"],
        ["Content-Length: 5", "Content-Length: 6"],
        ["Content-Length: -1"],
        ["Content-Length: 0x10"],
        ["Transfer-Encoding: gzip, chunked"],
        ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding : chunked"],
    ],
)
def test_two_ways_to_read_a_length_are_refused(
    toy: RunningService, fields: list[str]
) -> None:
    request = post(
        "/async/echo", *fields, body=b"0\r\n\r\nGET /health HTTP/1.1\r\n\r\n"
    )

    answer = exchange(toy.port, request)

    assert _code(answer) == (400, "bad_request")
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize(
    "fields",
    [
        ["X-Big: " + "x" * 33_000],
        ["X-Big: " + "x" * 100_000],
        [f"X-{n}: {'y' * 400}" for n in range(90)],
        [f"X-{n}: y" for n in range(150)],
    ],
)
def test_too_many_header_bytes_are_refused(
    toy: RunningService, fields: list[str]
) -> None:
    assert _code(exchange(toy.port, get("/async", *fields))) == (
        431,
        "headers_too_large",
    )


def test_thirty_kilobytes_of_headers_pass(toy: RunningService) -> None:
    assert exchange(toy.port, get("/async", "X-Big: " + "x" * 30_000)).status == 200


@pytest.mark.parametrize("path", ["/async/accent", "/plain/accent"])
def test_a_value_that_is_not_ascii_is_not_sent(toy: RunningService, path: str) -> None:
    answer = exchange(toy.port, get(path))

    assert answer.status == 200
    assert "x-echo" not in answer.headers
    assert answer.headers["x-fine"] == "yes"


def test_forwarded_addresses_are_not_believed_from_anybody(toy: RunningService) -> None:
    fields = ["X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: https"]

    environ = exchange(toy.port, get("/async/environ", *fields)).json()

    assert environ["REMOTE_ADDR"] == "127.0.0.1"
    assert environ["wsgi.url_scheme"] == "http"


def test_a_proxy_by_setting_is_believed() -> None:
    env = {"FORWARDED_ALLOW_IPS": "127.0.0.1"}
    with start_service(env, app="tests.fakes.toy_app:app") as service:
        fields = ["X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: https"]

        answer = exchange(service.port, get("/async/environ", *fields))

    assert answer.json()["REMOTE_ADDR"] == "6.6.6.6"
    assert answer.headers["strict-transport-security"].startswith("max-age=")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("HEAD", "/async", 200),
        ("HEAD", "/plain", 200),
        ("HEAD", "/stream", 200),
        ("OPTIONS", "/async", 200),
        ("OPTIONS", "/plain", 200),
        ("DELETE", "/async", 405),
        ("DELETE", "/plain", 405),
        ("GET", "/nowhere", 404),
        ("GET", "/async/", 404),
        ("BREW", "/async", 405),
    ],
)
def test_methods_and_routes_answer_as_flask_does(
    toy: RunningService, method: str, path: str, status: int
) -> None:
    request = f"{method} {path} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"

    head, _, body = _talk(toy, request.encode())

    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert (b"\r\nallow: " in head) == (status == 405 or method == "OPTIONS")
    if method == "HEAD":
        assert body == b""


def test_a_refusal_tells_the_page_that_asked(toy: RunningService) -> None:
    fields = ["Content-Length: 999999", "Origin: https://good.example"]

    answer = exchange(toy.port, post("/async/echo", *fields))

    assert answer.headers["access-control-allow-origin"] == "https://good.example"
    assert answer.headers["vary"] == "Origin"


def test_a_refusal_tells_no_other_page(toy: RunningService) -> None:
    fields = ["Content-Length: 999999", "Origin: https://bad.example"]

    answer = exchange(toy.port, post("/async/echo", *fields))

    assert "access-control-allow-origin" not in answer.headers


def test_errors_before_the_first_chunk_are_answered(toy: RunningService) -> None:
    answer = exchange(toy.port, get("/stream/early"))

    assert _code(answer) == (409, "conversation_busy")
    assert answer.headers["x-signed"] == "yes"


def test_errors_after_the_first_chunk_cut_the_body(toy: RunningService) -> None:
    head, _, body = _talk(toy, get("/stream/late"))

    assert head.startswith(b"HTTP/1.1 200")
    assert b"data: 0" in body
    assert not body.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("path", ["/async/boom", "/plain/boom"])
def test_an_unexpected_error_shows_nothing(toy: RunningService, path: str) -> None:
    answer = exchange(toy.port, get(path))

    assert _code(answer) == (500, "internal_error")
    assert b"ZeroDivision" not in answer.body


def _code(answer: RawAnswer) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status, answer.json()["code"]


def _talk(toy: RunningService, request: bytes) -> tuple[bytes, bytes, bytes]:
    with connect(toy.port) as sock:
        sock.sendall(request)
        received = b""
        while part := sock.recv(65_536):
            received += part
    return received.partition(b"\r\n\r\n")
