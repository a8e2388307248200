"""Documents and questions to measure with, and when an answer is right."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from domain.documents import Passage
from knowledge.hygiene import clean_text
from knowledge.loaders.formats import Format
from knowledge.loaders.load import load
from knowledge.orders import find_orders
from knowledge.splitter import split_blocks
from language.detection import detect_language

_FORMATS: Mapping[str, Format] = {
    ".pdf": "pdf",
    ".docx": "docx",
    ".html": "html",
    ".md": "markdown",
    ".txt": "text",
}
_PARAGRAPH_SETS = {"en": ("en", "en"), "id": ("id", "id"), "facqa": ("id_facqa", "id")}


@dataclass(frozen=True, slots=True)
class Case:
    """
    A question with what a right answer holds.

    Attributes:
        answers: Groups of wordings: one of every group must be in the answer. None at
            all: the right answer is a refusal.
        sources: Files or document ids; the first citation should be one of them.
        conversation: Questions of one conversation are asked in order.
        cross: The documents that answer are in the other language.
        forbidden: Strings that no answer may hold.
    """

    collection: str
    question: str
    language: str
    kind: str
    answers: tuple[tuple[str, ...], ...] = ()
    sources: tuple[str, ...] = ()
    conversation: str | None = None
    cross: bool = False
    forbidden: tuple[str, ...] = ()


def load_documents(folder: Path, *, tenant: str) -> list[Passage]:
    """Return the passages of the documents in *folder*, as ingestion makes them."""
    passages: list[Passage] = []
    for path in sorted(folder.iterdir()):
        kind = _FORMATS.get(path.suffix.lower())
        if kind is None or path.name == "LICENSES.md":
            continue
        extract = load(path.read_bytes(), kind)
        title = extract.title or path.stem
        validity = extract.metadata.get("status", "current")
        for piece in split_blocks(extract.blocks, title=title):
            text = clean_text(piece.text)
            passages.append(
                Passage(
                    id=_make_id(path.name, piece.ordinal),
                    document_id=path.name,
                    tenant=tenant,
                    ordinal=piece.ordinal,
                    text=text,
                    title=title,
                    file=path.name,
                    headings=piece.headings,
                    page=piece.page,
                    language=detect_language(text),
                    start=piece.start,
                    end=piece.end,
                    table=piece.table,
                    flagged=find_orders(text),
                    validity="superseded" if validity == "superseded" else "current",
                )
            )
    return passages


def load_paragraphs(folder: Path, name: str) -> list[Passage]:
    """Return the paragraphs of set *name* (`en`, `id`, `facqa`), one passage each."""
    stem, language = _PARAGRAPH_SETS[name]
    return [
        Passage(
            id=_make_id(row["id"], 0),
            document_id=row["id"],
            tenant=name,
            ordinal=0,
            text=row["text"],
            title=row.get("title") or row["id"],
            file=row["id"],
            language=language,
            end=len(row["text"]),
        )
        for row in _iter_rows(folder / f"{stem}_paragraphs.jsonl")
    ]


def load_paragraph_cases(folder: Path, name: str) -> list[Case]:
    """Return the questions of set *name*, the adversarial ones last."""
    stem, language = _PARAGRAPH_SETS[name]
    cases = [
        Case(
            collection=name,
            question=row["question"],
            language=language,
            kind="answerable",
            answers=(tuple(row["answers"]),),
            sources=(row["paragraph_id"],),
        )
        for row in _iter_rows(folder / f"{stem}_questions.jsonl")
    ]
    adversarial = folder / f"{stem}_unanswerable.jsonl"
    if adversarial.exists():
        cases += [
            Case(name, row["question"], language, "adversarial")
            for row in _iter_rows(adversarial)
        ]
    return cases


def load_translated_cases(folder: Path) -> list[Case]:
    """Return Indonesian questions about the English paragraphs."""
    return [
        Case(
            collection="en",
            question=row["question"],
            language="id",
            kind="answerable",
            answers=(tuple(row["answers"]),),
            sources=(row["paragraph_id"],),
            cross=True,
        )
        for row in _iter_rows(folder / "xling_id_questions_en_paragraphs.jsonl")
    ]


def load_cases(path: Path, *, collection: str = "docs") -> list[Case]:
    """
    Return the questions of a JSON lines file; the fields: `docs/quality.md`.

    Raises:
        ValueError: A line is not JSON or has no question; the message names it.
    """
    rows = [_check_row(row, at) for at, row in enumerate(_iter_rows(path), start=1)]
    talks = _find_talks(rows)
    cases: list[Case] = []
    for at, (row, talk) in enumerate(zip(rows, talks, strict=True)):
        case = _read_case(row, collection=collection, conversation=talk)
        history = row.get("history") or ()
        if history:
            case = replace(case, conversation=f"history-{at}")
        for earlier in history:
            text = earlier if isinstance(earlier, str) else earlier.get("question", "")
            asked = replace(case, question=text, kind="history", answers=(), sources=())
            cases.append(asked)
        cases.append(case)
    return cases


def _check_row(row: Any, at: int) -> Mapping[str, Any]:
    if not isinstance(row, dict) or not str(row.get("question") or "").strip():
        raise ValueError(f"question {at}: has no `question`")
    return row


def _read_case(
    row: Mapping[str, Any], *, collection: str, conversation: str | None
) -> Case:
    answers = row.get("answers") or row.get("answer") or []
    answers = [answers] if isinstance(answers, str) else answers
    groups = answers if answers and isinstance(answers[0], list) else [answers]
    sources = row.get("sources") or row.get("source") or row.get("document") or []
    kind = row.get("type") or row.get("kind")
    if row.get("unanswerable") or not (kind or answers):
        kind, answers = "unanswerable", []
    elif kind is None:
        kind = "followup" if row.get("follow_up_of") else "answerable"
    language = row.get("lang") or row.get("language")
    return Case(
        collection=collection,
        question=row["question"],
        language=language or detect_language(row["question"]),
        kind=kind,
        answers=tuple(tuple(group) for group in groups) if answers else (),
        sources=(sources,) if isinstance(sources, str) else tuple(sources),
        conversation=conversation,
        cross=bool(row.get("cross_lingual")),
        forbidden=tuple(row.get("must_not_contain") or ()),
    )


def _find_talks(rows: Sequence[Mapping[str, Any]]) -> list[str | None]:
    """Return the conversation of each row, by its name or by what it follows."""
    before = {
        str(row["id"]): str(row["follow_up_of"])
        for row in rows
        if row.get("id") and row.get("follow_up_of")
    }
    followed = {str(row["follow_up_of"]) for row in rows if row.get("follow_up_of")}
    talks: list[str | None] = []
    for row in rows:
        first = str(row.get("follow_up_of") or row.get("id") or "")
        for _ in before:
            first = before.get(first, first)
        named = row.get("conversation")
        linked = bool(row.get("follow_up_of")) or str(row.get("id")) in followed
        talks.append(f"after-{first}" if linked and not named else named)
    return talks


def holds_answer(text: str, groups: Sequence[Sequence[str]]) -> bool:
    """Tell whether *text* holds one wording of every group."""
    plain = _plain(text)
    return all(any(_plain(one) in plain for one in group) for group in groups)


def _plain(text: str) -> str:
    folded = text.casefold().replace("–", "-").replace("—", "-").replace("’", "'")
    return re.sub(r"\s+", " ", re.sub(r"\s*-\s*", "-", folded)).strip()


def _make_id(*parts: object) -> str:
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return str(uuid.UUID(bytes=digest[:16]))


def _iter_rows(path: Path) -> Iterator[Mapping[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                yield json.loads(line)
