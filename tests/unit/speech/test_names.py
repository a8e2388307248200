"""The names of the documents."""

from __future__ import annotations

from domain.errors import RetrievalUnavailable
from speech.names import MAX_CHARS, DocumentNames


async def test_the_commonest_names_come_first() -> None:
    names = DocumentNames(
        lambda: ["Ask at the Mercusuar Hall.", "See Kota Lama or the Mercusuar Hall."]
    )

    assert await names.find() == "Mercusuar Hall, Kota Lama"


async def test_they_are_read_once_a_minute() -> None:
    reads = []

    def vocabulary() -> list[str]:
        reads.append(1)
        return ["Ask at the Mercusuar Hall."]

    names = DocumentNames(vocabulary)

    assert [await names.find() for _ in range(3)] == ["Mercusuar Hall"] * 3
    assert len(reads) == 1


async def test_there_is_an_end_to_them() -> None:
    sentences = [f"Ask at Hall{'x' * 20}{chr(97 + n)} now." for n in range(26)] * 2
    many = [f"{one} See Room{'y' * 30}{n}" for n, one in enumerate(sentences)]

    found = await DocumentNames(lambda: many).find()

    assert 0 < len(found) <= MAX_CHARS


async def test_documents_that_cannot_be_read_keep_nobody_from_hearing() -> None:
    def vocabulary() -> list[str]:
        raise RetrievalUnavailable

    assert await DocumentNames(vocabulary).find() == ""
