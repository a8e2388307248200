"""What is known of a tenant's passages as a whole: how many, in which language, IDF."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from language.stopwords import LANGUAGES
from stores.vectors import PassageStore

KEPT_SECONDS: Final = 30.0
"""Another process may have added passages: what is known is asked again after this."""

_TENANTS = 256
_TERMS = 20_000


@dataclass(slots=True)
class Corpus:
    """
    A tenant's passages in figures; good for some seconds.

    Attributes:
        passages: How many there are.
        languages: How many of each language.
        without_dense: How many lack a dense vector while a model is configured.
    """

    tenant: str
    store: PassageStore
    version: int
    expires_at: float
    passages: int
    languages: Mapping[str, int]
    without_dense: int
    _known: dict[int, float | None] = field(default_factory=dict)

    def frequencies(self, terms: list[int]) -> Mapping[int, float | None]:
        """Return the IDF of term ids, None for a term that no passage has."""
        known = self._known
        if len(known) > _TERMS:
            # Threads that still hold the old one go on with it.
            known = self._known = {}
        unknown = [term for term in terms if term not in known]
        if unknown:
            known.update(self.store.inverse_frequencies(self.tenant, unknown))
        return known


class CorpusCache:
    """The corpora of the tenants that asked last; any thread may load one."""

    def __init__(
        self, store: PassageStore, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._clock = clock
        self._guard = threading.Lock()
        self._corpora: OrderedDict[str, Corpus] = OrderedDict()

    def load(self, tenant: str) -> Corpus:
        """Return the figures of *tenant*. Raises `RetrievalUnavailable`."""
        version = self._store.version
        with self._guard:
            known = self._corpora.get(tenant)
            if known is not None:
                self._corpora.move_to_end(tenant)
                if known.version == version and self._clock() < known.expires_at:
                    return known
        corpus = self._count(tenant, version=version)
        with self._guard:
            self._corpora[tenant] = corpus
            while len(self._corpora) > _TENANTS:
                self._corpora.popitem(last=False)
        return corpus

    def _count(self, tenant: str, *, version: int) -> Corpus:
        passages = self._store.count(tenant)
        languages = {
            language: self._store.count(tenant, language=language)
            for language in (LANGUAGES if passages else ())
        }
        dense = self._store.embeddings is not None and passages > 0
        return Corpus(
            tenant=tenant,
            store=self._store,
            version=version,
            expires_at=self._clock() + KEPT_SECONDS,
            passages=passages,
            languages=languages,
            without_dense=self._store.count_without_dense(tenant) if dense else 0,
        )
