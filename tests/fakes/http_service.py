"""A service that speaks `http.md` from memory: for the chat and its browser tests."""

from __future__ import annotations

import email.parser
import email.policy
import json
import re
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import httpx

KEY = "fake-key"
JSON = dict[str, Any]


@dataclass
class Reply:
    """Status, headers, body in the pieces it is sent in."""

    status: int
    headers: dict[str, str]
    body: Iterable[bytes]


@dataclass
class Request:
    """What came in."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        found = parse_qs(urlsplit(self.target).query)
        return {name: values[0] for name, values in found.items()}

    def json(self) -> JSON:
        found = json.loads(self.body or b"{}")
        assert isinstance(found, dict)
        return found


@dataclass
class FakeService:
    """
    Answers from its documents by the words they share with the question.

    A test may set `failures` (path -> problem body) and `pause_seconds` (between the
    words of a stream), and read `requests` and `broken_off`.
    """

    documents: dict[str, JSON] = field(default_factory=dict)
    conversations: dict[str, JSON] = field(default_factory=dict)
    feedback: list[JSON] = field(default_factory=list)
    failures: dict[str, tuple[int, JSON, dict[str, str]]] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    idempotency_keys: list[str] = field(default_factory=list)
    degraded: list[str] = field(default_factory=list)
    health: JSON = field(
        default_factory=lambda: {
            "status": "healthy",
            "version": "0.0",
            "redis": "embedded",
            "timestamp": 0,
            "components": {"qdrant": "embedded", "database": "ok", "model": "off"},
        }
    )
    requests_left: int = 90
    pause_seconds: float = 0.0
    broken_off: int = 0
    clock: float = 1_700_000_000.0

    def add(self, title: str, text: str, *, url: str | None = None) -> str:
        """Take in a document that is ready at once."""
        document_id = f"doc_{len(self.documents) + 1:032d}"
        self.documents[document_id] = {
            "document_id": document_id,
            "title": title,
            "file": f"{title}.txt",
            "url": url,
            "status": "ready",
            "progress": 1.0,
            "chunks": 1,
            "text": text,
        }
        return document_id

    def handle(self, request: Request) -> Reply:
        """Answer one request."""
        reply = self._route(request)
        left = {"ratelimit": f'"hour";r={self.requests_left};t=1200'}
        return Reply(reply.status, reply.headers | left, reply.body)

    def _route(self, request: Request) -> Reply:
        path = request.path
        self.requests.append((request.method, path))
        if path in self.failures:
            status, problem, headers = self.failures[path]
            return _problem(status, problem, headers)
        if path == "/health":
            return _json(200, self.health)
        if path == "/ready":
            return _json(200, {"status": "ready"})
        if request.headers.get("x-api-key") != KEY:
            return _problem(401, {"code": "not_authenticated", "detail": "No key."})
        parts = [unquote(part) for part in path.split("/")[2:]]
        if parts == ["chat"]:
            return self._chat(request)
        if parts[0] == "conversations":
            return self._conversations(request, parts[1:])
        if parts[0] == "documents":
            return self._documents(request, parts[1:])
        return _problem(404, {"code": "not_found", "detail": "Nothing here."})

    def transport(self) -> httpx.MockTransport:
        """Return a transport for `httpx` that needs no socket."""

        def answer(request: httpx.Request) -> httpx.Response:
            reply = self.handle(
                Request(
                    request.method,
                    request.url.raw_path.decode(),
                    {k.lower(): v for k, v in request.headers.items()},
                    request.read(),
                )
            )
            return httpx.Response(
                reply.status, headers=reply.headers, content=iter(reply.body)
            )

        return httpx.MockTransport(answer)

    def _chat(self, request: Request) -> Reply:
        question = str(request.json()["message"]).strip()
        name = request.headers.get("x-conversation-id", "")
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,128}", name):
            return _problem(400, {"code": "conversation_id_invalid", "detail": "Id."})
        self.idempotency_keys.append(request.headers.get("idempotency-key", ""))
        stream = request.json().get("stream") or "event-stream" in request.headers.get(
            "accept", ""
        )
        answer = self._answer(question, name)
        if not stream:
            self._store(name, question, answer)
            return _json(200, answer)
        return Reply(
            200,
            {"content-type": "text/event-stream"},
            self._stream(name, question, answer),
        )

    def _stream(self, name: str, question: str, answer: JSON) -> Iterator[bytes]:
        finished = False
        try:
            started = {k: answer[k] for k in ("conversation_id", "message_id")}
            yield _event("turn.started", started)
            yield b": beat\n\n"
            yield _event("retrieval.completed", {"passages": len(self.documents)})
            for word in re.findall(r"\S+\s*", answer["answer"]):
                time.sleep(self.pause_seconds)
                yield _event("answer.delta", {"delta": word})
            self._store(name, question, answer)
            finished = True
            yield _event("answer.completed", answer)
        finally:
            self.broken_off += not finished

    def _answer(self, question: str, name: str) -> JSON:
        words = set(re.findall(r"\w{4,}", question.lower()))
        scored = sorted(
            (
                (len(words & set(re.findall(r"\w{4,}", item["text"].lower()))), key)
                for key, item in self.documents.items()
            ),
            reverse=True,
        )
        citations: list[JSON] = []
        text = "The documents do not answer this."
        if scored and scored[0][0]:
            item = self.documents[scored[0][1]]
            text = f"{item['text']} [1]"
            citations.append(
                {
                    "index": 1,
                    "document_id": item["document_id"],
                    "title": item["title"],
                    "file": item["file"],
                    "url": item["url"],
                    "section": "Main",
                    "page": 3,
                    "quote": item["text"],
                    "score": 0.9,
                    "supported": True,
                }
            )
        number = len(self.conversations.get(name, {}).get("messages", ()))
        return {
            "answer": text,
            "sources": ", ".join(c["url"] or c["file"] for c in citations),
            "citations": citations,
            "answered": bool(citations),
            "confidence": 0.9,
            "language": "en",
            "conversation_id": name,
            "message_id": f"msg_{name}_{number}",
            "degraded": self.degraded,
            "exec_time": {"total": 0.1},
        }

    def _store(self, name: str, question: str, answer: JSON) -> None:
        self.clock += 1
        kept = self.conversations.setdefault(
            name, {"id": name, "title": question[:60], "turns": 0, "messages": []}
        )
        kept["turns"] += 1
        kept["updated_at"], kept["expires_at"] = self.clock, self.clock + 86_400
        kept["messages"] += [
            {"id": f"q_{answer['message_id']}", "role": "user", "text": question},
            {
                "id": answer["message_id"],
                "role": "assistant",
                "text": answer["answer"],
                "citations": answer["citations"],
                "answered": answer["answered"],
                "extra": {"degraded": answer["degraded"]},
            },
        ]

    def _conversations(self, request: Request, parts: list[str]) -> Reply:
        if not parts:
            newest = sorted(
                self.conversations.values(), key=lambda c: -float(c["updated_at"])
            )
            start = int(request.query.get("cursor", 0))
            end = start + int(request.query.get("limit", 20))
            lines = [
                {k: v for k, v in line.items() if k != "messages"}
                for line in newest[start:end]
            ]
            cursor = str(end) if end < len(newest) else None
            return _json(200, {"items": lines, "next_cursor": cursor})
        found = self.conversations.get(parts[0])
        if found is None:
            return _problem(404, {"code": "conversation_not_found", "detail": "Gone."})
        if parts[1:] == ["feedback"]:
            self.feedback.append({"conversation_id": parts[0]} | request.json())
            return Reply(204, {}, [])
        if request.method == "DELETE":
            del self.conversations[parts[0]]
            return Reply(204, {}, [])
        if request.method == "PATCH":
            found["title"] = request.json()["title"]
        return _json(200, found)

    def _documents(self, request: Request, parts: list[str]) -> Reply:
        if request.method == "POST":
            name, content = _file_of(request)
            if not content.strip():
                problem = {"code": "document_type_unsupported", "detail": "Unknown."}
                return _problem(415, problem)
            text = content.decode("utf-8", "replace")
            for document_id, item in self.documents.items():
                if item["text"] == text:
                    body = {"document_id": document_id, "status": item["status"]}
                    return _json(200, body)
            document_id = self.add(name, text)
            return _json(202, {"document_id": document_id, "status": "queued"})
        if not parts:
            return _json(
                200, {"items": list(self.documents.values())[::-1], "next_cursor": None}
            )
        if parts[0] not in self.documents:
            return _problem(404, {"code": "document_not_found", "detail": "Gone."})
        if request.method == "DELETE":
            del self.documents[parts[0]]
            return Reply(204, {}, [])
        return _json(200, self.documents[parts[0]])


def _file_of(request: Request) -> tuple[str, bytes]:
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    parser = email.parser.BytesParser(policy=email.policy.HTTP)
    for part in parser.parsebytes(head + request.body).iter_parts():
        if name := part.get_filename():
            return name, bytes(part.get_payload(decode=True) or b"")
    return "", b""


def _json(status: int, body: JSON, kind: str = "application/json") -> Reply:
    return Reply(status, {"content-type": kind}, [json.dumps(body).encode()])


def _problem(
    status: int, problem: JSON, headers: dict[str, str] | None = None
) -> Reply:
    body = {"title": "Problem", "status": status, "request_id": "r-1"} | problem
    reply = _json(status, body, "application/problem+json")
    return Reply(reply.status, reply.headers | (headers or {}), reply.body)


def _event(name: str, data: JSON) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()


@contextmanager
def serve(service: FakeService, *, port: int = 0) -> Iterator[str]:
    """Serve it on a free port of this machine; yield its URL."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            headers = {k.lower(): v for k, v in self.headers.items()}
            body = self.rfile.read(length)
            reply = service.handle(Request(self.command, self.path, headers, body))
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("connection", "close")
            self.end_headers()
            try:
                for piece in reply.body:
                    self.wfile.write(piece)
                    self.wfile.flush()
            except (BrokenPipeError, ConnectionResetError):
                closer = getattr(reply.body, "close", None)
                if closer:
                    closer()

        do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
