from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from domain.documents import Upload
from knowledge.client import ServiceDesk
from knowledge.desk import DeskError

DOCUMENT: dict[str, Any] = {
    "document_id": "doc_" + "0" * 32,
    "title": "Guide",
    "file": "guide.md",
    "url": None,
    "language": "en",
    "status": "ready",
    "progress": 1.0,
    "chunks": 3,
    "size_bytes": 10,
    "validity": "current",
    "valid_from": None,
    "valid_until": None,
    "created_at": 1.0,
    "updated_at": 2.0,
    "error": None,
    "metadata": {},
    "added_later": "by a newer service",
}
Answer = Callable[[httpx.Request], httpx.Response]


def desk_of(answer: Answer) -> ServiceDesk:
    transport = httpx.MockTransport(answer)
    return ServiceDesk(
        httpx.Client(
            transport=transport, base_url="http://service", headers={"X-API-Key": "k"}
        )
    )


def test_a_file_is_sent_with_its_source_and_key() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if request.method == "POST":
            body = {"document_id": DOCUMENT["document_id"], "status": "queued"}
            return httpx.Response(202, json=body)
        return httpx.Response(200, json=DOCUMENT)

    upload = Upload(b"words", "guide.md", title="Guide", source="/a/guide.md")
    document, new = desk_of(answer).submit(upload)

    assert new
    assert (document.title, document.chunks) == ("Guide", 3)
    body = seen[0].read()
    assert b'name="source"\r\n\r\n/a/guide.md' in body
    assert b'filename="guide.md"' in body
    assert b'name="language"' not in body
    assert seen[0].headers["x-api-key"] == "k"


def test_bytes_that_were_there_are_not_new() -> None:
    desk = desk_of(lambda request: httpx.Response(200, json=DOCUMENT))

    assert not desk.submit(Upload(b"words", "guide.md"))[1]


def test_every_page_is_read_and_names_are_matched() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        second = "cursor" in request.url.params
        item = DOCUMENT | {"file": "other.md"} if second else DOCUMENT
        return httpx.Response(
            200, json={"items": [item], "next_cursor": None if second else "c"}
        )

    desk = desk_of(answer)

    assert [item.file for item in desk.iter_documents()] == ["guide.md", "other.md"]
    assert len(desk.find(Path("/somewhere/other.md"))) == 1


@pytest.mark.parametrize(
    ("status", "body", "headers", "detail", "retry"),
    [
        (404, {"detail": "There is no such document."}, {}, "There is no", None),
        (
            429,
            {"detail": "Slow.", "retryable": True},
            {"Retry-After": "7"},
            "Slow.",
            7.0,
        ),
        (503, {"detail": "Away.", "retryable": True}, {}, "Away.", 1.0),
        (500, None, {}, "The service answered 500.", None),
    ],
)
def test_problems_become_sentences(
    status: int,
    body: dict[str, Any] | None,
    headers: dict[str, str],
    detail: str,
    retry: float | None,
) -> None:
    desk = desk_of(
        lambda request: httpx.Response(
            status, json=body, headers=headers
        ) if body else httpx.Response(status, text="<html>")
    )  # fmt: skip

    with pytest.raises(DeskError, match=detail) as caught:
        desk.load("doc_1")

    assert caught.value.retry_after_seconds == retry


def test_a_service_that_is_gone_is_said_so() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(DeskError, match="does not answer"):
        desk_of(answer).remove("doc_1")


def test_a_question_is_asked_in_a_conversation_that_is_removed_again() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(f"{request.method} {request.url.path}")
        if request.method == "DELETE":
            return httpx.Response(204)
        assert request.headers["x-conversation-id"].startswith("cli-")
        citation = {
            "score": 0.8,
            "title": "Guide",
            "section": "Hours",
            "quote": "Nine.",
        }
        return httpx.Response(200, json={"citations": [citation]})

    found = desk_of(answer).search("When?", limit=99)

    assert [(item.title, item.text, item.where) for item in found] == [
        ("Guide", "Nine.", "Hours")
    ]
    assert seen[0] == "POST /v1/chat"
    assert seen[1].startswith("DELETE /v1/conversations/cli-")


def test_what_needs_the_store_is_refused() -> None:
    desk = desk_of(lambda request: httpx.Response(200, json=DOCUMENT))

    with pytest.raises(DeskError, match="store itself"):
        desk.reindex("doc_1")
    with pytest.raises(DeskError, match="store itself"):
        desk.iter_passages("doc_1")
