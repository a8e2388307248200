"""The running service as a desk: the same documents over HTTP."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, NoReturn

import httpx

from domain.documents import Document, Passage, Upload
from knowledge.desk import DeskError, Found

_TIMEOUT = httpx.Timeout(120.0, connect=3.0)
_PROBE_TIMEOUT = httpx.Timeout(2.0)
_PAGE = 100
_NAMES = {field.name for field in fields(Document)} - {"id", "tenant", "sha256"}
_ONLY_STORE = "This needs the store itself: stop the service, or set QDRANT_URL."


class ServiceDesk:
    """
    A `Desk` of the tenant that owns the key.

    Args:
        client: Of the service, with base URL and key; see `connect`.
    """

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def submit(self, upload: Upload) -> tuple[Document, bool]:
        """Send a file; see `Desk`."""
        stated = {
            "title": upload.title,
            "url": upload.url,
            "language": upload.language,
            "source": upload.source,
        }
        media_type = upload.media_type or "application/octet-stream"
        reply = self._ask(
            "POST",
            "/v1/documents",
            files={"file": (upload.file, upload.content, media_type)},
            data={name: value for name, value in stated.items() if value},
        )
        document_id = str(reply.json()["document_id"])
        return self.load(document_id), reply.status_code == httpx.codes.ACCEPTED

    def help_out(self) -> None:
        """Do nothing: the service works."""

    def load(self, document_id: str) -> Document:
        """Ask for one document; see `Desk`."""
        return _document(self._ask("GET", f"/v1/documents/{document_id}").json())

    def iter_documents(self) -> Iterator[Document]:
        """Ask for every document, page by page; see `Desk`."""
        cursor = None
        while True:
            query: dict[str, Any] = {"limit": _PAGE}
            if cursor:
                query["cursor"] = cursor
            page = self._ask("GET", "/v1/documents", params=query).json()
            yield from map(_document, page["items"])
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def find(self, path: Path) -> list[Document]:
        """Return the documents that bear the name of a path; see `Desk`."""
        return [item for item in self.iter_documents() if item.file == path.name]

    def remove(self, document_id: str) -> None:
        """Have a document removed; see `Desk`."""
        self._ask("DELETE", f"/v1/documents/{document_id}")

    def search(self, question: str, *, limit: int) -> list[Found]:
        """Ask the question in a conversation of its own; return what was cited."""
        conversation = f"cli-{uuid.uuid4().hex}"
        body = {"message": question, "max_results": max(1, min(limit, 20))}
        reply = self._ask(
            "POST", "/v1/chat", json=body, headers={"X-Conversation-Id": conversation}
        ).json()
        self._client.delete(f"/v1/conversations/{conversation}")
        return [
            Found(
                score=float(item["score"]),
                title=str(item["title"]),
                where=str(item.get("section") or item.get("url") or ""),
                text=str(item["quote"]),
            )
            for item in reply["citations"]
        ]

    def iter_passages(self, document_id: str) -> Iterator[Passage]:
        """Refuse: the service does not hand out whole documents."""
        del document_id
        raise DeskError(_ONLY_STORE)

    def reindex(self, document_id: str) -> int:
        """Refuse: the service does not rewrite its store while it answers."""
        del document_id
        raise DeskError(_ONLY_STORE)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            reply = self._client.request(method, path, **options)
        except httpx.HTTPError as exc:
            raise DeskError("The service does not answer.") from exc
        if not reply.is_success:
            _refuse(reply)
        return reply


def connect(url: str, key: str) -> ServiceDesk:
    """Return a desk at a service's URL; nothing is sent yet."""
    client = httpx.Client(
        base_url=url, headers={"X-API-Key": key}, timeout=_TIMEOUT, trust_env=False
    )
    return ServiceDesk(client)


def is_serving(url: str) -> bool:
    """Tell whether a service of ours answers at *url*."""
    try:
        reply = httpx.get(f"{url}/health", timeout=_PROBE_TIMEOUT, trust_env=False)
        found = reply.json()
    except (httpx.HTTPError, ValueError):
        return False
    return isinstance(found, dict) and {"status", "version", "redis"} <= found.keys()


def _document(values: Mapping[str, Any]) -> Document:
    stated = {name: value for name, value in values.items() if name in _NAMES}
    return Document(id=str(values["document_id"]), tenant="", sha256="", **stated)


def _refuse(reply: httpx.Response) -> NoReturn:
    """Raise what the service's problem says."""
    try:
        problem = reply.json()
    except json.JSONDecodeError:
        problem = {}
    detail = str(problem.get("detail") or f"The service answered {reply.status_code}.")
    retry = reply.headers.get("Retry-After", "")
    seconds = float(retry) if retry.isdecimal() else None
    if problem.get("retryable") and seconds is None:
        seconds = 1.0
    raise DeskError(detail, retry_after_seconds=seconds)
