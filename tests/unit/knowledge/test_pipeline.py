from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from domain.documents import Passage, Upload
from domain.errors import (
    DocumentNotFound,
    PayloadTooLarge,
    RetrievalUnavailable,
    Unavailable,
    UploadStorageFull,
)
from knowledge.jobs import BROKEN, Job
from knowledge.loaders.blocks import DocumentUnreadable, Extract
from knowledge.loaders.formats import Format
from knowledge.pipeline import Library, clean_file_name
from tests.fakes.library import Desk, PlainParser, open_desk
from tests.fakes.passages import MemoryPassages


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_desk(tmp_path) as opened:
        yield opened


def note(words: str, *, source: str | None = None, file: str = "n.txt") -> Upload:
    return Upload(words.encode(), file, source=source)


def titles(desk: Desk) -> list[str]:
    return [item.file for item in desk.library.list_documents("t", limit=50).items]


class Crash(BaseException):
    """The process dies here."""


class DyingPassages(MemoryPassages):
    """Dies at the n-th call of a kind, once."""

    def __init__(self, call: str, number: int = 1) -> None:
        super().__init__()
        self.dies_at: tuple[str, int] | None = (call, number)

    def _note(self, call: str, document_id: str) -> None:
        super()._note(call, document_id)
        count = sum(name == call for name, _ in self.log)
        if self.dies_at == (call, count):
            self.dies_at = None
            raise Crash


def test_the_same_bytes_are_parsed_once(desk: Desk) -> None:
    desk.take_in(note("Open at nine."))
    desk.take_in(note("Open at nine."))

    assert desk.parser.parsed == 1
    assert desk.passages.count("t") == 1


def test_a_changed_source_replaces_its_document_after_it_is_ready(desk: Desk) -> None:
    old = desk.take_in(note("Open at nine.", source="/a/hours.txt"))
    desk.passages.log.clear()
    new = desk.take_in(note("Open at ten.", source="/a/hours.txt"))

    with pytest.raises(DocumentNotFound):
        desk.library.load_document("t", old.id)
    assert [p.text for p in desk.passages.iter_passages("t")] == ["Open at ten."]
    order = [(call, which) for call, which in desk.passages.log if call != "iter"]
    assert order.index(("add", new.id)) < order.index(("remove", old.id))


def test_a_change_that_cannot_be_read_leaves_the_old_document(desk: Desk) -> None:
    old = desk.take_in(note("Open at nine.", source="/a/hours.txt"))
    new = desk.take_in(note("   ", source="/a/hours.txt"))

    assert new.status == "failed"
    assert desk.library.load_document("t", old.id).status == "ready"
    assert desk.passages.count("t") == 1


def test_two_sources_with_the_same_bytes_keep_them_alive(desk: Desk) -> None:
    desk.take_in(note("Same.", source="/a"))
    desk.take_in(note("Same.", source="/b"))

    desk.take_in(note("Changed.", source="/a"))
    assert {p.text for p in desk.passages.iter_passages("t")} == {"Same.", "Changed."}

    desk.take_in(note("Changed too.", source="/b"))
    assert {p.text for p in desk.passages.iter_passages("t")} == {
        "Changed.",
        "Changed too.",
    }


def test_a_source_that_takes_on_known_bytes_lets_go_of_its_own(desk: Desk) -> None:
    desk.take_in(note("First.", source="/a"))
    desk.take_in(note("Second.", source="/b"))

    desk.take_in(note("Second.", source="/a"))

    assert [p.text for p in desk.passages.iter_passages("t")] == ["Second."]


def test_without_a_source_nothing_is_replaced(desk: Desk) -> None:
    desk.take_in(note("First."))
    desk.take_in(note("Second."))

    assert desk.passages.count("t") == 2


def test_a_failed_document_is_tried_again_when_it_is_sent_again(tmp_path: Path) -> None:
    class Moody(PlainParser):
        def parse(self, content: bytes, kind: Format) -> Extract:
            if not self.parsed:
                self.parsed += 1
                raise DocumentUnreadable("Not today.")
            return super().parse(content, kind)

    with open_desk(tmp_path, start=False) as desk:
        library = Library(
            documents=desk.documents,
            passages=desk.passages,
            jobs=desk.jobs,
            parser=Moody(),
        )
        library.start()
        document, _ = library.submit("t", note("Words."))
        desk.settle()
        failed = library.load_document("t", document.id)

        _, new = library.submit("t", note("Words."))
        desk.settle()

        assert (failed.status, failed.error) == ("failed", "Not today.")
        assert new
        again = library.load_document("t", document.id)
        assert (again.status, again.error, again.chunks) == ("ready", None, 1)


@pytest.mark.parametrize(("call", "number"), [("add", 1), ("remove", 1), ("remove", 2)])
def test_a_process_that_dies_in_the_middle_is_made_good_at_the_next_start(
    tmp_path: Path, call: str, number: int
) -> None:
    with open_desk(tmp_path) as desk:
        desk.take_in(note("Old words.", source="/a"))
    passages = DyingPassages(call, number)
    with open_desk(tmp_path, passages=passages, start=False) as desk:
        job = desk.library.submit("t", note("New words.", source="/a"))[0]
        with pytest.raises(Crash):
            desk.library.work(Job("t", job.id), b"New words.")

    with open_desk(tmp_path, passages=passages) as desk:
        desk.settle()

        assert [p.text for p in passages.iter_passages("t")] == ["New words."]
        assert len(titles(desk)) == 1
        assert desk.library.load_document("t", job.id).status == "ready"


def test_work_whose_bytes_are_lost_is_rolled_back(tmp_path: Path) -> None:
    with open_desk(tmp_path, start=False) as desk:
        document, _ = desk.library.submit("t", note("Words."))
    for path in (tmp_path / "uploads").iterdir():
        path.unlink()

    with open_desk(tmp_path) as desk:
        found = desk.library.load_document("t", document.id)

        assert found.status == "failed"
        assert "send the file again" in (found.error or "")


def test_a_removal_that_was_cut_short_is_finished_at_the_next_start(
    tmp_path: Path,
) -> None:
    passages = MemoryPassages()
    with open_desk(tmp_path, passages=passages) as desk:
        document = desk.take_in(note("Words."))
        passages.away = True
        with pytest.raises(RetrievalUnavailable):
            desk.library.remove_document("t", document.id)
        with pytest.raises(DocumentNotFound):
            desk.library.load_document("t", document.id)
        passages.away = False

    with open_desk(tmp_path, passages=passages) as desk:
        assert passages.count("t") == 0
        assert titles(desk) == []


def test_a_removal_that_failed_can_be_asked_for_again(desk: Desk) -> None:
    document = desk.take_in(note("Words."))
    desk.passages.away = True
    with pytest.raises(RetrievalUnavailable):
        desk.library.remove_document("t", document.id)
    desk.passages.away = False

    desk.library.remove_document("t", document.id)

    assert desk.passages.count("t") == 0
    with pytest.raises(DocumentNotFound):
        desk.library.remove_document("t", document.id)


def test_a_document_removed_while_it_is_worked_on_leaves_no_passage(
    tmp_path: Path,
) -> None:
    class Removing(MemoryPassages):
        library: Library | None = None

        def add(self, passages: Sequence[Passage]) -> None:
            super().add(passages)
            if self.library is not None:
                library, self.library = self.library, None
                library.remove_document("t", passages[0].document_id)
                super().add(passages)

    passages = Removing()
    with open_desk(tmp_path, passages=passages) as desk:
        passages.library = desk.library
        document, _ = desk.library.submit("t", note("Words."))
        desk.settle()

        assert passages.count("t") == 0
        with pytest.raises(DocumentNotFound):
            desk.library.load_document("t", document.id)


def test_a_store_that_is_away_for_a_moment_costs_nothing(tmp_path: Path) -> None:
    class Away(MemoryPassages):
        tries = 0

        def add(self, passages: Sequence[Passage]) -> None:
            self.tries += 1
            if self.tries == 1:
                raise RetrievalUnavailable
            super().add(passages)

    with open_desk(tmp_path, passages=Away()) as desk:
        assert desk.take_in(note("Words.")).status == "ready"


def test_a_mistake_of_ours_is_one_failed_document(tmp_path: Path) -> None:
    class Broken(MemoryPassages):
        def add(self, passages: Sequence[Passage]) -> None:
            raise KeyError("words of the document")

    with open_desk(tmp_path, passages=Broken()) as desk:
        document = desk.take_in(note("Words."))

        assert (document.status, document.error) == ("failed", BROKEN)


def test_an_upload_that_cannot_be_kept_leaves_no_row(tmp_path: Path) -> None:
    with open_desk(tmp_path, start=False) as desk:
        (tmp_path / "uploads").write_text("in the way")

        with pytest.raises(UploadStorageFull):
            desk.library.submit("t", note("Words."))

        assert titles(desk) == []


def test_a_document_being_removed_elsewhere_is_waited_for(tmp_path: Path) -> None:
    with open_desk(tmp_path) as desk:
        document = desk.take_in(note("Words."))
        desk.documents.mark_removed("t", document.id)
        elsewhere = Library(
            documents=desk.documents,
            passages=desk.passages,
            jobs=desk.jobs,
            parser=desk.parser,
            orphan_seconds=60.0,
        )

        with pytest.raises(Unavailable):
            elsewhere.submit("t", note("Words."))
        _, new = desk.library.submit("t", note("Words."))

        assert new


def test_the_newer_of_two_versions_wins_whichever_is_ready_first(
    tmp_path: Path,
) -> None:
    with open_desk(tmp_path, start=False) as desk:
        old, _ = desk.library.submit("t", note("Old.", source="/a"))
        new, _ = desk.library.submit("t", note("New.", source="/a"))

        desk.library.work(Job("t", new.id), b"New.")
        desk.library.work(Job("t", old.id), b"Old.")

        assert [p.text for p in desk.passages.iter_passages("t")] == ["New."]
        assert desk.documents.find("t", old.id) is None


def test_threads_that_submit_one_file_make_one_document(desk: Desk) -> None:
    results: list[bool] = []

    def submit() -> None:
        results.append(desk.library.submit("t", note("Words."))[1])

    threads = [threading.Thread(target=submit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    desk.settle()

    assert sorted(results) == [False] * 7 + [True]
    assert desk.parser.parsed == 1


def test_a_document_beyond_the_size_limit_is_refused(tmp_path: Path) -> None:
    with open_desk(tmp_path, start=False) as desk:
        small = Library(
            documents=desk.documents,
            passages=desk.passages,
            jobs=desk.jobs,
            parser=desk.parser,
            max_bytes=10,
        )

        with pytest.raises(PayloadTooLarge):
            small.submit("t", note("More than ten bytes."))


def test_reindexing_writes_every_passage_again(desk: Desk) -> None:
    document = desk.take_in(note("Words."))
    before = list(desk.passages.iter_passages("t"))

    assert desk.library.reindex("t", document.id) == 1

    assert list(desk.passages.iter_passages("t")) == before


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\x\\guide.pdf", "guide.pdf"),
        ("a\u202egpj.exe\x00.md", "agpj.exe.md"),
        ("", "document"),
        ("/", "document"),
        ("x" * 300 + ".pdf", "x" * 251 + ".pdf"),
    ],
)
def test_a_name_is_for_display_only(given: str, shown: str) -> None:
    assert clean_file_name(given) == shown
