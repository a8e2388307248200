"""Evidence for a question: every wording searched, candidates reranked."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Final

from domain.documents import Passage, SearchQuery, SearchResult
from domain.errors import AppError
from knowledge.corpus import Corpus, CorpusCache
from knowledge.rerank import Match, match
from knowledge.terms import QuestionTerms, TermsCache, read_question
from language.detection import detect_language
from language.sparse import encode_query
from stores.vectors import PassageStore

log = logging.getLogger(__name__)

CANDIDATES: Final = 50
"""Passages looked at before the best are cut to the wanted number."""

RERANKED: Final = 20
"""Of those, how many get the second look, unless more are wanted."""

GRAM_WEIGHT: Final = 0.2
"""Weight of a character gram against a stem's 1.0, where languages agree."""

MOST_GRAM_WEIGHT: Final = 0.5
"""The same when no passage has the question's language: with translated words beside
them, more than this finds less."""

DENSE_WEIGHTS: Final[Mapping[str, float]] = {"en": 1.0, "id": 1.0}
"""Weight of the cosine against the lexical score, by the question's language."""

# A superseded passage goes behind every current one that is at least this good.
_SUPERSEDED = 0.6
# A tenant has few passages of a language below this share of all.
_FEW = 0.1


def _today() -> date:
    return datetime.now(tz=UTC).date()


class PassageSearch:
    """
    Find passages; a `domain.ports.Retriever`.

    Args:
        store: Opened by its owner before the first search.
        candidates: Passages looked at before the cut.
        dense_weights: Weight of a cosine against the lexical score, by language.
        today: Which passages are valid is decided by this date.
    """

    def __init__(
        self,
        store: PassageStore,
        *,
        candidates: int = CANDIDATES,
        dense_weights: Mapping[str, float] = DENSE_WEIGHTS,
        today: Callable[[], date] = _today,
    ) -> None:
        self._store = store
        self._candidates = candidates
        self._dense_weights = dense_weights
        self._today = today
        self._corpora = CorpusCache(store)
        self._terms = TermsCache()
        self._threads: ThreadPoolExecutor | None = None

    async def search(self, query: SearchQuery) -> SearchResult:
        """
        Return passages of the query's tenant, best first.

        The embedded store answers within milliseconds, less than a change of thread
        costs under load; what goes over a network leaves the event loop free.

        Raises:
            RetrievalUnavailable: The store cannot be reached.
        """
        if not self._store.remote and self._store.embeddings is None:
            return self.search_now(query)
        if self._threads is None:
            self._threads = ThreadPoolExecutor(16, thread_name_prefix="search")
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._threads, context.run, self.search_now, query
        )

    def search_now(self, query: SearchQuery) -> SearchResult:
        """Search in this thread; see `search`."""
        language = query.language or detect_language(query.text)
        corpus = self._corpora.load(query.tenant)
        if corpus.passages == 0:
            return SearchResult((), language)
        wordings = tuple(dict.fromkeys((query.text, *query.alternatives)))
        found = [self._search_words(corpus, text, language) for text in wordings]
        candidates = {
            key: passage for words in found for key, passage in words.passages.items()
        }
        dense = self._search_dense(corpus, wordings[-1], candidates)
        wanted = max(RERANKED, query.limit)
        ranked = sorted(
            (
                self._judge(passage, found, dense, language=language)
                for passage in _first(candidates, found, dense, limit=wanted)
            ),
            key=lambda passage: -passage.score,
        )
        passages = _with_margin(ranked[: query.limit])
        return SearchResult(passages, language, dense.degraded)

    def close(self) -> None:
        """Let the threads go; a second call does nothing."""
        threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=False)

    def _search_words(self, corpus: Corpus, text: str, language: str) -> _Words:
        question = read_question(
            text,
            language,
            frequencies=corpus.frequencies,
            passages=corpus.passages,
        )
        gram_weight = _gram_weight(corpus, language)
        vector = encode_query(text, language, gram_weight=gram_weight)
        hits = self._store.query(corpus.tenant, vector, limit=self._candidates)
        return _Words(
            question=question,
            most=question.best_score(gram_weight=gram_weight),
            passages={hit.passage.id: hit.passage for hit in hits},
            scores={hit.passage.id: hit.score for hit in hits},
        )

    def _search_dense(
        self, corpus: Corpus, text: str, candidates: dict[str, Passage]
    ) -> _Dense:
        """Search by meaning, adding to *candidates*; a failure costs no answer."""
        embeddings = self._store.embeddings
        if embeddings is None:
            return _Dense()
        try:
            vector = embeddings.embed_query(text)
        except _embedding_errors() as exc:
            log.warning("query_not_embedded", extra={"error": type(exc).__name__})
            return _Dense(degraded=("dense",))
        hits = self._store.query_dense(corpus.tenant, vector, limit=self._candidates)
        if hits is None:
            log.warning("dense_vectors_missing", extra={"remedy": "reindex"})
            return _Dense(degraded=("dense",))
        candidates.update({hit.passage.id: hit.passage for hit in hits})
        return _Dense(
            scores={hit.passage.id: hit.score for hit in hits},
            degraded=("dense",) if corpus.without_dense else (),
        )

    def _judge(
        self,
        passage: Passage,
        found: Sequence[_Words],
        dense: _Dense,
        *,
        language: str,
    ) -> Passage:
        """Return *passage* with its score and signals."""
        terms = self._terms.read(passage)
        matches = [
            match(words.question, terms, bm25=words.share(passage.id))
            for words in found
        ]
        score = sum(item.score for item in matches) / len(matches)
        cosine = dense.score(passage.id)
        if cosine is not None:
            weight = self._dense_weights.get(language, 1.0)
            score = (score + weight * max(0.0, cosine)) / (1 + weight)
        valid = is_valid(passage, today=self._today())
        signals = _signals(passage, found, matches)
        if cosine is not None:
            signals["dense"] = cosine
        signals["valid"] = float(valid)
        return replace(
            passage, score=score if valid else score * _SUPERSEDED, signals=signals
        )


@dataclass(frozen=True, slots=True)
class _Words:
    """What one wording found: raw BM25 scores, and the highest that could be."""

    question: QuestionTerms
    most: float
    passages: dict[str, Passage]
    scores: dict[str, float]

    def share(self, passage_id: str) -> float:
        """Return the score of a passage as a share of the best one's."""
        best = max(self.scores.values(), default=0.0)
        return self.scores.get(passage_id, 0.0) / best if best else 0.0


@dataclass(frozen=True, slots=True)
class _Dense:
    """What the search by meaning found; empty without embeddings."""

    scores: Mapping[str, float] = field(default_factory=dict)
    degraded: tuple[str, ...] = ()

    def score(self, passage_id: str) -> float | None:
        """Return the cosine, at most the least found one for who was not found."""
        if not self.scores:
            return None
        return self.scores.get(passage_id, min(self.scores.values()))


def is_valid(passage: Passage, *, today: date) -> bool:
    """Tell whether *passage* is current: by its status and by its dates."""
    if passage.validity == "superseded":
        return False
    day = today.isoformat()
    return (passage.valid_from or day)[:10] <= day <= (passage.valid_until or day)[:10]


def _first(
    candidates: Mapping[str, Passage],
    found: Sequence[_Words],
    dense: _Dense,
    *,
    limit: int,
) -> list[Passage]:
    """Return the candidates that are worth a second look."""

    def promise(key: str) -> float:
        cosine = dense.score(key)
        return max(words.share(key) for words in found) + (cosine or 0.0)

    return [candidates[key] for key in sorted(candidates, key=promise, reverse=True)][
        :limit
    ]


def _signals(
    passage: Passage, found: Sequence[_Words], matches: Sequence[Match]
) -> dict[str, float]:
    """Return what the gate decides by: of the wording that fits best."""
    best = max(range(len(matches)), key=lambda index: matches[index].score)
    words, features = found[best], matches[best].features
    known = sum(
        weight
        for weight, seen in zip(
            words.question.weights, words.question.known, strict=True
        )
        if seen
    )
    return {
        **features,
        "lexical": matches[best].score,
        "bm25": words.scores.get(passage.id, 0.0),
        "bm25_max": words.most,
        "bm25_share": features["bm25"],
        "known": known / words.question.total,
    }


def _with_margin(ranked: Sequence[Passage]) -> tuple[Passage, ...]:
    """Note how far each passage is ahead of the next one."""
    following = [passage.score for passage in ranked[1:]] + [0.0]
    return tuple(
        replace(
            passage,
            signals={**passage.signals, "margin": passage.score - after},
        )
        for passage, after in zip(ranked, following, strict=False)
    )


def _gram_weight(corpus: Corpus, language: str) -> float:
    """Return more for grams the fewer passages speak the question's language."""
    share = corpus.languages.get(language, 0) / corpus.passages
    missing = max(0.0, 1 - share / _FEW)
    return GRAM_WEIGHT + missing * (MOST_GRAM_WEIGHT - GRAM_WEIGHT)


def _embedding_errors() -> tuple[type[Exception], ...]:
    # Only there when a model is configured, and heavy to import without one.
    from openai import OpenAIError  # noqa: PLC0415

    return OpenAIError, AppError, OSError
