"""
Does search find the right passage, and how fast? `python -m bench.retrieval`.

Recall@1/5/10, MRR@10 and nDCG@10 of the question sets in a data folder, through the
embedded store and `knowledge.search`, without a server; then latency and memory.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from api.server_gc import CollectorTuner
from bench.questions import load_cases, load_documents
from domain.documents import Passage, SearchQuery
from knowledge.search import PassageSearch
from language.detection import detect_language
from stores.vectors import PassageStore, open_embedded

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "samples"
DATA = ROOT.parent / "shared" / "data" / "qa"

SETS = {
    "en": ("en_paragraphs.jsonl", "en_questions.jsonl"),
    "id": ("id_paragraphs.jsonl", "id_questions.jsonl"),
    "facqa": ("id_facqa_paragraphs.jsonl", "id_facqa_questions.jsonl"),
    "xling": ("en_paragraphs.jsonl", "xling_id_questions_en_paragraphs.jsonl"),
}
"""Paragraphs and questions of each set; `xling` asks in Indonesian about English."""

MIXED = "mixed"
"""Tenant that holds the paragraphs of every set."""

BARS = {"en": ("ndcg", 0.925), "id": ("ndcg", 0.915), "xling": ("recall_1", 0.55)}
"""What must hold, by set: the metric and its least value."""

_DEPTH = 10


@dataclass(frozen=True, slots=True)
class Figures:
    """Quality of one set: shares of questions, 0.0 to 1.0."""

    questions: int
    recall_1: float
    recall_5: float
    recall_10: float
    mrr: float
    ndcg: float


def score_ranks(ranks: Sequence[int | None]) -> Figures:
    """Return the figures of 0-based ranks, None for a passage that was not found."""
    found = [rank for rank in ranks if rank is not None and rank < _DEPTH]
    total = max(1, len(ranks))

    def recall(depth: int) -> float:
        return sum(rank < depth for rank in found) / total

    return Figures(
        questions=len(ranks),
        recall_1=recall(1),
        recall_5=recall(5),
        recall_10=recall(10),
        mrr=sum(1 / (rank + 1) for rank in found) / total,
        ndcg=sum(1 / math.log2(rank + 2) for rank in found) / total,
    )


def read_lines(path: Path) -> list[dict[str, str]]:
    """Return the objects of a JSON Lines file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]


def to_passage(paragraph: dict[str, str], *, tenant: str) -> Passage:
    """Return a paragraph of a set as a passage of *tenant*."""
    key = uuid.uuid5(uuid.NAMESPACE_URL, f"{tenant}/{paragraph['id']}")
    return Passage(
        id=str(key),
        document_id=paragraph["id"],
        tenant=tenant,
        ordinal=0,
        text=paragraph["text"],
        title=paragraph.get("title") or "",
        file="",
        language=detect_language(paragraph["text"]),
    )


def fill(store: PassageStore, data: Path) -> list[str]:
    """Write each set under a tenant of its name, all under `mixed`; return the sets."""
    names = [name for name, files in SETS.items() if (data / files[1]).exists()]
    mixed: set[str] = set()
    for name in names:
        paragraphs = read_lines(data / SETS[name][0])
        store.add([to_passage(item, tenant=name) for item in paragraphs])
        if SETS[name][0] not in mixed:
            mixed.add(SETS[name][0])
            store.add([to_passage(item, tenant=MIXED) for item in paragraphs])
    return names


def find_ranks(
    search: PassageSearch, questions: Sequence[dict[str, str]], *, tenant: str
) -> Iterator[int | None]:
    """Yield where the right paragraph of each question stands."""
    for item in questions:
        query = SearchQuery(tenant=tenant, text=item["question"], limit=_DEPTH)
        found = [passage.document_id for passage in search.search_now(query).passages]
        gold = item["paragraph_id"]
        yield found.index(gold) if gold in found else None


def measure_samples(store: PassageStore) -> dict[str, Figures]:
    """Return where the right document of the sample questions stands."""
    store.add(load_documents(SAMPLES / "documents", tenant="samples"))
    search = PassageSearch(store)
    cases = [
        case
        for case in load_cases(SAMPLES / "questions.jsonl")
        if case.sources and case.answers and case.kind != "followup"
    ]
    figures: dict[str, Figures] = {}
    for label, cross in (("samples", False), ("samples, xling", True)):
        ranks: list[int | None] = []
        for case in cases:
            if case.cross is cross:
                query = SearchQuery("samples", case.question, limit=_DEPTH)
                found = [one.document_id for one in search.search_now(query).passages]
                places = [found.index(one) for one in case.sources if one in found]
                ranks.append(min(places, default=None))
        figures[label] = score_ranks(ranks)
    return figures


def measure_sets(data: Path) -> dict[str, Figures]:
    """Return the figures of every set, asked of its own tenant and of the mixed one."""
    found: dict[str, Figures] = {}
    with tempfile.TemporaryDirectory() as folder:
        store = open_embedded(Path(folder), collection="bench")
        store.open()
        try:
            names = fill(store, data)
            search = PassageSearch(store)
            for name in names:
                questions = read_lines(data / SETS[name][1])
                for tenant in (name, MIXED):
                    label = name if tenant == name else f"{name}, mixed"
                    ranks = list(find_ranks(search, questions, tenant=tenant))
                    found[label] = score_ranks(ranks)
            found |= measure_samples(store)
        finally:
            store.close()
    return found


def print_sets(found: Mapping[str, Figures]) -> None:
    """Print a line a set."""
    if found:
        print("retrieval        n    R@1    R@5   R@10    MRR   nDCG")
    for label, figures in found.items():
        print(_row(label, figures))


def measure_quality(data: Path) -> bool:
    """Print the figures of every set; return whether all bars hold."""
    found = measure_sets(data)
    print_sets(found)
    checked = [_check(name, figures) for name, figures in found.items()]
    return all(checked)


def _row(label: str, figures: Figures) -> str:
    return (
        f"{label:<15}{figures.questions:>4}  {figures.recall_1:.3f}  "
        f"{figures.recall_5:.3f}  {figures.recall_10:.3f}  {figures.mrr:.3f}  "
        f"{figures.ndcg:.3f}"
    )


def _check(name: str, figures: Figures) -> bool:
    metric, least = BARS.get(name, ("ndcg", 0.0))
    value: float = getattr(figures, metric)
    if value < least:
        print(f"  below its bar: {metric} {value:.3f} < {least}")
    return value >= least


def measure_speed(data: Path, passages: int) -> None:
    """Print latency and memory with *passages* made of the sets' sentences."""
    texts = [item for name in ("en", "id") for item in read_lines(data / SETS[name][0])]
    questions = [
        item["question"]
        for name in ("en", "id")
        for item in read_lines(data / SETS[name][1])[:150]
    ]
    with tempfile.TemporaryDirectory() as folder:
        store = open_embedded(Path(folder), collection="bench")
        store.open()
        try:
            began = time.perf_counter()
            for start in range(0, passages, 1_000):
                store.add(
                    [
                        to_passage(
                            {**texts[index % len(texts)], "id": str(index)},
                            tenant="speed",
                        )
                        for index in range(start, min(passages, start + 1_000))
                    ]
                )
            writing = passages / (time.perf_counter() - began)
            search = PassageSearch(store)
            # As a worker of the service does.
            CollectorTuner().start()
            cpu = time.thread_time()
            taken = sorted(_time(search, text) for text in questions)
            cpu = 1_000 * (time.thread_time() - cpu) / len(taken)
        finally:
            store.close()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{passages:>7} passages: p50 {statistics.median(taken):.1f} ms, "
        f"p95 {taken[int(len(taken) * 0.95)]:.1f} ms, CPU {cpu:.1f} ms, "
        f"written {writing:,.0f}/s, "
        f"peak memory {memory:,.0f} MB"
    )


def _time(search: PassageSearch, text: str) -> float:
    began = time.perf_counter()
    search.search_now(SearchQuery(tenant="speed", text=text))
    return (time.perf_counter() - began) * 1_000


def main() -> int:
    """Run; exit status 1 when a bar does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the sets")
    parser.add_argument("--large", action="store_true", help="also 100,000 passages")
    parser.add_argument("--no-speed", action="store_true", help="quality only")
    options = parser.parse_args()
    if not options.data.is_dir():
        parser.error(f"no such folder: {options.data}")
    holds = measure_quality(options.data)
    if not options.no_speed:
        for passages in (1_000, 10_000, *((100_000,) if options.large else ())):
            measure_speed(options.data, passages)
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
