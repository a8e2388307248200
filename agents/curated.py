"""
Curated answers: found before any search when a question asks the same.

Two questions ask the same when they are of one language, every content word of one has
a counterpart in the other (the same stem, or the same word misspelt), and numbers,
negations and the kind of answer asked for are equal. "Open" never stands for "close":
a wrong match would put people's words behind a question they did not answer.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from agents.answer_kinds import find_asked_kinds
from domain.curated import CuratedAnswer
from domain.documents import Citation
from domain.errors import StoreUnavailable
from domain.ports import CuratedAnswers
from language.analysis import is_stop_word, stem_words, word_grams, words

log = logging.getLogger(__name__)

KEPT_SECONDS: Final = 10.0
"""An answer that was added or removed counts after this at the latest."""

_TENANTS = 256
# A database that is away must not hold up what the documents can answer.
_READ_SECONDS = 0.5
# Two spellings of one word share so much of their letters; shorter words must agree.
_SAME_WORD = 0.55
_SHORTEST_MISSPELT = 5
_NEGATIONS: Final = frozenset(
    {"not", "no", "never", "without", "cannot", "don", "isn", "tidak", "bukan", "tanpa"}
    | {"belum", "jangan", "tak"}
)
_MARK = re.compile(r"\s?\[\d{1,3}\]")


@dataclass(frozen=True, slots=True)
class _Asked:
    """What of a question has to agree."""

    words: tuple[tuple[str, str], ...]
    numbers: frozenset[str]
    negations: frozenset[str]
    kinds: frozenset[str]

    @property
    def key(self) -> tuple[object, ...]:
        stems = frozenset(stem for stem, _ in self.words)
        return (stems, self.numbers, self.negations, self.kinds)


@dataclass(frozen=True, slots=True)
class _Page:
    """The curated answers of one tenant, good for some seconds."""

    expires_at: float
    answers: tuple[tuple[_Asked, CuratedAnswer], ...]


class CuratedBook:
    """
    Finds the curated answer to a question.

    Args:
        store: Where the answers are kept; read again every ten seconds.
        clock: Monotonic seconds.
    """

    def __init__(
        self, store: CuratedAnswers, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._clock = clock
        self._pages: dict[str, _Page] = {}

    async def find(
        self, tenant: str, question: str, language: str
    ) -> CuratedAnswer | None:
        """Return the answer of *tenant* to *question*, or None."""
        page = await self._read(tenant)
        if not page.answers:
            return None
        asked = _take_apart(question, language)
        if not asked.words:
            return None
        own = [entry for entry in page.answers if entry[1].language == language]
        for known, answer in own:
            if known.key == asked.key:
                return answer
        return next(
            (answer for known, answer in own if _asks_the_same(known, asked)), None
        )

    async def _read(self, tenant: str) -> _Page:
        page = self._pages.get(tenant)
        now = self._clock()
        if page is not None and now < page.expires_at:
            return page
        try:
            async with asyncio.timeout(_READ_SECONDS):
                found = await asyncio.to_thread(self._store.list_answers, tenant)
        except (StoreUnavailable, TimeoutError):
            # What is known still holds; without it the documents are searched.
            log.warning("curated_answers_not_read")
            answers = page.answers if page else ()
        else:
            answers = tuple(
                (_take_apart(one.question, one.language), one) for one in found
            )
        page = _Page(now + KEPT_SECONDS, answers)
        self._pages.pop(tenant, None)
        self._pages[tenant] = page
        while len(self._pages) > _TENANTS:
            self._pages.pop(next(iter(self._pages)))
        return page


def write_answer(answer: CuratedAnswer) -> tuple[str, tuple[Citation, ...]]:
    """Return the text of *answer*, with a mark for each source, and its citations."""
    citations = tuple(
        Citation(
            index=index,
            document_id=answer.id,
            title=source,
            file=source,
            quote=answer.answer[:600],
            score=1.0,
            url=source if source.startswith(("https://", "http://")) else None,
            metadata={"curated": True},
        )
        for index, source in enumerate(answer.sources, start=1)
    )
    text = _MARK.sub("", answer.answer).strip()
    marks = "".join(f"[{one.index}]" for one in citations)
    return (f"{text} {marks}" if marks else text), citations


def _take_apart(question: str, language: str) -> _Asked:
    found = words(question)
    content = [
        word
        for word in found
        if not word[0].isdigit()
        and word not in _NEGATIONS
        and not is_stop_word(word, language)
    ]
    return _Asked(
        words=tuple(zip(stem_words(content, language), content, strict=True)),
        numbers=frozenset(word for word in found if word[0].isdigit()),
        negations=frozenset(found) & _NEGATIONS,
        kinds=find_asked_kinds(question),
    )


def _asks_the_same(known: _Asked, asked: _Asked) -> bool:
    if (known.numbers, known.negations) != (asked.numbers, asked.negations):
        return False
    if known.kinds != asked.kinds:
        return False
    return _covers(known.words, asked.words) and _covers(asked.words, known.words)


def _covers(wanted: Sequence[tuple[str, str]], held: Sequence[tuple[str, str]]) -> bool:
    return all(any(_same_word(one, other) for other in held) for one in wanted)


def _same_word(one: tuple[str, str], other: tuple[str, str]) -> bool:
    if one[0] == other[0]:
        return True
    if min(len(one[1]), len(other[1])) < _SHORTEST_MISSPELT or one[1][0] != other[1][0]:
        return False
    left, right = set(word_grams(one[1])), set(word_grams(other[1]))
    return 2 * len(left & right) >= _SAME_WORD * (len(left) + len(right))
