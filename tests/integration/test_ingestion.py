"""Documents of every format go through the real sandbox into the real stores."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pptx
import pytest

from domain.documents import Document, Upload
from domain.errors import DocumentNotFound, DocumentTypeUnsupported
from tests.fakes.shelves import TestShelf, open_shelf

SAMPLES = Path(__file__).resolve().parents[2] / "samples" / "documents"
FILES = sorted(SAMPLES.iterdir())


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[TestShelf]:
    with open_shelf(tmp_path) as opened:
        yield opened


def take_in(shelf: TestShelf, upload: Upload, tenant: str = "t") -> Document:
    document, _ = shelf.library.submit(tenant, upload)
    shelf.settle()
    return shelf.library.load_document(tenant, document.id)


def texts(shelf: TestShelf, document: Document) -> str:
    passages = shelf.passages.iter_passages(document.tenant, document.id)
    return "\n".join(passage.text for passage in passages)


def test_every_sample_document_becomes_passages_once(shelf: TestShelf) -> None:
    uploads = [Upload(path.read_bytes(), path.name) for path in FILES]

    first = [shelf.library.submit("t", upload) for upload in uploads]
    shelf.settle()
    count = shelf.passages.count("t")
    second = [shelf.library.submit("t", upload) for upload in uploads]
    shelf.settle()

    assert all(new for _, new in first)
    assert not any(new for _, new in second)
    assert count > 100
    assert shelf.passages.count("t") == count
    page = shelf.library.list_documents("t", limit=50)
    assert {document.status for document in page.items} == {"ready"}
    assert {document.file for document in page.items} == {path.name for path in FILES}


def test_a_removed_document_leaves_no_passage(shelf: TestShelf) -> None:
    path = SAMPLES / "08-student-housing.md"
    document = take_in(shelf, Upload(path.read_bytes(), path.name))

    shelf.library.remove_document("t", document.id)

    assert shelf.passages.count("t") == 0
    with pytest.raises(DocumentNotFound):
        shelf.library.load_document("t", document.id)


def test_a_document_of_one_tenant_does_not_exist_for_another(
    shelf: TestShelf,
) -> None:
    document = take_in(shelf, Upload(b"The pool opens at nine.", "pool.txt"))

    with pytest.raises(DocumentNotFound):
        shelf.library.load_document("other", document.id)
    with pytest.raises(DocumentNotFound):
        shelf.library.remove_document("other", document.id)
    assert shelf.passages.count("other") == 0


def test_the_same_bytes_of_two_tenants_are_two_documents(shelf: TestShelf) -> None:
    upload = Upload(b"The pool opens at nine.", "pool.txt")

    mine, theirs = take_in(shelf, upload, "a"), take_in(shelf, upload, "b")

    assert mine.id != theirs.id
    shelf.library.remove_document("a", mine.id)
    assert shelf.passages.count("b") == 1


def test_a_changed_file_replaces_what_came_from_the_same_source(
    shelf: TestShelf,
) -> None:
    take_in(shelf, Upload(b"The pool opens at nine.", "pool.txt", source="/pool"))

    new = take_in(shelf, Upload(b"The pool opens at ten.", "pool.txt", source="/pool"))

    page = shelf.library.list_documents("t", limit=10)
    assert [document.id for document in page.items] == [new.id]
    assert texts(shelf, new) == "The pool opens at ten."
    assert shelf.passages.count("t") == 1


def test_one_file_handed_in_by_eight_at_once_is_one_document(
    shelf: TestShelf,
) -> None:
    upload = Upload((SAMPLES / "09-layanan-ti.md").read_bytes(), "ti.md")
    results: list[tuple[Document, bool]] = []
    threads = [
        threading.Thread(
            target=lambda: results.append(shelf.library.submit("t", upload))
        )
        for _ in range(8)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shelf.settle()

    assert [new for _, new in results].count(True) == 1
    assert len({document.id for document, _ in results}) == 1
    assert len(shelf.library.list_documents("t", limit=10).items) == 1


def test_work_that_a_dead_process_left_is_finished_at_the_next_start(
    tmp_path: Path,
) -> None:
    upload = Upload((SAMPLES / "10-health-and-counselling.txt").read_bytes(), "h.txt")
    with open_shelf(tmp_path) as shelf:
        shelf.jobs.close(grace_seconds=0)
        document, _ = shelf.library.submit("t", upload)
        assert document.status == "queued"

    with open_shelf(tmp_path) as shelf:
        shelf.settle()

        assert shelf.library.load_document("t", document.id).status == "ready"
        assert shelf.passages.count("t", document.id) > 3


def test_tables_keep_their_column_names_in_every_row(shelf: TestShelf) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (["Room", "Seats"], ["A1", 40], ["B2", 120]):
        sheet.append(row)
    xlsx = io.BytesIO()
    book.save(xlsx)
    csv = b"Room;Seats\nA1;40\nB2;120\n"

    for name, content in (("rooms.xlsx", xlsx.getvalue()), ("rooms.csv", csv)):
        found = texts(shelf, take_in(shelf, Upload(content, name)))

        assert "Room: A1; Seats: 40" in found, name
        assert "Room: B2; Seats: 120" in found, name


def test_slides_are_read_with_their_numbers(shelf: TestShelf) -> None:
    deck = pptx.Presentation()
    for title, body in (("Welcome", "Hello there."), ("Fees", "Parking costs 5000.")):
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text = body
    target = io.BytesIO()
    deck.save(target)

    document = take_in(shelf, Upload(target.getvalue(), "deck.pptx"))

    passages = list(shelf.passages.iter_passages("t", document.id))
    fees = next(passage for passage in passages if "5000" in passage.text)
    assert fees.page == 2


def test_front_matter_becomes_metadata(shelf: TestShelf) -> None:
    content = (
        b"---\ntitle: Week four\nurl: https://uls.example/w4\n"
        b"module: physics\nweek: 4\n"
        b"status: superseded\nvalid_until: 2025-01-31\n---\n\n# Heat\n\nHeat flows.\n"
    )

    document = take_in(shelf, Upload(content, "w4.md"))

    passage = next(shelf.passages.iter_passages("t", document.id))
    assert (document.title, document.url) == ("Week four", "https://uls.example/w4")
    assert passage.metadata["module"] == "physics"
    assert passage.metadata["week"] == 4
    assert passage.validity == "superseded"
    assert passage.valid_until == "2025-01-31"


def test_hidden_text_is_gone_and_orders_to_machines_are_flagged(
    shelf: TestShelf,
) -> None:
    path = SAMPLES / "90-lost-and-found-bulletin.html"

    document = take_in(shelf, Upload(path.read_bytes(), path.name))

    passages = list(shelf.passages.iter_passages("t", document.id))
    whole = " ".join(passage.text for passage in passages)
    flagged = " ".join(order for passage in passages for order in passage.flagged)
    assert "MANGO-HIDDEN-4410" not in whole
    assert "Cookie settings" not in whole
    assert "ignore all previous instructions" in flagged


def test_a_superseded_notice_is_known_by_its_own_words(shelf: TestShelf) -> None:
    path = SAMPLES / "16-notice-2024-superseded.txt"

    document = take_in(shelf, Upload(path.read_bytes(), path.name))

    assert document.validity == "superseded"


def test_passages_keep_pages_headings_and_offsets(shelf: TestShelf) -> None:
    path = SAMPLES / "02-admissions-guide.pdf"

    document = take_in(shelf, Upload(path.read_bytes(), path.name))

    passages = list(shelf.passages.iter_passages("t", document.id))
    assert {passage.page for passage in passages} == {1, 2, 3}
    assert any(passage.headings for passage in passages)
    assert all(passage.end > passage.start for passage in passages)
    assert all(len(passage.text) <= 1500 for passage in passages)
    assert {passage.language for passage in passages} == {"en"}


@pytest.mark.parametrize(
    ("content", "file"),
    [
        (b"\x89PNG\r\n\x1a\n" + b"0" * 100, "picture.png"),
        (b"MZ\x90\x00" + b"\0" * 200, "program.exe"),
        (b"\x7fELF" + b"\0" * 200, "handbook.txt"),
    ],
)
def test_what_is_no_document_is_refused_at_the_door(
    shelf: TestShelf, content: bytes, file: str
) -> None:
    with pytest.raises(DocumentTypeUnsupported):
        shelf.library.submit("t", Upload(content, file))


def test_an_empty_document_fails_with_a_reason(shelf: TestShelf) -> None:
    document = take_in(shelf, Upload(b"   \n\n  ", "empty.txt"))

    assert document.status == "failed"
    assert document.error
    assert shelf.passages.count("t") == 0
