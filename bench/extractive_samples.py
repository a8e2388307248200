"""
Questions turned into training data of the sentence ranker and the gate.

Positives of the gate are questions as they are asked; its negatives are questions whose
own passage was hidden, questions whose whole topic was, and questions of other
collections. Samples of one paragraph share a fold.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from agents.evidence import Evidence, PassageReader
from agents.ranking import SENTENCE_FEATURES, compute_features, is_quotable
from bench.questions import Case, holds_answer
from domain.documents import Passage, SearchQuery
from knowledge.rerank import WEIGHTS
from knowledge.search import PassageSearch

Floats = npt.NDArray[np.float64]

SETS = ("en", "id", "facqa")
SMALL = ("docs", "company")
"""Small collections whose questions train the gate; the other small ones are held
back."""
FOLDS = 5
SEARCHED = 8
"""Passages the ranker sees, as in a turn."""
_SPARE = 30


@dataclass(frozen=True, slots=True)
class Sample:
    """One question with its sentences: features, which are right, which to ignore."""

    group: str
    fold: int
    evidence: Evidence
    features: Floats
    right: npt.NDArray[np.bool_]
    ignored: npt.NDArray[np.bool_]
    holds: npt.NDArray[np.bool_]
    owners: tuple[str, ...]
    source: str


class Questions:
    """Searches the sets and takes the results apart."""

    def __init__(
        self,
        search: PassageSearch,
        titles: dict[str, str],
    ) -> None:
        self._search = search
        self._reader = PassageReader(size=20_000)
        self._titles = titles

    def gather(
        self,
        case: Case,
        *,
        tenant: str,
        hidden: Callable[[Passage], bool] | None = None,
    ) -> Evidence:
        """Return the evidence for *case* in *tenant*, as if *hidden* did not exist."""
        found = self._search.search_now(
            SearchQuery(
                tenant=tenant,
                text=case.question,
                language=case.language,
                limit=SEARCHED if hidden is None else _SPARE,
            )
        ).passages
        if hidden is not None:
            found = _without(found, hidden)
        return self._reader.gather(case.question, found, language=case.language)

    def hide_answer(self, case: Case) -> Callable[[Passage], bool]:
        """Hide the question's own passage and every other that holds an answer."""
        return lambda one: (
            one.document_id in case.sources or holds_answer(one.text, case.answers)
        )

    def hide_topic(self, case: Case) -> Callable[[Passage], bool]:
        """Hide every passage of the article that answers."""
        topic = self._titles.get(case.sources[0])
        return lambda one: self._titles.get(one.document_id) == topic


def _without(
    found: Sequence[Passage], hidden: Callable[[Passage], bool]
) -> tuple[Passage, ...]:
    """
    Return what a search would have found without the hidden passages.

    Scores hold a share of the best passage's BM25. If that one is hidden the others'
    shares grow, or a lower share would tell the gate that something was hidden.
    """
    kept = [one for one in found if not hidden(one)]
    best = max((one.signals["bm25"] for one in kept), default=0.0) or 1.0
    rescored = []
    for one in kept:
        share = one.signals["bm25"] / best
        gained = WEIGHTS["bm25"] * (share - one.signals["bm25_share"])
        score = one.score + gained / sum(WEIGHTS.values())
        rescored.append(replace(one, score=score))
    return tuple(sorted(rescored, key=lambda one: -one.score)[:SEARCHED])


def make_sample(group: str, case: Case, evidence: Evidence) -> Sample:
    """Return *case* as training data of the ranker."""
    rows: list[tuple[float, ...]] = []
    right, ignored, holds, owners = [], [], [], []
    for found in evidence.found:
        own = found.passage.document_id in case.sources
        for position, sentence in enumerate(found.parts.sentences):
            if not is_quotable(found.passage, sentence):
                continue
            rows.append(compute_features(evidence, found, position))
            held = holds_answer(sentence.text, case.answers)
            holds.append(held)
            right.append(own and held)
            # The answer by chance, or in a near-duplicate: neither right nor wrong.
            ignored.append(held and not own)
            owners.append(found.passage.document_id)
    return Sample(
        group=group,
        fold=find_fold(case.sources[0]),
        evidence=evidence,
        features=np.array(rows, dtype=np.float64).reshape(-1, len(SENTENCE_FEATURES)),
        right=np.array(right, dtype=np.bool_),
        ignored=np.array(ignored, dtype=np.bool_),
        holds=np.array(holds, dtype=np.bool_),
        owners=tuple(owners),
        source=case.sources[0],
    )


@dataclass(frozen=True, slots=True)
class GateSample:
    """Evidence with the truth: 1 when it answers. *weight* evens the kinds out."""

    group: str
    kind: str
    fold: int
    evidence: Evidence
    label: float


def iter_gate_samples(
    questions: Questions, cases: dict[str, list[Case]]
) -> Iterator[GateSample]:
    """Yield positives, and every kind of negative."""
    for name in SETS:
        for at, case in enumerate(cases[name]):
            fold = find_fold(case.sources[0] if case.sources else case.question)
            if case.kind == "adversarial":
                evidence = questions.gather(case, tenant=name)
                yield GateSample(name, "adversarial", fold, evidence, 0.0)
                continue
            yield GateSample(
                name, "asked", fold, questions.gather(case, tenant=name), 1.0
            )
            hide = questions.hide_answer(case)
            hidden = questions.gather(case, tenant=name, hidden=hide)
            yield GateSample(name, "hidden", fold, hidden, 0.0)
            if name == "en":
                topic = questions.hide_topic(case)
                absent = questions.gather(case, tenant=name, hidden=topic)
                yield GateSample(name, "topic", fold, absent, 0.0)
            others = {"en": ("docs",), "id": ("facqa", "docs"), "facqa": ("id", "docs")}
            other = others[name][at % len(others[name])]
            foreign = questions.gather(case, tenant=other)
            yield GateSample(other, "foreign", fold, foreign, 0.0)
    yield from _iter_small_samples(questions, cases)
    for case in cases["translated"]:
        fold = find_fold(case.sources[0])
        yield GateSample(
            "xling", "asked", fold, questions.gather(case, tenant="en"), 1.0
        )
        for kind, hide in (
            ("hidden", questions.hide_answer(case)),
            ("topic", questions.hide_topic(case)),
        ):
            hidden = questions.gather(case, tenant="en", hidden=hide)
            yield GateSample("xling", kind, fold, hidden, 0.0)
        foreign = questions.gather(case, tenant="docs")
        yield GateSample("xling", "foreign", fold, foreign, 0.0)


def _iter_small_samples(
    questions: Questions, cases: dict[str, list[Case]]
) -> Iterator[GateSample]:
    """
    Yield questions about an organisation's few documents, and what those leave out.

    A small collection in one field is another task than an encyclopaedia: whatever is
    asked, most of its words occur somewhere. Follow-ups need a history, so they stay
    out.
    """
    for tenant in SMALL:
        for case in cases.get(tenant, ()):
            if case.conversation is not None and case.kind == "followup":
                continue
            fold = find_fold(case.question)
            evidence = questions.gather(case, tenant=tenant)
            if not case.answers:
                yield GateSample("small", "absent", fold, evidence, 0.0)
                continue
            yield GateSample("small", "asked", fold, evidence, 1.0)
            hide = questions.hide_answer(case)
            hidden = questions.gather(case, tenant=tenant, hidden=hide)
            yield GateSample("small", "hidden", fold, hidden, 0.0)


def find_fold(source: str) -> int:
    """Return the fold of a paragraph, or of a question without one: below `FOLDS`."""
    return int(hashlib.sha256(source.encode()).hexdigest(), 16) % FOLDS
