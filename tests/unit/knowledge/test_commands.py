from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from domain.documents import Document, Passage, Upload
from knowledge import commands
from knowledge.__main__ import build_parser
from knowledge.assembly import make_document_id
from knowledge.commands import collect_files
from knowledge.desk import DeskError, Found, wait_for_all


class PaperDesk:
    """A desk whose documents end as their names say: `bad` fails, the rest is ready."""

    def __init__(self) -> None:
        self.kept: dict[str, Document] = {}
        self.busy = 0
        self.removed: list[str] = []
        self.asked = 0

    def submit(self, upload: Upload) -> tuple[Document, bool]:
        if self.busy:
            self.busy -= 1
            raise DeskError("Too many.", retry_after_seconds=0.0)
        if upload.file.endswith(".bin"):
            raise DeskError("Of no known kind.")
        key = make_document_id("t", upload.content.hex())
        if key in self.kept:
            return self.kept[key], False
        document = Document(
            id=key,
            tenant="t",
            sha256="0",
            file=upload.file,
            title=upload.title or upload.file,
            status="queued",
            chunks=2,
        )
        failed = "bad" in upload.file
        self.kept[key] = replace(
            document,
            status="failed" if failed else "ready",
            error="It is damaged." if failed else None,
        )
        return document, True

    def help_out(self) -> None: ...

    def load(self, document_id: str) -> Document:
        self.asked += 1
        if document_id not in self.kept:
            raise DeskError("There is no such document.")
        return self.kept[document_id]

    def iter_documents(self) -> Iterator[Document]:
        yield from self.kept.values()

    def find(self, path: Path) -> list[Document]:
        return [item for item in self.kept.values() if item.file == path.name]

    def remove(self, document_id: str) -> None:
        del self.kept[document_id]
        self.removed.append(document_id)

    def search(self, question: str, *, limit: int) -> list[Found]:
        return [Found(0.5, "Guide", "guide.md", "Nine.")][: limit if question else 0]

    def iter_passages(self, document_id: str) -> Iterator[Passage]:
        document = self.kept[document_id]
        yield Passage("p", document.id, "t", 0, "Nine.", document.title, document.file)

    def reindex(self, document_id: str) -> int:
        return 2

    def close(self) -> None: ...


def run(desk: PaperDesk, *arguments: str) -> int:
    options = build_parser().parse_args(list(arguments))
    status: int = options.run(desk, options)
    return status


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (
        "a.md",
        "b.txt",
        "sub/c.pdf",
        ".hidden/d.md",
        ".e.md",
        "f.xyz",
        "~$g.docx",
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    return tmp_path


def test_folders_are_walked_and_each_file_is_taken_once(folder: Path) -> None:
    files, unknown = collect_files([folder, folder / "a.md"])

    assert [path.name for path in files] == ["a.md", "b.txt", "c.pdf"]
    assert unknown == 1


def test_a_file_that_was_named_is_taken_whatever_its_name(folder: Path) -> None:
    assert collect_files([folder / "f.xyz"]) == ([folder / "f.xyz"], 0)


def test_adding_says_what_became_of_everything(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = PaperDesk()

    assert run(desk, "add", str(folder)) == 0
    assert run(desk, "add", str(folder)) == 0

    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("3 added (6 passages), 1 of other kinds left out in")
    assert second.startswith("0 added (0 passages), 3 unchanged, 1 of other kinds")


def test_a_failed_document_is_named_and_the_exit_status_tells(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("good.md", "bad.md", "x.bin"):
        (tmp_path / name).write_text(name)
    names = [str(tmp_path / name) for name in ("good.md", "bad.md", "x.bin", "none.md")]

    assert run(PaperDesk(), "add", *names) == 1

    shown = capsys.readouterr()
    assert "1 added (2 passages), 3 failed" in shown.out
    assert "bad.md: It is damaged." in shown.err
    assert "x.bin: Of no known kind." in shown.err
    assert "none.md: No such file or directory" in shown.err


def test_a_busy_service_is_asked_again(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("a")
    desk = PaperDesk()
    desk.busy = 3

    assert run(desk, "add", str(tmp_path)) == 0
    assert len(desk.kept) == 1


def test_a_title_goes_with_one_file_only(folder: Path) -> None:
    desk = PaperDesk()

    assert run(desk, "add", str(folder), "--title", "T") == 2
    assert run(desk, "add", str(folder / "a.md"), "--title", "T") == 0
    assert [item.title for item in desk.kept.values()] == ["T"]


def test_documents_are_removed_by_id_path_and_folder(folder: Path) -> None:
    desk = PaperDesk()
    run(desk, "add", str(folder))
    first = next(iter(desk.kept))

    assert run(desk, "remove", first) == 0
    assert run(desk, "remove", str(folder / "b.txt")) == 0
    assert run(desk, "remove", str(folder)) == 0
    assert len(desk.removed) == 3


def test_removing_what_is_not_there_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(PaperDesk(), "remove", "doc_" + "0" * 32, "no/such.md") == 1
    assert capsys.readouterr().err.count("There is no such document.") == 2


def test_a_name_that_several_documents_bear_is_not_guessed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = PaperDesk()
    for number in range(2):
        (tmp_path / "same.md").write_text(str(number))
        run(desk, "add", str(tmp_path / "same.md"))

    assert run(desk, "remove", "same.md") == 1
    assert "Several documents" in capsys.readouterr().err
    assert len(desk.kept) == 2


def test_list_show_search_and_reindex_print(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = PaperDesk()
    assert run(desk, "list") == 0
    assert "No documents." in capsys.readouterr().out
    run(desk, "add", str(folder / "a.md"))
    capsys.readouterr()

    assert run(desk, "list") == 0
    assert "ready" in capsys.readouterr().out
    assert run(desk, "show", next(iter(desk.kept))) == 0
    assert "[0] \nNine." in capsys.readouterr().out
    assert run(desk, "search", "When?") == 0
    assert "1. 0.50  Guide  guide.md" in capsys.readouterr().out
    assert run(desk, "search", "") == 1
    capsys.readouterr()
    assert run(desk, "reindex") == 0
    assert "1 documents, 2 passages written" in capsys.readouterr().out


def test_export_is_one_json_object_a_document(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = PaperDesk()
    run(desk, "add", str(folder))
    capsys.readouterr()

    assert run(desk, "export") == 0

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 3
    assert lines[0]["passages"][0]["text"] == "Nine."
    assert "score" not in lines[0]["passages"][0]


def test_waiting_goes_on_while_the_service_is_busy() -> None:
    class Busy(PaperDesk):
        def load(self, document_id: str) -> Document:
            if not self.asked:
                self.asked += 1
                raise DeskError("Busy.", retry_after_seconds=3.0)
            return super().load(document_id)

    desk = Busy()
    document, _ = desk.submit(Upload(b"a", "a.md"))
    ended: list[Document] = []
    pauses: list[float] = []

    wait_for_all(desk, {document.id: "a"}, on_change=ended.append, pause=pauses.append)

    assert [item.status for item in ended] == ["ready"]
    assert 3.0 in pauses


@pytest.mark.parametrize("arguments", [[], ["add"], ["nonsense"], ["show"]])
def test_wrong_usage_ends_with_two(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        build_parser().parse_args(arguments)

    assert ended.value.code == 2


def test_the_tenant_may_stand_before_or_after_the_command() -> None:
    parser = build_parser()

    before = parser.parse_args(["--tenant", "uni", "list"])
    after = parser.parse_args(["list", "--tenant", "uni"])

    assert before.tenant == after.tenant == "uni"
    assert parser.parse_args(["list"]).tenant == "default"
    assert isinstance(before, argparse.Namespace)
    assert before.run is commands.list_documents
