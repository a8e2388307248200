"""
How good are the answers? `python -m bench.eval`, `make eval`.

Starts the real service on an empty data folder, takes documents and paragraphs in
through `POST /v1/documents`, asks every question through `POST /v1/chat`, and prints
the figures of each set; then those of retrieval alone. `--questions FILE` asks your own
questions, with `--url` of a service that runs already. The format of the file and the
meaning of each figure: `docs/quality.md`.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.eval_bars import find_bars, print_bars
from bench.eval_figures import Figures, Result, area, count, print_table
from bench.eval_service import Desk, run_service, sample
from bench.eval_sets import DATA, SAMPLES, Plan, QuestionSet, plan_all, plan_own, shrink
from bench.retrieval import measure_sets, print_sets

_MODEL_SETTINGS = ("LLM_", "EMBEDDING_")


async def run_plan(
    plan: Plan, *, at_once: int, environ: Mapping[str, str]
) -> dict[str, list[Result]]:
    """Start a service, fill it, ask every set; return the results by set."""
    async with run_service(plan.papers, environ) as desks:
        begun = time.perf_counter()
        for tenant, papers in plan.papers.items():
            await desks[tenant].take_in(papers)
        taken = sum(map(len, plan.papers.values()))
        seconds = time.perf_counter() - begun
        print(f"{taken} documents taken in within {seconds:.0f} s", flush=True)
        return await _ask(plan.sets, desks, at_once=at_once)


async def run_against(
    plan: Plan, desk: Desk, *, at_once: int
) -> dict[str, list[Result]]:
    """Ask the sets of *plan* of a service that runs already."""
    await desk.learn_names()
    for papers in plan.papers.values():
        await desk.take_in(papers)
    desks = dict.fromkeys((one.tenant for one in plan.sets), desk)
    return await _ask(plan.sets, desks, at_once=at_once)


async def _ask(
    sets: Sequence[QuestionSet], desks: Mapping[str, Desk], *, at_once: int
) -> dict[str, list[Result]]:
    """Ask every question once, though sets share some."""
    found: dict[str, list[Result]] = {}
    known: dict[tuple[str, int], Result] = {}
    for one in sets:
        fresh = [case for case in one.cases if (one.tenant, id(case)) not in known]
        results = await desks[one.tenant].ask_all(fresh, at_once=at_once)
        known.update(
            {
                (one.tenant, id(case)): result
                for case, result in zip(fresh, results, strict=True)
            }
        )
        found[one.name] = [known[one.tenant, id(case)] for case in one.cases]
    return found


def measure_absent(
    sets: Sequence[QuestionSet], found: Mapping[str, list[Result]]
) -> dict[str, tuple[float, float]]:
    """Return, by set, the AUROC of `confidence` for absent topics, and the refused."""
    figures = {}
    for one in sets:
        if one.absent:
            asked = [each for each in found[one.tenant] if each.case.answers]
            absent = found[one.name]
            figures[one.tenant] = (
                area(
                    [each.reply.confidence for each in asked],
                    [each.reply.confidence for each in absent],
                ),
                sum(not each.reply.answered for each in absent) / len(absent),
            )
    return figures


def report(
    plan: Plan, found: Mapping[str, list[Result]]
) -> tuple[list[tuple[str, Figures]], dict[str, tuple[float, float]]]:
    """Print the table of the sets; return its rows, and the absent topics."""
    rows = [(one.name, count(found[one.name])) for one in plan.sets if not one.absent]
    once = {
        id(result): result
        for one in plan.sets
        if not one.absent and not one.name.startswith("mixed")
        for result in found[one.name]
    }
    for language in ("en", "id"):
        of = [one for one in once.values() if one.case.language == language]
        rows.append((f"all {language}", count(of)))
    rows.append(("all", count(list(once.values()))))
    print_table(rows, print)
    absent = measure_absent(plan.sets, found)
    for name, (auroc, refused) in absent.items():
        print(f"absent topics, {name}: AUROC {auroc:.3f}, refused {refused:.3f}")
    return rows, absent


def show_misses(results: Iterable[Result]) -> None:
    """Print every question that went wrong, with what was answered."""
    for one in results:
        wrong = not one.contained if one.case.answers else one.reply.answered
        if wrong and one.case.kind != "history":
            print(
                f"  [{one.case.kind}] {one.case.question} -> {one.case.answers}"
                f" {one.case.sources}\n    {one.reply.confidence} {one.reply.text}"
            )


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench eval", description="How good are the answers?"
    )
    parser.add_argument("--questions", type=Path, help="your own, JSON lines")
    parser.add_argument("--documents", type=Path, help="folder they are about")
    parser.add_argument("--url", help="a running service; default: one is started")
    parser.add_argument("--key", default="", help="an API key of that service")
    parser.add_argument("--data", type=Path, help="folder with docs/ and qa/")
    parser.add_argument("--sample", type=int, help="about so many questions of a set")
    parser.add_argument("--seed", type=int, default=1, help="of the sample")
    parser.add_argument("--concurrency", type=int, default=1, help="questions at once")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--show", action="store_true", help="print what went wrong")
    parser.add_argument(
        "--no-mixed", action="store_true", help="leave the mixed collection out"
    )
    parser.add_argument(
        "--configured",
        action="store_true",
        help="give the started service the LLM_* and EMBEDDING_* variables set here",
    )
    return parser


def make_plan(options: argparse.Namespace) -> Plan:
    """Return what the options ask for."""
    data: Path | None = options.data or (DATA if DATA.is_dir() else None)
    if options.questions or options.url:
        questions = options.questions or SAMPLES / "questions.jsonl"
        documents = options.documents
        if documents is None and not options.url:
            documents = SAMPLES / "documents"
        plan = plan_own(questions, documents)
    else:
        plan = plan_all(data, mixed=not options.no_mixed)
    if options.sample:
        return shrink(
            plan, lambda cases: sample(cases, options.sample, seed=options.seed)
        )
    return plan


def main() -> int:
    """Measure and print; exit status 1 when a bar does not hold."""
    options = build_parser().parse_args()
    begun = time.perf_counter()
    plan = make_plan(options)
    environ = {
        name: value
        for name, value in os.environ.items()
        if options.configured and name.startswith(_MODEL_SETTINGS)
    }
    model = environ.get("LLM_MODEL", "none: sentences are quoted")
    print("model: " + ("of the service" if options.url else model), flush=True)
    if options.url:
        desk = Desk(options.url.rstrip("/"), options.key)
        run = run_against(plan, desk, at_once=options.concurrency)
    else:
        run = run_plan(plan, at_once=options.concurrency, environ=environ)
    found = asyncio.run(run)
    rows, absent = report(plan, found)
    data = options.data or DATA
    own = bool(options.questions or options.url)
    retrieval = {} if own or not data.is_dir() else measure_sets(data / "qa")
    print_sets(retrieval)
    bars = [] if own or options.sample else find_bars(dict(rows), absent, retrieval)
    print_bars(bars)
    if options.show:
        for one in plan.sets:
            if not one.absent:
                print(one.name)
                show_misses(found[one.name])
    print(f"measured within {time.perf_counter() - begun:.0f} s")
    if options.json:
        written: dict[str, Any] = {
            "model": model,
            "sets": {name: dataclasses.asdict(one) for name, one in rows},
            "absent_topics": {
                name: {"auroc": auroc, "refused": refused}
                for name, (auroc, refused) in absent.items()
            },
            "retrieval": {
                name: dataclasses.asdict(one) for name, one in retrieval.items()
            },
            "bars": [dataclasses.asdict(one) | {"holds": one.holds} for one in bars],
        }
        options.json.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    return 0 if all(one.holds for one in bars) else 1


if __name__ == "__main__":
    sys.exit(main())
