"""The words of a question and of a passage, laid out for comparing the two."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from sys import intern
from typing import Final

from domain.documents import Passage
from language.analysis import stem_words, word_grams, words
from language.lexicon import find_meanings
from language.sentences import split_sentences
from language.sparse import K1, term_index
from language.spelling import respell
from language.stopwords import ALL_STOP_WORDS, LANGUAGES, STOP_WORDS, VAGUE_WORDS
from language.values import find_names

MOST_UNITS: Final = 32
"""Content words of a question that are compared; the rest of a long one is not."""

# What a question says without asking for it.
_UNASKED: Final = {
    language: stop | VAGUE_WORDS for language, stop in STOP_WORDS.items()
}
# Grams of a word are nearly as rare as the word; good enough for a maximum.
_GRAM_RARITY = 0.9


@dataclass(frozen=True, slots=True)
class QuestionTerms:
    """
    A question as units: its content words, each with what may stand for it.

    Attributes:
        weights: IDF of each unit among the tenant's passages; that of an unseen word
            for one which nobody wrote.
        known: Whether any passage has the unit, in either language.
        same: Units by stem, for passages of the question's language.
        across: Units by stem and by stem of a meaning, for the other language. What
            translates a phrase stands for each of its words.
        grams: Character grams of each unit.
        names: Units that are words of proper names.
        pairs: Neighbouring words as written, ` word word `.
        total: Sum of the weights; never zero.
    """

    language: str
    weights: tuple[float, ...]
    known: tuple[bool, ...]
    same: Mapping[str, tuple[int, ...]]
    across: Mapping[str, tuple[int, ...]]
    grams: tuple[tuple[str, ...], ...]
    names: frozenset[int]
    pairs: tuple[str, ...]
    total: float

    def best_score(self, *, gram_weight: float) -> float:
        """Return the BM25 score that no passage can pass, grams estimated."""
        return sum(
            weight * (K1 + 1) * (1 + gram_weight * _GRAM_RARITY * len(grams))
            for weight, grams in zip(self.weights, self.grams, strict=True)
        )


@dataclass(frozen=True, slots=True)
class PassageTerms:
    """
    A passage as stems.

    Attributes:
        sentences: Stems of each sentence, in order.
        heading: Stems of title and heading path.
        written: Its words, ` word word ... `.
        spelt: The same in one spelling, `_word_word_`: grams are looked up in it.
    """

    language: str
    sentences: tuple[tuple[str, ...], ...]
    heading: frozenset[str]
    written: str
    spelt: str


def read_question(
    text: str,
    language: str,
    *,
    frequencies: Callable[[list[int]], Mapping[int, float | None]],
    passages: int,
) -> QuestionTerms:
    """
    Return the units of a question.

    Args:
        text: The question.
        language: Its language.
        frequencies: Returns the IDF of term ids, None for a term that no passage has.
        passages: How many passages there are.
    """
    found = words(text)
    stemmed = stem_words(found, language)
    stop = _UNASKED[language]
    own: dict[str, int] = {}
    spellings: list[str] = []
    for word, stem in zip(found, stemmed, strict=True):
        if word not in stop and stem not in own and len(own) < MOST_UNITS:
            own[stem] = len(own)
            spellings.append(word)
    other: dict[str, tuple[int, ...]] = {}
    for phrase, meanings in find_meanings(text, language):
        units = tuple(sorted({own[stem] for stem in phrase if stem in own}))
        for meaning in meanings:
            other.setdefault(meaning, units)
    same = {stem: (unit,) for stem, unit in own.items()}
    weights, known = _weigh(own, other, frequencies=frequencies, passages=passages)
    names = find_names(text)
    return QuestionTerms(
        language=language,
        weights=weights,
        known=known,
        same=same,
        across={**other, **same},
        grams=tuple(word_grams(word) for word in spellings),
        names=frozenset(unit for unit, word in enumerate(spellings) if word in names),
        pairs=tuple(
            f" {first} {second} " for first, second in pairwise(found[: 2 * MOST_UNITS])
        ),
        total=sum(weights) or 1.0,
    )


def read_passage(passage: Passage) -> PassageTerms:
    """Return the stems of *passage*, by the rules of its language."""
    language = passage.language if passage.language in LANGUAGES else "en"
    stop = STOP_WORDS[language]
    sentences, written = [], []
    for sentence in split_sentences(passage.text):
        found = words(sentence.text)
        written += found
        sentences.append(_stems([word for word in found if word not in stop], language))
    heading = words(" ".join((passage.title, *passage.headings)))
    content = [word for word in (*heading, *written) if word not in ALL_STOP_WORDS]
    return PassageTerms(
        language=language,
        sentences=tuple(sentences),
        heading=frozenset(
            _stems([word for word in heading if word not in stop], language)
        ),
        written=f" {' '.join(written)} ",
        spelt=f"_{'_'.join(map(respell, content))}_",
    )


class TermsCache:
    """The terms of the passages that were found last; any thread may read."""

    def __init__(self, *, size: int = 4_096) -> None:
        self._size = size
        self._guard = threading.Lock()
        self._terms: OrderedDict[str, tuple[Passage, PassageTerms]] = OrderedDict()

    def read(self, passage: Passage) -> PassageTerms:
        """Return the terms of *passage*, analysed once while it stays the same."""
        with self._guard:
            known = self._terms.get(passage.id)
            if known is not None and known[0] == passage:
                self._terms.move_to_end(passage.id)
                return known[1]
        terms = read_passage(passage)
        with self._guard:
            self._terms[passage.id] = passage, terms
            while len(self._terms) > self._size:
                self._terms.popitem(last=False)
        return terms


def _weigh(
    own: Mapping[str, int],
    other: Mapping[str, tuple[int, ...]],
    *,
    frequencies: Callable[[list[int]], Mapping[int, float | None]],
    passages: int,
) -> tuple[tuple[float, ...], tuple[bool, ...]]:
    """Return the weight of each unit, and whether any passage has it."""
    ids = {stem: term_index(f"w:{stem}") for stem in (*own, *other)}
    found = frequencies(list(dict.fromkeys(ids.values())))
    unseen = math.log((passages + 0.5) / 0.5 + 1)
    meant: dict[int, list[float]] = {}
    for stem, units in other.items():
        frequency = found.get(ids[stem])
        if frequency is not None:
            for unit in units:
                meant.setdefault(unit, []).append(frequency)
    weights, known = [], []
    for stem, unit in own.items():
        frequency = found.get(ids[stem])
        if frequency is None:
            frequency = max(meant.get(unit, ()), default=None)
        weights.append(unseen if frequency is None else frequency)
        known.append(frequency is not None)
    return tuple(weights), tuple(known)


def _stems(found: list[str], language: str) -> tuple[str, ...]:
    # Thousands of passages share their stems: one copy of each is kept.
    return tuple(map(intern, stem_words(found, language)))
