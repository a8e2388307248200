"""`/v1/documents` on fakes."""

from __future__ import annotations

import random

import httpx
import pytest

from domain.errors import StoreUnavailable, UploadStorageFull
from tests.fakes.http import make_client
from tests.fakes.problems import assert_problem
from tests.fakes.services import FakeParts

FILE = {"file": ("Panduan PMB.pdf", b"%PDF-1.7 hello", "application/pdf")}


async def test_a_file_is_taken_in_with_what_is_said_about_it(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    reply = await client.post(
        "/v1/documents",
        files=FILE,
        data={
            "title": "2026",
            "url": "https://example.ac.id/pmb",
            "language": "id",
            "source": "pmb",
        },
    )

    assert reply.status_code == 202
    body = reply.json()
    assert body == {"document_id": body["document_id"], "status": "queued"}
    assert reply.headers["location"] == f"/v1/documents/{body['document_id']}"
    upload = parts.documents.uploads[0]
    assert upload.content == b"%PDF-1.7 hello"
    assert upload.file == "Panduan PMB.pdf"
    assert upload.media_type == "application/pdf"
    assert (upload.title, upload.url) == ("2026", "https://example.ac.id/pmb")
    assert (upload.language, upload.source) == ("id", "pmb")


async def test_empty_form_fields_count_as_absent(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    reply = await client.post(
        "/v1/documents", files=FILE, data={"title": "", "url": "", "language": ""}
    )

    assert reply.status_code == 202
    assert parts.documents.uploads[0].title is None


async def test_a_text_is_taken_in_as_json(
    client: httpx.AsyncClient, parts: FakeParts
) -> None:
    reply = await client.post(
        "/v1/documents",
        json={"title": "Jam buka / 2026", "text": "Buka pukul 08.00.", "url": None},
    )

    assert reply.status_code == 202
    upload = parts.documents.uploads[0]
    assert upload.content == b"Buka pukul 08.00."
    assert upload.file == "Jam buka - 2026.txt"
    assert upload.title == "Jam buka / 2026"


async def test_the_same_bytes_again_are_200_and_the_document(
    client: httpx.AsyncClient,
) -> None:
    first = await client.post("/v1/documents", files=FILE)
    second = await client.post("/v1/documents", files=FILE)

    assert (first.status_code, second.status_code) == (202, 200)
    assert second.json()["document_id"] == first.json()["document_id"]
    assert second.headers["location"] == first.headers["location"]
    assert {"status", "progress", "chunks"} <= set(second.json())


async def test_a_document_can_be_watched_listed_and_removed(
    client: httpx.AsyncClient,
) -> None:
    location = (await client.post("/v1/documents", files=FILE)).headers["location"]

    watched = await client.get(location)
    listed = await client.get("/v1/documents")
    removed = await client.delete(location)

    body = watched.json()
    assert body["status"] == "queued"
    assert (body["progress"], body["chunks"], body["error"]) == (0.0, 0, None)
    assert listed.json() == {"items": [body], "next_cursor": None}
    assert removed.status_code == 204
    assert_problem(await client.get(location), 404, "document_not_found")
    assert_problem(await client.delete(location), 404, "document_not_found")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\Users\\a\\b.txt", "b.txt"),
        ("a\u202etxt.exe.txt", "atxt.exe.txt"),
        ("  a  b .txt", "a b .txt"),
        ("é" * 300 + ".txt", "é" * 196 + ".txt"),
    ],
)
async def test_a_file_name_is_only_a_name(
    client: httpx.AsyncClient, parts: FakeParts, sent: str, kept: str
) -> None:
    reply = await client.post("/v1/documents", files={"file": (sent, b"hello")})

    assert reply.status_code == 202
    assert parts.documents.uploads[0].file == kept


async def test_an_unknown_type_is_415(client: httpx.AsyncClient) -> None:
    reply = await client.post("/v1/documents", files={"file": ("a.exe", b"MZ")})

    assert_problem(reply, 415, "document_type_unsupported")


async def test_a_file_over_the_limit_is_413(parts: FakeParts) -> None:
    async with make_client(parts, max_document_mb=1) as client:
        reply = await client.post(
            "/v1/documents", files={"file": ("a.txt", b"a" * (1024 * 1024 + 1))}
        )

    assert_problem(reply, 413, "payload_too_large")
    assert parts.documents.uploads == []


@pytest.mark.parametrize("error", [UploadStorageFull(), StoreUnavailable()])
async def test_a_store_that_cannot_take_it_is_503(
    client: httpx.AsyncClient,
    parts: FakeParts,
    error: UploadStorageFull | StoreUnavailable,
) -> None:
    parts.documents.failure = error

    reply = await client.post("/v1/documents", files=FILE)

    assert_problem(reply, 503, error.code)


@pytest.mark.parametrize("seed", range(3))
async def test_bytes_of_any_kind_are_taken(
    client: httpx.AsyncClient, seed: int
) -> None:
    # The parser holds back what may be the beginning of a boundary.
    content = random.Random(seed).randbytes(2 * 1024 * 1024)

    reply = await client.post(
        "/v1/documents", files={"file": ("a.pdf", content, "application/pdf")}
    )

    assert reply.status_code == 202
