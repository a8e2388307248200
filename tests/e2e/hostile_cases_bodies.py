"""Bodies that are not what they say, for every door that reads one."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator

from tests.e2e.hostile_cases import ASK, CHAT, JSON, KEY, Case, ask, request

MALFORMED = "body_malformed"
INVALID = "validation_failed"
UNREAD = "media_type_unsupported"

# Every door that reads JSON, with a body that it would take.
DOORS: dict[str, tuple[str, str, dict[str, object]]] = {
    "chat": ("POST", "/v1/chat", {"message": "Kapan?"}),
    "title": ("PATCH", "/v1/conversations/absent", {"title": "a"}),
    "feedback": (
        "POST",
        "/v1/conversations/absent/feedback",
        {"message_id": "msg_1", "kind": "positive"},
    ),
    "document": ("POST", "/v1/documents", {"title": "a", "text": "Buka pukul 8."}),
}


def body_cases() -> Iterator[Case]:
    """Yield requests with a body that must be refused, or is odd and must not be."""
    yield from _json()
    yield from _types()
    yield from _fields()
    yield from _multipart()


def _door(name: str, body: str | bytes, *fields: str) -> bytes:
    method, path, _ = DOORS[name]
    return request(method, path, *ASK, *(fields or (JSON,)), body=body)


def _json() -> Iterator[Case]:
    broken: dict[str, bytes] = {
        "utf-16": '{"a": 1}'.encode("utf-16"),
        "utf-16-without-mark": '{"a": 1}'.encode("utf-16-le"),
        "utf-32": '{"a": 1}'.encode("utf-32"),
        "utf-7": b"+AHsAIgBhACIAOg- 1}",
        "byte-order-mark": b'\xef\xbb\xbf{"a": 1}',
        "overlong": b'{"a": "\xc0\xaf"}',
        "lone-surrogate": b'{"a": "\\ud83d"}',
        "swapped-surrogates": b'{"a": "\\ude00\\ud83d"}',
        "raw-surrogate": b'{"a": "\xed\xa0\xbd"}',
        "surrogate-name": b'{"\\udfff": 1}',
        "cut-escape": b'{"a": "\\u12"}',
        "bad-escape": b'{"a": "\\x41"}',
        "raw-newline": b'{"a": "b\nc"}',
        "raw-nul": b'{"a": "\x00"}',
        "nan": b'{"a": NaN}',
        "infinity": b'{"a": [-Infinity]}',
        "overflow": b'{"a": 1e999}',
        "leading-zero": b'{"a": 01}',
        "plus": b'{"a": +1}',
        "hexadecimal": b'{"a": 0x10}',
        "dot": b'{"a": .5}',
        "5000-digits": b'{"a": ' + b"7" * 5000 + b"}",
        "twice": b'{"a": 1, "a": 2}',
        "twice-escaped": b'{"a": 1, "\\u0061": 2}',
        "twice-inside": b'{"a": [{"b": 1, "b": 2}]}',
        "33-deep": b'{"a":' * 33 + b"1" + b"}" * 33,
        "60000-deep": b"[" * 60_000,
        "60000-deep-closed": b'{"a":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        "comment": b'{"a": 1 /* b */}',
        "python": b"{'a': True}",
        "pickle": b"\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00.",
        "gzip": gzip.compress(b'{"a": 1}'),
        "bson": b"\x16\x00\x00\x00\x02hello\x00\x06\x00\x00\x00world\x00\x00",
        "form": b"a=1&b=2",
        "xml": b"<a>1</a>",
        "half": b'{"a": 1',
        "behind": b'{"a": 1}]',
        "nothing-but-blanks": b" \r\n\t",
    }
    for name, content in broken.items():
        for door in DOORS:
            yield Case(f"json/{door}-{name}", _door(door, content), 400, MALFORMED)
    for name, content in {
        "list": b"[]",
        "text": b'"a"',
        "null": b"null",
        "number": b"1",
        "nothing": b"{}",
    }.items():
        for door in DOORS:
            yield Case(f"json/{door}-{name}", _door(door, content), 422, INVALID)
    for door, (method, path, _) in DOORS.items():
        empty = request(method, path, *ASK, JSON, "Content-Length: 0")
        yield Case(f"json/{door}-empty", empty, 400, MALFORMED)
        large = json.dumps({"a": "b" * (128 * 1024)})
        yield Case(
            f"json/{door}-too-large", _door(door, large), 413, "payload_too_large"
        )
    for name, more in {
        "proto": '"__proto__": {"admin": true}, "constructor": {"prototype": {}}',
        "class": '"__class__": "os.system", "lc": 1, "type": "constructor"',
        "million": '"n": ' + "1" * 18,
        "small": '"n": 1e-400',
        "minus-zero": '"n": -0.0',
        "31-deep": '"n": ' + "[" * 30 + "]" * 30,
        "50000-items": '"n": [' + "1," * 49_999 + "1]",
        "5000-names": ", ".join(f'"a{n}": 1' for n in range(5000)),
        "odd-names": '"": 1, " ": 2, "\\u0000": 3, "\\ud83d\\ude00": 4',
        "line-separators": '"n": "\u2028\u2029"',
    }.items():
        odd = f'{{"message": "Kapan?", {more}}}'
        yield Case(f"json/ignored-{name}", ask(body=odd), 200, None)


def _types() -> Iterator[Case]:
    for name, value in {
        "text": "text/plain",
        "form": "application/x-www-form-urlencoded",
        "html": "text/html",
        "problem": "application/problem+json",
        "vendor": "application/vnd.api+json",
        "two": "application/json, text/plain",
        "no-slash": "json",
        "wildcard": "*/*",
        "empty": "",
        "utf-16": "application/json; charset=utf-16",
        "latin-1": "application/json; charset=iso-8859-1",
        "unknown-charset": "application/json; charset=nonsense",
        "long": "application/" + "a" * 5000,
        "control": "application/json\x0b",
    }.items():
        for door, (method, path, body) in DOORS.items():
            status, code = (400, "bad_request") if name == "control" else (415, UNREAD)
            data = request(
                method, path, *ASK, f"Content-Type: {value}", body=json.dumps(body)
            )
            yield Case(f"type/{door}-{name}", data, status, code)
    packed = {
        "gzip": gzip.compress(CHAT.encode()),
        "deflate": zlib.compress(CHAT.encode()),
        "bomb": gzip.compress(b'{"message": "' + b"a" * 50_000_000 + b'"}'),
        "br": b"\x8b\x02\x80",
        "zstd": b"\x28\xb5\x2f\xfd",
        "gzip, gzip": gzip.compress(gzip.compress(CHAT.encode())),
        "nonsense": CHAT.encode(),
    }
    for name, content in packed.items():
        encoding = "gzip" if name == "bomb" else name
        yield Case(
            f"encoding/{name}",
            ask(f"Content-Encoding: {encoding}", body=content),
            415,
            UNREAD,
        )


def _fields() -> Iterator[Case]:
    def chat(name: str, **fields: object) -> Case:
        body = json.dumps({"message": "Kapan?"} | fields)
        return Case(f"field/{name}", ask(body=body), 422, INVALID)

    yield chat("message-lists", message=[["a"]])
    yield chat("message-langchain", message={"lc": 1, "type": "constructor", "id": []})
    yield chat("message-only-bidi", message="\u200b\u2060\ufeff")
    yield chat("message-nul-in-middle", message="a\x00b")
    yield chat("message-5001", message="a" * 5001)
    yield chat("message-5001-wide", message="\U0001f600" * 5001)
    yield chat("message-float", message=1.5)
    yield chat("stream-null-text", stream="null")
    yield chat("stream-list", stream=[True])
    yield chat("max-results-minus", max_results=-1)
    yield chat("max-results-float", max_results=5.5)
    yield chat("max-results-list", max_results=[5])
    yield chat("max-results-64-bit", max_results=2**64)
    yield chat("language-list", language=["id"])
    yield chat("language-path", language="../../id")
    yield chat("language-nul", language="id\x00")
    yield chat("page-list", page=[{"url": "https://a.b"}])
    yield chat("page-headings-nested", page={"headings": [["a"]]})
    yield chat("page-headings-long", page={"headings": ["a" * 501]})
    yield chat("page-nul", page={"title": "\x00"})
    yield chat("page-url-2049", page={"url": "a" * 2049})
    yield chat("user-text", user="admin")
    yield chat("user-4001-bytes", user={"x": "é" * 2100})
    yield chat("user-nul-in-name", user={"a\x00": 1})
    yield chat("user-name-object", user={"name": {"$ne": None}})
    yield chat("selected-8001", selected_text="a" * 8001)
    yield chat("selected-object", selected_text={"$gt": ""})
    for name, body in {
        "title-controls": {"title": "\u0007\u202e"},
        "title-201": {"title": "a" * 201},
        "title-nul": {"title": "a\x00"},
        "title-list": {"title": ["a"]},
    }.items():
        yield Case(f"field/{name}", _door("title", json.dumps(body)), 422, INVALID)
    feedback: dict[str, dict[str, object]] = {
        "id-object": {"message_id": {"$ne": 1}},
        "id-blank": {"message_id": " \u200b"},
        "id-129": {"message_id": "a" * 129},
        "kind-case": {"kind": "Positive"},
        "kind-number": {"kind": 1},
        "comment-2001": {"comment": "a" * 2001},
        "comment-nul": {"comment": "\x00"},
    }
    for name, extra in feedback.items():
        content = json.dumps(DOORS["feedback"][2] | extra)
        yield Case(f"field/feedback-{name}", _door("feedback", content), 422, INVALID)
    document: dict[str, dict[str, object]] = {
        "url-javascript": {"url": "javascript:alert(1)"},
        "url-newline": {"url": "https://a.b/\nx"},
        "url-user": {"url": "https://a b@c"},
        "url-file": {"url": "file:///etc/passwd"},
        "url-gopher": {"url": "gopher://127.0.0.1:6379/_x"},
        "url-relative": {"url": "//evil.example"},
        "url-bidi": {"url": "https://a.b/\u202e"},
        "url-2049": {"url": "https://a.b/" + "a" * 2048},
        "language-xx": {"language": "xx"},
        "title-301": {"title": "a" * 301},
        "text-100001": {"text": "a" * 100_001},
        "text-nul": {"text": "a\x00"},
        "source-1001": {"source": "a" * 1001},
        "source-list": {"source": []},
    }
    for name, extra in document.items():
        content = json.dumps(DOORS["document"][2] | extra)
        yield Case(f"field/document-{name}", _door("document", content), 422, INVALID)


def form(*parts: tuple[str, bytes], end: bytes = b"--X--\r\n") -> bytes:
    """Return multipart content of (field lines, body) with the boundary X."""
    body = b""
    for lines, content in parts:
        body += b"--X\r\nContent-Disposition: form-data; " + lines.encode("utf-8")
        body += b"\r\n\r\n" + content + b"\r\n"
    return body + end


def upload(body: bytes, content_type: str = "multipart/form-data; boundary=X") -> bytes:
    """Return an upload of *body*."""
    key = f"X-API-Key: {KEY}"
    return request(
        "POST", "/v1/documents", key, f"Content-Type: {content_type}", body=body
    )


_FILE = ('name="file"; filename="a.txt"', b"Buka pukul 8.")


def _multipart() -> Iterator[Case]:
    for name, content_type in {
        "no-boundary": "multipart/form-data",
        "empty-boundary": "multipart/form-data; boundary=",
        "blank-boundary": 'multipart/form-data; boundary=" "',
        "other-boundary": "multipart/form-data; boundary=Y",
        "300-characters": "multipart/form-data; boundary=" + "X" * 300,
        "10000-characters": "multipart/form-data; boundary=" + "X" * 10_000,
        "latin-1": "multipart/form-data; boundary=caf\xe9",
    }.items():
        yield Case(f"form/{name}", upload(form(_FILE), content_type), 422, INVALID)
    for subtype in ("mixed", "related", "alternative", "x-mixed-replace"):
        yield Case(
            f"form/{subtype}",
            upload(form(_FILE), f"multipart/{subtype}; boundary=X"),
            415,
            UNREAD,
        )
    for name, body in {
        "part-without-fields": b"--X\r\n\r\nhello\r\n--X--\r\n",
        "part-without-name": form(('filename="a.txt"', b"hello")),
        "name-is-a-file": form(('name="a.txt"; filename="file"', b"hello")),
        "nested": form(
            (
                'name="x"\r\nContent-Type: multipart/mixed; boundary=Y',
                b"--Y\r\n\r\na\r\n--Y--",
            )
        ),
        "no-disposition": b"--X\r\nContent-Type: text/plain\r\n\r\nhello\r\n--X--\r\n",
        "cut-in-fields": b'--X\r\nContent-Disposition: form-data; name="file',
        "cut-in-file": form(_FILE)[:-20],
        "nothing": b"--X--\r\n",
        "epilogue-only": b"hello\r\n--X--\r\nhello",
        "two-files": form(_FILE, _FILE),
        "file-and-field": form(_FILE, ('name="file"', b"hello")),
        "two-titles": form(_FILE, ('name="title"', b"a"), ('name="title"', b"b")),
        "empty-file": form(('name="file"; filename="a.txt"', b"")),
        "url-data": form(_FILE, ('name="url"', b"data:text/html,x")),
        "title-nul": form(_FILE, ('name="title"', b"a\x00b")),
        "title-301": form(_FILE, ('name="title"', b"a" * 301)),
        "language-fr": form(_FILE, ('name="language"', b"fr")),
        "65-field-lines": form(
            ('name="title"' + "".join(f"\r\nX-{n}: a" for n in range(65)), b"a")
        ),
        "name-of-60-kb": form((f'name="{"a" * 60_000}"', b"a")),
    }.items():
        yield Case(f"form/{name}", upload(body), 422, INVALID)
    for name, body in {
        "10000-parts": form(*[(f'name="f{n}"', b"a") for n in range(10_000)]),
        "17-parts": form(*[(f'name="f{n}"', b"a") for n in range(17)]),
        "carriage-returns": b"\r" * 500_000,
        "newlines": b"\r\n" * 250_000,
        "boundaries-without-end": b"--X" * 100_000,
        "almost-boundaries": b"\r\n--" * 100_000,
        "dashes": b"-" * 500_000,
        "field-of-300-kb": form(_FILE, ('name="title"', b"a" * 300_000)),
    }.items():
        yield Case(f"form/{name}", upload(body), 413, "payload_too_large")
    for name, file, content in (
        ("program", "a.exe", b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00"),
        ("elf", "a", b"\x7fELF\x02\x01\x01\x00" + bytes(60)),
        ("picture", "a.png", b"\x89PNG\r\n\x1a\n" + bytes(60)),
        ("picture-called-pdf", "a.pdf", b"\x89PNG\r\n\x1a\n" + bytes(60)),
        ("archive", "a.zip", b"PK\x05\x06" + bytes(18)),
        ("rar", "a.rar", b"Rar!\x1a\x07\x00" + bytes(60)),
        ("old-word", "a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)),
        ("sqlite", "a.db", b"SQLite format 3\x00" + bytes(90)),
        ("gzip", "a.gz", gzip.compress(b"hello")),
        ("sound", "a.wav", b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(30)),
        ("noise", "a.bin", bytes(range(256)) * 8),
    ):
        body = form((f'name="file"; filename="{file}"', content))
        yield Case(f"upload/{name}", upload(body), 415, "document_type_unsupported")
    stranger = request(
        "POST",
        "/v1/documents",
        "X-API-Key: tanya_wrong",
        "Content-Type: multipart/form-data; boundary=X",
        body=form(_FILE, ('name="x"', b"a" * 3_000_000)),
    )
    yield Case("upload/stranger-of-3-mb", stranger, 401, "not_authenticated")
