"""Every `DocumentLibrary` keeps documents the same way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from domain.documents import Document, Upload
from domain.errors import BadRequest, DocumentNotFound, DocumentTypeUnsupported
from domain.ports import DocumentLibrary
from tests.fakes.library import MemoryLibrary, open_desk


@dataclass(frozen=True, slots=True)
class Case:
    library: DocumentLibrary
    settle: Callable[[], None]


@pytest.fixture(params=["real", "fake"])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    if request.param == "fake":
        yield Case(MemoryLibrary(), lambda: None)
        return
    with open_desk(tmp_path) as desk:
        yield Case(desk.library, desk.settle)


def note(number: int) -> Upload:
    return Upload(f"Note {number}: the office opens at nine.".encode(), f"{number}.txt")


def submit(case: Case, upload: Upload, tenant: str = "t") -> Document:
    document, new = case.library.submit(tenant, upload)
    assert new
    case.settle()
    return document


def test_a_document_is_queued_first_and_ready_in_the_end(case: Case) -> None:
    document, new = case.library.submit("t", note(1))
    case.settle()

    assert new
    assert document.status == "queued"
    found = case.library.load_document("t", document.id)
    assert found.status == "ready"
    assert found.progress == 1.0
    assert found.chunks == 1


def test_the_same_bytes_are_the_same_document(case: Case) -> None:
    first = submit(case, note(1))

    second, new = case.library.submit("t", Upload(note(1).content, "other.txt"))

    assert not new
    assert second.id == first.id
    assert len(case.library.list_documents("t", limit=10).items) == 1


def test_tenants_do_not_see_each_other(case: Case) -> None:
    mine = submit(case, note(1), "a")
    theirs = submit(case, note(1), "b")

    assert mine.id != theirs.id
    with pytest.raises(DocumentNotFound):
        case.library.load_document("a", theirs.id)
    with pytest.raises(DocumentNotFound):
        case.library.remove_document("a", theirs.id)
    assert [item.id for item in case.library.list_documents("b", limit=9).items] == [
        theirs.id
    ]


def test_pages_go_from_new_to_old_and_end(case: Case) -> None:
    made = [submit(case, note(number)).id for number in range(5)]

    seen: list[str] = []
    cursor = None
    while True:
        page = case.library.list_documents("t", limit=2, cursor=cursor)
        seen += [item.id for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break

    assert seen == made[::-1]


def test_a_page_that_is_exactly_full_is_the_last_one(case: Case) -> None:
    for number in range(2):
        submit(case, note(number))

    assert case.library.list_documents("t", limit=2).next_cursor is None


def test_a_foreign_cursor_is_refused(case: Case) -> None:
    with pytest.raises(BadRequest):
        case.library.list_documents("t", limit=2, cursor="not ours, \u00fcberhaupt")


def test_a_removed_document_is_gone(case: Case) -> None:
    document = submit(case, note(1))

    case.library.remove_document("t", document.id)

    with pytest.raises(DocumentNotFound):
        case.library.load_document("t", document.id)
    with pytest.raises(DocumentNotFound):
        case.library.remove_document("t", document.id)


def test_a_removed_document_may_come_back(case: Case) -> None:
    document = submit(case, note(1))
    case.library.remove_document("t", document.id)

    again = submit(case, note(1))

    assert again.id == document.id
    assert case.library.load_document("t", again.id).status == "ready"


def test_an_unknown_format_is_refused_at_once(case: Case) -> None:
    with pytest.raises(DocumentTypeUnsupported):
        case.library.submit("t", Upload(b"\x7fELF\x02\x01", "program.txt"))
