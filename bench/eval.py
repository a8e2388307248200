"""
How good are the answers? `python -m bench.eval`.

With `--url` and `--key` a running service is asked the questions of a file. Without
them documents and paragraphs go into an embedded store in a temporary folder, and the
agent is asked in this process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from langgraph.checkpoint.memory import InMemorySaver

from agents.rag import RagAgent
from bench.questions import (
    Case,
    holds_answer,
    load_cases,
    load_documents,
    load_paragraph_cases,
    load_paragraphs,
)
from domain.callers import Caller
from domain.deadlines import Deadline
from domain.turns import AnswerCompleted, Question, Turn
from knowledge.search import PassageSearch
from stores.vectors import open_embedded
from tests.fakes.answerer import FakeConversations

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one question."""

    text: str
    answered: bool
    confidence: float
    sources: tuple[str, ...]
    supported: tuple[bool, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Result:
    """A question, and how its answer did."""

    case: Case
    reply: Reply

    @property
    def contained(self) -> bool:
        """The answer holds what it should and nothing that it must not."""
        return (
            self.reply.answered
            and holds_answer(self.reply.text, self.case.answers)
            and not any(one in self.reply.text for one in self.case.forbidden)
        )

    @property
    def first_source(self) -> bool:
        """The first citation is of a right document."""
        return bool(self.reply.sources) and self.reply.sources[0] in self.case.sources


Ask = Callable[[Case, str], Awaitable[Reply]]


class InProcess:
    """Asks the agent directly."""

    def __init__(self, agent: RagAgent) -> None:
        self._agent = agent

    async def ask(self, case: Case, conversation_id: str) -> Reply:
        """Return the answer to *case*."""
        turn = Turn(
            caller=Caller(tenant=case.collection, key_id="bench"),
            conversation_id=conversation_id,
            question=Question(text=case.question),
            question_id=f"msg_{uuid.uuid4().hex}",
            message_id=f"msg_{uuid.uuid4().hex}",
            deadline=Deadline.after(_SECONDS),
        )
        begun = time.perf_counter()
        async for event in self._agent.stream(turn):
            if isinstance(event, AnswerCompleted):
                answer = event.answer
        return Reply(
            text=answer.text,
            answered=answer.answered,
            confidence=answer.confidence,
            sources=tuple(one.document_id for one in answer.citations),
            supported=tuple(one.supported for one in answer.citations),
            seconds=time.perf_counter() - begun,
        )


class OverHTTP:
    """Asks a running service; its documents are whatever it holds."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url.rstrip("/") + "/v1/chat"
        self._key = key

    async def ask(self, case: Case, conversation_id: str) -> Reply:
        """Return the answer to *case*."""
        return await asyncio.to_thread(self._post, case, conversation_id)

    def _post(self, case: Case, conversation_id: str) -> Reply:
        request = urllib.request.Request(
            self._url,
            data=json.dumps({"message": case.question}).encode(),
            headers={
                "Content-Type": "application/json",
                "X-API-Key": self._key,
                "X-Conversation-Id": conversation_id,
            },
        )
        begun = time.perf_counter()
        with urllib.request.urlopen(request, timeout=_SECONDS) as response:
            body = json.load(response)
        citations = body["citations"]
        return Reply(
            text=body["answer"],
            answered=body["answered"],
            confidence=body["confidence"],
            sources=tuple(_name_of(one) for one in citations),
            supported=tuple(one["supported"] for one in citations),
            seconds=time.perf_counter() - begun,
        )


def _name_of(citation: dict[str, object]) -> str:
    return str(citation.get("file") or citation.get("title") or "")


async def ask_all(ask: Ask, cases: Iterable[Case]) -> list[Result]:
    """Ask every question, those of one conversation in order."""
    run = uuid.uuid4().hex[:8]
    return [
        Result(case, await ask(case, f"{run}-{case.conversation or at}"))
        for at, case in enumerate(cases)
    ]


def report(name: str, results: Sequence[Result]) -> None:
    """Print the figures of one set."""
    answerable = [
        one for one in results if one.case.answers and one.case.kind != "history"
    ]
    follow_ups = [one for one in answerable if one.case.kind == "followup"]
    refusable = [one for one in results if one.case.kind == "unanswerable"]
    adversarial = [one for one in results if one.case.kind == "adversarial"]
    same = [one for one in answerable if not one.case.cross]
    cited = [flag for one in results for flag in one.reply.supported]
    words = [len(one.reply.text.split()) for one in answerable if one.reply.answered]
    times = sorted(one.reply.seconds * 1000 for one in results)
    print(
        f"{name:6} n={len(answerable):4}"
        f" contain={_share(one.contained for one in answerable)}"
        f" first={_share(one.first_source for one in answerable)}"
        f" same={_share(one.contained for one in same)}"
        f"/{_share(one.first_source for one in same)}"
        f" follow={_share(one.contained for one in follow_ups)}"
        f" false-refusals={_share(not one.reply.answered for one in answerable)}"
        f" refusals={_share(not one.reply.answered for one in refusable)}"
        f" adversarial={_share(not one.reply.answered for one in adversarial)}"
        f" support={_share(cited)}"
        f" words={statistics.median(words) if words else 0:.0f}"
        f" p50={_quantile(times, 0.5):.1f} p95={_quantile(times, 0.95):.1f} ms"
    )


def area(positives: Sequence[float], negatives: Sequence[float]) -> float:
    """Return the area under the ROC curve of two lists of confidences."""
    ranked = sorted([(one, 1) for one in positives] + [(one, 0) for one in negatives])
    total, at = 0.0, 0
    while at < len(ranked):
        end = at
        while end < len(ranked) and ranked[end][0] == ranked[at][0]:
            end += 1
        mean = (at + 1 + end) / 2
        total += mean * sum(label for _, label in ranked[at:end])
        at = end
    count = len(positives)
    return (total - count * (count + 1) / 2) / (count * len(negatives) or 1)


def _share(flags: Iterable[bool]) -> str:
    counted = list(flags)
    return f"{sum(counted) / len(counted):.3f}" if counted else "-"


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


async def run_in_process(data: Path | None, *, show: bool) -> None:
    """Build a store of everything in *data* (or the samples) and ask."""
    sets: list[tuple[str, list[Case]]] = []
    with tempfile.TemporaryDirectory() as folder:
        store = open_embedded(Path(folder), collection="bench")
        store.open()
        documents = data / "docs" if data else SAMPLES / "documents"
        questions = data / "docs" / "qa.jsonl" if data else SAMPLES / "questions.jsonl"
        store.add(load_documents(documents, tenant="docs"))
        sets.append(("docs", load_cases(questions)))
        if data:
            for name in ("en", "id", "facqa"):
                store.add(load_paragraphs(data / "qa", name))
                sets.append((name, load_paragraph_cases(data / "qa", name)))
        agent = RagAgent(
            retriever=PassageSearch(store),
            conversations=FakeConversations(),
            checkpointer=InMemorySaver(),
        )
        asker = InProcess(agent)
        for name, cases in sets:
            results = await ask_all(asker.ask, cases)
            report(name, results)
            if show:
                _show_misses(results)
            if name != "docs":
                absent = [
                    Case(name, case.question, case.language, "unanswerable")
                    for other, others in sets
                    for case in others[:200]
                    if other != name and case.language == results[0].case.language
                ] or [
                    Case(name, case.question, case.language, "unanswerable")
                    for case in load_cases(questions)
                    if case.language == results[0].case.language
                    and not case.conversation
                ]
                foreign = await ask_all(asker.ask, absent)
                positives = [
                    one.reply.confidence for one in results if one.case.answers
                ]
                negatives = [one.reply.confidence for one in foreign]
                refused = _share(not one.reply.answered for one in foreign)
                print(
                    f"       absent topics: n={len(foreign)} refused={refused}"
                    f" AUROC={area(positives, negatives):.3f}"
                )
        store.close()


def _show_misses(results: Sequence[Result]) -> None:
    for one in results:
        bad = not one.contained if one.case.answers else one.reply.answered
        if bad and one.case.kind != "history":
            print(
                f"  [{one.case.kind}] {one.case.question} -> {one.case.answers}"
                f" {one.case.sources}\n      {one.reply.confidence} {one.reply.text}"
                f" {one.reply.sources}"
            )


def main() -> None:
    """Measure, and print a line a set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", help="a running service; unset: in this process")
    parser.add_argument("--key", default="", help="its API key")
    parser.add_argument("--questions", type=Path, help="JSON lines")
    parser.add_argument("--data", type=Path, help="folder with docs/ and qa/")
    parser.add_argument("--show", action="store_true", help="print what went wrong")
    options = parser.parse_args()
    if options.url:
        cases = load_cases(options.questions or SAMPLES / "questions.jsonl")
        results = asyncio.run(ask_all(OverHTTP(options.url, options.key).ask, cases))
        report("http", results)
        if options.show:
            _show_misses(results)
    else:
        asyncio.run(run_in_process(options.data, show=options.show))


if __name__ == "__main__":
    main()
