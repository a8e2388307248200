from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from domain.curated import CuratedAnswer
from knowledge import curated


class Shelf:
    """Answers in a dict."""

    def __init__(self) -> None:
        self.kept: dict[str, CuratedAnswer] = {}

    def put(self, answer: CuratedAnswer) -> None:
        self.kept[answer.id] = answer

    def list_answers(self, tenant: str) -> list[CuratedAnswer]:
        return [one for one in self.kept.values() if one.tenant == tenant]

    def remove(self, tenant: str, answer_id: str) -> bool:
        return self.kept.pop(answer_id, None) is not None


def run(shelf: Shelf, *arguments: str) -> int:
    parser = argparse.ArgumentParser()
    curated.describe(parser)
    return curated.run(
        shelf, parser.parse_args(arguments, argparse.Namespace(tenant="t"))
    )


def write(folder: Path, *rows: object) -> str:
    path = folder / "answers.jsonl"
    lines = [one if isinstance(one, str) else json.dumps(one) for one in rows]
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


def test_added_answers_are_listed_as_they_can_be_added_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf = Shelf()
    row = {"question": "Kapan buka?", "answer": "Pukul 08.00.", "sources": ["a.pdf"]}

    assert run(shelf, "add", write(tmp_path, row)) == curated.FINE
    capsys.readouterr()
    assert run(shelf, "list") == curated.FINE

    listed = json.loads(capsys.readouterr().out)
    assert listed.items() >= {**row, "language": "id"}.items()


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("{", "is not JSON"),
        ("[]", "is not an object"),
        ({"question": "Kapan?"}, "answer must be a text"),
        ({"question": " ", "answer": "x"}, "question must be a text"),
        ({"question": "a" * 1001, "answer": "x"}, "longer than 1000"),
        ({"question": "q", "answer": "x", "language": "fr"}, "en or id"),
        ({"question": "q", "answer": "x", "sources": "a.pdf"}, "must be a list"),
        ({"question": "q", "answer": "x", "sources": [""]}, "a link or a name"),
    ],
)
def test_one_unfit_line_keeps_the_whole_file_out(
    row: object, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf = Shelf()
    path = write(tmp_path, {"question": "Kapan buka?", "answer": "Pukul 08.00."}, row)

    status = run(shelf, "add", path)

    assert status == curated.SOME_FAILED
    assert shelf.kept == {}
    assert reason in capsys.readouterr().err


def test_a_file_that_is_missing_is_wrong_usage(tmp_path: Path) -> None:
    assert run(Shelf(), "add", str(tmp_path / "none.jsonl")) == curated.USAGE


def test_removing_what_is_not_there_fails(tmp_path: Path) -> None:
    shelf = Shelf()
    run(shelf, "add", write(tmp_path, {"question": "Kapan buka?", "answer": "Jam 8."}))
    [answer] = shelf.kept

    assert run(shelf, "remove", answer) == curated.FINE
    assert run(shelf, "remove", answer) == curated.SOME_FAILED
