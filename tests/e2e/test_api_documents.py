"""Documents by HTTP: every format in, twice without a second copy, and out again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.conftest import SAMPLES, settle

Ingest = Callable[[httpx.Client, Path], Any]


def ask(client: httpx.Client, conversation: str, message: str) -> Any:
    reply = client.post(
        "/v1/chat",
        json={"message": message},
        headers={"X-Conversation-Id": conversation},
    )
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_every_sample_goes_in_once_however_often_it_is_sent(
    api: httpx.Client, ingest: Ingest
) -> None:
    files = sorted(SAMPLES.iterdir())

    first = [ingest(api, path) for path in files]
    second = [ingest(api, path) for path in files]

    assert [body["status"] for body in first] == ["ready"] * len(files)
    assert all(body["chunks"] >= 1 and body["progress"] == 1 for body in first)
    assert [body["document_id"] for body in second] == [
        body["document_id"] for body in first
    ]
    assert [body["chunks"] for body in second] == [body["chunks"] for body in first]
    listed = api.get("/v1/documents?limit=100").json()["items"]
    assert len(listed) == len(files)


def test_the_samples_answer_in_both_languages(
    api: httpx.Client, ingest: Ingest
) -> None:
    for path in sorted(SAMPLES.iterdir()):
        ingest(api, path)

    indonesian = ask(api, "e2e-id", "Kapan ULS berdiri?")
    english = ask(
        api, "e2e-en", "When is the application window for the Written Test Route?"
    )
    refused = ask(api, "e2e-no", "Who painted the Mona Lisa?")

    assert "17 Maret 1968" in indonesian["answer"]
    assert indonesian["citations"][0]["file"] == "01-profil-universitas.md"
    assert english["citations"][0]["file"] == "02-admissions-guide.pdf"
    assert english["citations"][0]["page"] >= 1
    assert refused["answered"] is False
    assert refused["citations"] == []


def test_a_removed_document_is_in_no_later_answer(api: httpx.Client) -> None:
    reply = api.post(
        "/v1/documents",
        json={
            "title": "Jam layanan perahu dayung",
            "text": "Perahu dayung Kenari disewakan pukul 06.15 di dermaga timur.",
        },
    )
    location = reply.headers["location"]
    settle(api, reply.json()["document_id"])
    question = "Pukul berapa perahu dayung Kenari disewakan?"

    before = ask(api, "e2e-boat-1", question)
    removed = api.delete(location)
    after = ask(api, "e2e-boat-2", question)

    assert "06.15" in before["answer"]
    assert removed.status_code == 204
    assert "06.15" not in after["answer"]


def test_a_broken_file_fails_with_a_reason_and_nothing_else(
    api: httpx.Client, tmp_path: Path, ingest: Ingest
) -> None:
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7\n" + b"\x00garbage" * 100)

    body = ingest(api, broken)

    assert body["status"] == "failed"
    assert body["error"]
    assert str(tmp_path) not in str(body)
    assert api.get("/health").json()["status"] == "healthy"
