"""What is asked: the sets of a data folder, the project's own, and anybody's file."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.eval_service import Paper
from bench.extractive_samples import SMALL
from bench.questions import (
    Case,
    load_cases,
    load_paragraph_cases,
    load_translated_cases,
)

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data"
SAMPLES = ROOT / "samples"
HELD_BACK = ROOT / "bench" / "data"
"""The project's own questions; nothing was tuned on those called held-back."""

MIXED = "mixed"
"""Tenant that owns the documents and paragraphs of every set at once."""

_PARAGRAPHS = {"en": "en", "id": "id", "facqa": "id_facqa"}
_KNOWN = {".pdf", ".docx", ".html", ".md", ".txt", ".csv", ".xlsx", ".pptx"}
_ABSENT = 200
"""Questions of each other set that are asked where nothing can answer them."""


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """
    Questions that are asked of one tenant and counted together.

    Attributes:
        absent: The topics are absent; only the confidence of the answers counts.
    """

    name: str
    tenant: str
    cases: tuple[Case, ...]
    absent: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything of one run: the papers of each tenant, and the sets."""

    papers: dict[str, list[Paper]]
    sets: list[QuestionSet]


def plan_all(data: Path | None, *, mixed: bool) -> Plan:
    """Return every set there is; without *data* those that the project ships."""
    folder = data / "docs" if data else SAMPLES / "documents"
    questions = folder / "qa.jsonl" if data else SAMPLES / "questions.jsonl"
    papers = {"docs": read_folder(folder)}
    sets = _by_language("demo", "docs", load_cases(questions))
    held = HELD_BACK / "demo_questions.jsonl"
    if held.exists():
        sets += _by_language("held-back demo", "docs", load_cases(held))
    for place in sorted(HELD_BACK.glob("*/questions.jsonl")):
        tenant = place.parent.name
        papers[tenant] = read_folder(place.parent / "documents")
        label = tenant if tenant in SMALL else f"held-back {tenant}"
        sets.append(_set(label, tenant, load_cases(place)))
    if data:
        own = [one for one in sets if one.name == "demo"]
        paragraphs = _plan_paragraphs(data / "qa", papers)
        sets += paragraphs
        if mixed:
            papers[MIXED] = [
                paper for name in ("docs", *_PARAGRAPHS) for paper in papers[name]
            ]
            sets += [_in_mixed(one) for one in (*own, *paragraphs) if not one.absent]
    return Plan(papers, sets)


def plan_own(questions: Path, documents: Path | None) -> Plan:
    """Return the questions of a file, and the documents of a folder if there is one."""
    papers = {"own": read_folder(documents)} if documents else {"own": []}
    return Plan(papers, _by_language("own", "own", load_cases(questions)))


def read_folder(folder: Path) -> list[Paper]:
    """Return the documents of *folder*, each called by its file name."""
    return [
        Paper(path.name, path=path)
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in _KNOWN and path.name != "LICENSES.md"
    ]


def _plan_paragraphs(folder: Path, papers: dict[str, list[Paper]]) -> list[QuestionSet]:
    sets: list[QuestionSet] = []
    found = {name: load_paragraph_cases(folder, name) for name in _PARAGRAPHS}
    for name, stem in _PARAGRAPHS.items():
        lines = (folder / f"{stem}_paragraphs.jsonl").read_text(encoding="utf-8")
        rows = [json.loads(line) for line in lines.splitlines() if line.strip()]
        papers[name] = [
            Paper(row["id"], title=row.get("title") or row["id"], text=row["text"])
            for row in rows
        ]
        sets.append(_set(name, name, found[name]))
        absent = [
            case
            for other, cases in found.items()
            for case in [one for one in cases if one.answers][:_ABSENT]
            if other != name and (other == "en") == (name == "en")
        ] or [case for case in found["id"] if case.answers][:_ABSENT]
        sets.append(_absent(name, absent))
    translated = load_translated_cases(folder)
    sets.append(_set("id about en", "en", translated))
    return sets


def _absent(name: str, cases: Sequence[Case]) -> QuestionSet:
    asked = [replace(one, kind="unanswerable", answers=(), sources=()) for one in cases]
    return QuestionSet(f"{name}, absent topics", name, tuple(asked), absent=True)


def _by_language(name: str, tenant: str, cases: list[Case]) -> list[QuestionSet]:
    return [
        _set(name, tenant, cases),
        *(
            _set(f"{name} {language}", tenant, found)
            for language in ("en", "id")
            if (found := [one for one in cases if one.language == language])
        ),
    ]


def _set(name: str, tenant: str, cases: Sequence[Case]) -> QuestionSet:
    return QuestionSet(name, tenant, tuple(cases))


def _in_mixed(one: QuestionSet) -> QuestionSet:
    # What one set cannot answer another may, so only answerable questions are asked.
    kept = tuple(case for case in one.cases if case.answers or case.kind == "history")
    return QuestionSet(f"{MIXED}: {one.name}", MIXED, kept)


def shrink(plan: Plan, cut: Callable[[Sequence[Case]], list[Case]]) -> Plan:
    """Return *plan* with the questions of each set cut down by *cut*."""
    return Plan(
        plan.papers, [replace(one, cases=tuple(cut(one.cases))) for one in plan.sets]
    )
