"""`python -m knowledge curated`: answers in people's words, by command line."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from domain.curated import CuratedAnswer
from language.detection import detect_language
from stores.curated import make_curated_id

FINE, SOME_FAILED, USAGE = 0, 1, 2
LONGEST_QUESTION = 1_000
LONGEST_ANSWER = 8_000
_MOST_SOURCES = 20


class Shelf(Protocol):
    """Where the answers are kept; `stores.curated.SQLCuratedAnswers`."""

    def put(self, answer: CuratedAnswer) -> None:
        """Keep an answer."""
        ...

    def list_answers(self, tenant: str) -> list[CuratedAnswer]:
        """Return all of a tenant."""
        ...

    def remove(self, tenant: str, answer_id: str) -> bool:
        """Remove one; False when there is none."""
        ...


class Unfit(Exception):
    """A line is no curated answer; the message is one sentence for people."""


def describe(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    adding = actions.add_parser(
        "add",
        help="take answers in: JSON lines of question, answer, sources?, language?",
    )
    adding.add_argument("path", type=Path, metavar="FILE")
    actions.add_parser("list", help="print every answer as a JSON line")
    removing = actions.add_parser("remove", help="remove answers by id")
    removing.add_argument("ids", nargs="+", metavar="ID")


def run(shelf: Shelf, options: argparse.Namespace) -> int:
    """Do what *options* ask for; return the exit status."""
    if options.action == "list":
        for answer in shelf.list_answers(options.tenant):
            sys.stdout.write(json.dumps(_line_of(answer), ensure_ascii=False) + "\n")
        return FINE
    if options.action == "remove":
        missing = [one for one in options.ids if not shelf.remove(options.tenant, one)]
        for one in missing:
            sys.stderr.write(f"There is no answer {one}.\n")
        return SOME_FAILED if missing else FINE
    return _add(shelf, options.path, options.tenant)


def _add(shelf: Shelf, path: Path, tenant: str) -> int:
    """Take all answers of a file in, or none when a line is unfit."""
    try:
        answers = list(read_answers(path.read_text(encoding="utf-8"), tenant=tenant))
    except (OSError, UnicodeDecodeError):
        sys.stderr.write(f"{path}: cannot be read as UTF-8 text.\n")
        return USAGE
    except Unfit as exc:
        sys.stderr.write(f"{path}: {exc}\n")
        return SOME_FAILED
    for answer in answers:
        shelf.put(answer)
    sys.stdout.write(f"{len(answers)} curated answers taken in\n")
    return FINE


def read_answers(text: str, *, tenant: str) -> Iterator[CuratedAnswer]:
    """
    Yield the answers of JSON lines.

    Raises:
        Unfit: A line is not JSON, or a field is missing, empty or too long.
    """
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            raise Unfit(f"line {number} is not JSON") from None
        if not isinstance(row, dict):
            raise Unfit(f"line {number} is not an object")
        yield _read(row, number, tenant=tenant)


def _read(row: dict[str, Any], number: int, *, tenant: str) -> CuratedAnswer:
    question = _text(row, "question", number, longest=LONGEST_QUESTION)
    answer = _text(row, "answer", number, longest=LONGEST_ANSWER)
    language = row.get("language") or detect_language(question)
    if language not in ("en", "id"):
        raise Unfit(f"line {number}: language must be en or id")
    sources = row.get("sources") or []
    if not isinstance(sources, list) or len(sources) > _MOST_SOURCES:
        raise Unfit(f"line {number}: sources must be a list of at most {_MOST_SOURCES}")
    if not all(isinstance(one, str) and one.strip() for one in sources):
        raise Unfit(f"line {number}: every source must be a link or a name")
    return CuratedAnswer(
        id=make_curated_id(tenant, language, question),
        tenant=tenant,
        question=question,
        answer=answer,
        language=language,
        sources=tuple(one.strip() for one in sources),
        created_at=time.time(),
    )


def _text(row: dict[str, Any], name: str, number: int, *, longest: int) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value.strip() or "\x00" in value:
        raise Unfit(f"line {number}: {name} must be a text")
    if len(value) > longest:
        raise Unfit(f"line {number}: {name} is longer than {longest} characters")
    return value.strip()


def _line_of(answer: CuratedAnswer) -> dict[str, object]:
    return {
        "id": answer.id,
        "question": answer.question,
        "answer": answer.answer,
        "sources": list(answer.sources),
        "language": answer.language,
    }
