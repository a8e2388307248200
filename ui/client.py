"""The service as the web chat sees it: HTTP and nothing else."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from ui.replies import (
    ChatMessage,
    ConversationLine,
    ConversationPage,
    DocumentLine,
    Health,
    answer_from,
    conversation_from,
    document_from,
    health_from,
    message_from,
)
from ui.sse import iter_events

# The service sends a comment every 10 s of silence; three lost ones mean it is gone.
STREAM_TIMEOUT = httpx.Timeout(10.0, read=35.0)
CALL_TIMEOUT = httpx.Timeout(10.0, connect=3.0)
UPLOAD_TIMEOUT = httpx.Timeout(120.0, connect=3.0)
HEALTH_TIMEOUT = httpx.Timeout(2.0)


@dataclass(frozen=True, slots=True)
class Problem:
    """
    Why a call failed.

    Attributes:
        code: Of the service (`http.md`), or `service_unreachable`, `stream_broken`,
            `reply_unreadable` where it did not speak.
        detail: The service's own sentence, in English.
        retry_after_seconds: When the same call may work.
        request_id: What an operator looks for in the logs.
    """

    code: str
    status: int = 0
    detail: str = ""
    retry_after_seconds: int | None = None
    request_id: str | None = None


class ServiceProblem(Exception):
    """The service refused, failed or could not be reached."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.code)


@dataclass(frozen=True, slots=True)
class Searched:
    """The documents were searched; *passages* were found."""

    passages: int


@dataclass(frozen=True, slots=True)
class Delta:
    """More text of the answer."""

    text: str


TurnStep = Searched | Delta | ChatMessage


class ServiceClient:
    """
    Calls of one key; thread-safe, one per address and key.

    Args:
        url: Base URL of the service.
        key: API key, or None when none is known yet.
        transport: How requests travel; the network when None.
    """

    def __init__(
        self,
        url: str,
        key: str | None,
        *,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        # A proxy of the environment must not see the key on its way to this machine.
        self._http = httpx.Client(
            base_url=url,
            headers={"X-API-Key": key} if key else {},
            timeout=CALL_TIMEOUT,
            transport=transport,
            trust_env=False,
        )
        self.requests_left: int | None = None
        """What the rate limit leaves to this key, as far as the service said."""

    def ask(
        self, conversation_id: str, question: str, *, idempotency_key: str
    ) -> Generator[TurnStep, None, None]:
        """
        Ask *question*; the steps end with the whole answer. Close it to cancel.

        Raises:
            ServiceProblem: Refused, failed or broken off.
        """
        headers = {
            "X-Conversation-Id": conversation_id,
            "Idempotency-Key": idempotency_key,
            "Accept": "text/event-stream",
        }
        body = {"message": question, "stream": True}
        with (
            _travelling(),
            self._http.stream(
                "POST",
                "/v1/chat",
                headers=headers,
                json=body,
                timeout=STREAM_TIMEOUT,
            ) as response,
        ):
            self._check(response)
            yield from _steps(response)

    def list_conversations(
        self, *, limit: int = 15, cursor: str | None = None
    ) -> ConversationPage:
        """Return a page of conversations, newest first."""
        params = {"limit": str(limit)} | ({"cursor": cursor} if cursor else {})
        body = self._call("GET", "/v1/conversations", params=params)
        lines = _items(body)
        return ConversationPage(
            tuple(map(conversation_from, lines)), body.get("next_cursor")
        )

    def find_conversation(
        self, conversation_id: str
    ) -> tuple[ConversationLine, tuple[ChatMessage, ...]] | None:
        """Return a conversation with its messages, or None when nobody began it."""
        try:
            body = self._call("GET", _path("conversations", conversation_id))
        except ServiceProblem as exc:
            if exc.problem.status == httpx.codes.NOT_FOUND:
                return None
            raise
        messages = tuple(map(message_from, body.get("messages") or ()))
        return conversation_from({"id": conversation_id} | body), messages

    def rename_conversation(self, conversation_id: str, *, title: str) -> None:
        """Give it another title."""
        self._call(
            "PATCH", _path("conversations", conversation_id), json={"title": title}
        )

    def delete_conversation(self, conversation_id: str) -> None:
        """Remove it from every store."""
        self._call("DELETE", _path("conversations", conversation_id))

    def send_feedback(
        self, conversation_id: str, message_id: str, *, positive: bool
    ) -> None:
        """Say what the reader thought of one answer."""
        kind = "positive" if positive else "negative"
        self._call(
            "POST",
            _path("conversations", conversation_id) + "/feedback",
            json={"message_id": message_id, "kind": kind},
        )

    def list_documents(self, *, limit: int = 100) -> tuple[DocumentLine, ...]:
        """Return the newest documents."""
        body = self._call("GET", "/v1/documents", params={"limit": str(limit)})
        return tuple(map(document_from, _items(body)))

    def add_document(
        self, name: str, content: bytes, *, media_type: str | None = None
    ) -> tuple[DocumentLine, bool]:
        """
        Upload a file; its ingestion goes on after the answer.

        Returns:
            The document, and whether its bytes are new to the service.
        """
        file = (name, content, media_type or "application/octet-stream")
        with _travelling():
            response = self._http.post(
                "/v1/documents", files={"file": file}, timeout=UPLOAD_TIMEOUT
            )
            body = self._read(response)
        is_new = response.status_code == httpx.codes.ACCEPTED
        return document_from({"file": name} | body), is_new

    def load_document(self, document_id: str) -> DocumentLine:
        """Return a document and how far it is."""
        return document_from(self._call("GET", _path("documents", document_id)))

    def remove_document(self, document_id: str) -> None:
        """Remove a document and its passages."""
        self._call("DELETE", _path("documents", document_id))

    def health(self) -> Health:
        """Return what the service says about itself."""
        return health_from(self._call("GET", "/health", timeout=HEALTH_TIMEOUT))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: object = None,
        timeout: httpx.Timeout = CALL_TIMEOUT,
    ) -> dict[str, Any]:
        with _travelling():
            return self._read(
                self._http.request(
                    method, path, params=params, json=json, timeout=timeout
                )
            )

    def _read(self, response: httpx.Response) -> dict[str, Any]:
        self._check(response)
        if response.status_code == httpx.codes.NO_CONTENT:
            return {}
        body = response.json()
        if not isinstance(body, dict):
            raise ServiceProblem(Problem("reply_unreadable", response.status_code))
        return body

    def _check(self, response: httpx.Response) -> None:
        left = _rate_left(response)
        self.requests_left = left if left is not None else self.requests_left
        if response.is_success:
            return
        response.read()
        raise ServiceProblem(_problem(response))


@contextmanager
def _travelling() -> Iterator[None]:
    """Turn the errors of the journey into ours."""
    try:
        yield
    except httpx.TimeoutException as exc:
        raise ServiceProblem(Problem("service_slow")) from exc
    except (httpx.ConnectError, httpx.UnsupportedProtocol, httpx.InvalidURL) as exc:
        raise ServiceProblem(Problem("service_unreachable")) from exc
    except httpx.HTTPError as exc:
        raise ServiceProblem(Problem("stream_broken")) from exc
    except ValueError as exc:
        raise ServiceProblem(Problem("reply_unreadable")) from exc


def _steps(response: httpx.Response) -> Iterator[TurnStep]:
    if "text/event-stream" not in response.headers.get("content-type", ""):
        # A stored answer may be replayed whole.
        response.read()
        yield answer_from(response.json())
        return
    for event in iter_events(response.iter_text()):
        if event.name == "retrieval.completed":
            yield Searched(int(json.loads(event.data).get("passages") or 0))
        elif event.name == "answer.delta":
            yield Delta(str(json.loads(event.data).get("delta") or ""))
        elif event.name == "answer.completed":
            yield answer_from(json.loads(event.data))
            return
        elif event.name == "error":
            raise ServiceProblem(_problem_from(json.loads(event.data), 0))
    raise ServiceProblem(Problem("stream_broken"))


def _problem(response: httpx.Response) -> Problem:
    try:
        body = response.json()
    except ValueError:
        body = {}
    found = _problem_from(body if isinstance(body, dict) else {}, response.status_code)
    wait = response.headers.get("retry-after", "")
    return Problem(
        code=found.code,
        status=found.status,
        detail=found.detail,
        retry_after_seconds=int(wait) if wait.isdigit() else None,
        request_id=found.request_id or response.headers.get("x-request-id"),
    )


def _problem_from(body: dict[str, Any], status: int) -> Problem:
    return Problem(
        code=str(body.get("code") or "unknown"),
        status=int(body.get("status") or status),
        detail=str(body.get("detail") or body.get("message") or ""),
        request_id=str(body["request_id"]) if body.get("request_id") else None,
    )


def _items(body: dict[str, Any]) -> list[dict[str, Any]]:
    return [item for item in body.get("items", ()) if isinstance(item, dict)]


def _path(kind: str, item_id: str) -> str:
    return f"/v1/{kind}/{quote(item_id, safe='')}"


def _rate_left(response: httpx.Response) -> int | None:
    """Read `RateLimit: "hour";r=97;t=1200` (draft-ietf-httpapi-ratelimit-headers)."""
    left = [
        int(value)
        for part in response.headers.get("ratelimit", "").split(";")
        for name, _, value in [part.strip().partition("=")]
        if name == "r" and value.split(",")[0].strip().isdigit()
    ]
    return min(left, default=None)
