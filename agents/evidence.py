"""
Passages taken apart for comparison with a question: sentences, stems, grams, kinds.

Rarity is counted among the passages of the search itself. The document frequencies of
the whole store must not be used here: "known to the store but absent from the passage"
would tell a trained gate which passage was hidden from it.
"""

from __future__ import annotations

import math
import re
import threading
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from agents.answer_kinds import NUMBER_WORDS, find_asked_kinds, find_offered_kinds
from agents.follow_ups import ASKING_WORDS
from domain.documents import Passage
from language.analysis import grams, is_stop_word, stem_words, stems, words
from language.lexicon import find_meanings
from language.sentences import Sentence as SplitSentence
from language.sentences import split_sentences
from language.stopwords import ALL_STOP_WORDS, LANGUAGES, VAGUE_WORDS
from language.values import MONTHS

CONTEXT_WEIGHT: Final = 0.8
"""Weight of a word that only the question before it says."""

_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:\d+|[^\W\d_])*")
# "Apakh", "dimankah": what nobody wrote about.
_MISSPELT_ASKING = re.compile(
    r"apak\w{0,3}|siapa\w{0,4}|diman\w{0,4}|kapan\w{0,4}|berap\w{0,4}|brap\w{0,3}"
    r"|bagaiman\w{0,4}|mengap\w{0,4}|kenap\w{0,3}|wh(?:at|en|ere|o|ich|y)s?|hwo"
)
_CACHED_PASSAGES = 4_096
"""Some 20 kB each; a passage never changes under its id."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """
    One sentence of a passage.

    Attributes:
        start, end: Offsets in the passage's text.
        numbers, names: Positions in *stems* of numbers, and of capitals inside it.
    """

    start: int
    end: int
    text: str
    words: int
    stems: tuple[str, ...]
    grams: frozenset[str]
    kinds: frozenset[str]
    numbers: tuple[int, ...]
    names: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Parts:
    """What a passage consists of; depends on its text alone."""

    sentences: tuple[Sentence, ...]
    words: frozenset[str]
    stems: frozenset[str]
    grams: frozenset[str]
    heading_stems: frozenset[str]
    heading_grams: frozenset[str]


@dataclass(frozen=True, slots=True)
class Found:
    """A passage of a search, taken apart. *share* is its score over the best one's."""

    passage: Passage
    parts: Parts
    rank: int
    share: float

    @property
    def spoken(self) -> str:
        """Language of the passage, as far as it is known."""
        return self.passage.language if self.passage.language in LANGUAGES else "en"


@dataclass(frozen=True, slots=True)
class Asked:
    """
    A question taken apart.

    Attributes:
        weights: Weight of each unit: a content word, by its stem.
        forms: For each language, which unit a stem of it stands for. In the other
            language these are names, loan words and the meanings of the lexicon.
        grams: Weight by gram.
        pairs: Neighbouring stems, for each language.
        kinds: Kinds of answer asked for.
        names: Words with a capital inside the question, lower case.
        numbers: Numbers of the question.
        focus: The first unit the question is about, or None.
    """

    language: str
    weights: dict[str, float]
    forms: dict[str, dict[str, str]]
    grams: dict[str, float]
    pairs: dict[str, frozenset[tuple[str, str]]]
    kinds: frozenset[str]
    names: frozenset[str]
    numbers: frozenset[str]
    focus: str | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """A question and its passages, with the rarity of the question's terms."""

    asked: Asked
    found: tuple[Found, ...]
    rarity: dict[str, float]
    gram_rarity: dict[str, float]

    @property
    def rarest(self) -> str | None:
        """The unit of the question that fewest passages have."""
        rarity = self.rarity
        return max(rarity, key=lambda unit: (rarity[unit], unit), default=None)

    def coverage(self, present: Iterable[str], language: str) -> float:
        """Return the share of the question's units among stems of *language*."""
        forms = self.asked.forms[language]
        return _share(self.rarity, {forms[stem] for stem in present if stem in forms})

    def share(self, units: Set[str]) -> float:
        """Return the share of *units* in the question, by rarity."""
        return _share(self.rarity, units)

    def find_units(self, found: Found) -> frozenset[str]:
        """Return the units that one passage has, headings included."""
        return _units(self.asked, found)

    def gram_coverage(self, present: frozenset[str]) -> float:
        """Return the share of the question's grams in *present*, by rarity."""
        return _share(self.gram_rarity, present)


class PassageReader:
    """Takes passages apart and remembers the parts; thread-safe."""

    def __init__(self, *, size: int = _CACHED_PASSAGES) -> None:
        self._size = size
        self._parts: OrderedDict[tuple[str, int], Parts] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, passage: Passage) -> Parts:
        """Return the parts of *passage*."""
        # The selected text has no id of its own, so its text is part of the key.
        key = (passage.id, hash(passage.text))
        with self._lock:
            known = self._parts.get(key)
            if known is not None:
                self._parts.move_to_end(key)
                return known
        parts = _take_apart(passage)
        with self._lock:
            self._parts[key] = parts
            while len(self._parts) > self._size:
                self._parts.popitem(last=False)
        return parts

    def gather(
        self,
        question: str,
        passages: Sequence[Passage],
        *,
        language: str,
        context: str = "",
    ) -> Evidence:
        """
        Return *question* and *passages* ready for comparison.

        Args:
            question: As asked.
            passages: Best first.
            language: Of the question.
            context: Earlier questions it leans on; their words weigh less.
        """
        asked = take_question_apart(question, language, context=context)
        best = max((passage.score for passage in passages), default=0.0) or 1.0
        found = tuple(
            Found(
                passage=passage,
                parts=self.read(passage),
                rank=rank,
                share=max(0.0, passage.score / best),
            )
            for rank, passage in enumerate(passages, start=1)
        )
        return Evidence(
            asked=asked,
            found=found,
            rarity=_rarity(asked.weights, [_units(asked, one) for one in found]),
            gram_rarity=_rarity(asked.grams, [one.parts.grams for one in found]),
        )


def take_question_apart(question: str, language: str, *, context: str = "") -> Asked:
    """Return the terms of *question*; those only *context* has weigh less."""
    own = [stem for stem in stems(question, language) if stem not in VAGUE_WORDS]
    before = stems(context, language) if context else []
    weights = dict.fromkeys(before, CONTEXT_WEIGHT) | dict.fromkeys(own, 1.0)
    other = "en" if language == "id" else "id"
    kinds = find_asked_kinds(question)
    if context and kinds <= {"name"}:
        # "Kalau golongan 5?" asks for what the question before it asked for.
        kinds = find_asked_kinds(context)
    return Asked(
        language=language,
        weights=weights,
        forms={
            language: {stem: stem for stem in weights},
            other: _translate(f"{context} {question}", weights, language, other),
        },
        grams=dict.fromkeys(grams(context), CONTEXT_WEIGHT)
        | dict.fromkeys(grams(_without_vague(question)), 1.0),
        pairs={language: frozenset(pairwise(own)), other: frozenset()},
        kinds=kinds,
        names=frozenset(_find_capitals(question)),
        numbers=frozenset(word for word in words(question) if word[0].isdigit()),
        focus=_find_focus(question, language),
    )


def _without_vague(question: str) -> str:
    return " ".join(word for word in words(question) if word not in VAGUE_WORDS)


def _find_focus(question: str, language: str) -> str | None:
    for word in words(question):
        if _MISSPELT_ASKING.fullmatch(word):
            continue
        if word in VAGUE_WORDS or word in ASKING_WORDS or is_stop_word(word, language):
            continue
        return stem_words([word], language)[0]
    return None


def _find_capitals(text: str) -> list[str]:
    found = [match for match in _TOKEN.finditer(text) if match.start() > 0]
    return [
        word
        for match in found
        if match.group()[0].isupper()
        for word in words(match.group())
        if word not in ALL_STOP_WORDS
    ]


def _translate(
    text: str, weights: Mapping[str, float], language: str, other: str
) -> dict[str, str]:
    """Return which unit a stem of the *other* language stands for."""
    forms: dict[str, str] = {}
    for phrase, meanings in find_meanings(text, language):
        unit = next((stem for stem in phrase if stem in weights), None)
        if unit is not None:
            for meaning in meanings:
                forms.setdefault(meaning, unit)
    found = [word for word in words(text) if not is_stop_word(word, language)]
    units = stem_words(found, language)
    for unit, stem in zip(units, stem_words(found, other), strict=True):
        if unit in weights:
            forms.setdefault(stem, unit)
    return forms


def _units(asked: Asked, found: Found) -> frozenset[str]:
    forms = asked.forms[found.spoken]
    parts = found.parts
    return frozenset(
        unit
        for stem, unit in forms.items()
        if stem in parts.stems or stem in parts.heading_stems
    )


def _take_apart(passage: Passage) -> Parts:
    language = passage.language if passage.language in LANGUAGES else "en"
    sentences = tuple(
        _read_sentence(one, language) for one in split_sentences(passage.text)
    )
    heading = " ".join((passage.title, *passage.headings))
    return Parts(
        sentences=sentences,
        words=frozenset(words(f"{heading}\n{passage.text}")),
        stems=frozenset(stem for one in sentences for stem in one.stems),
        grams=frozenset(gram for one in sentences for gram in one.grams)
        | frozenset(grams(heading)),
        heading_stems=frozenset(stems(heading, language)),
        heading_grams=frozenset(grams(heading)),
    )


def _read_sentence(one: SplitSentence, language: str) -> Sentence:
    kept: list[str] = []
    numbers: list[int] = []
    names: list[int] = []
    for token in _TOKEN.finditer(one.text):
        found = words(token.group())
        if not found or is_stop_word(found[0], language):
            continue
        if found[0][0].isdigit() or found[0] in MONTHS or found[0] in NUMBER_WORDS:
            numbers.append(len(kept))
        elif token.start() > 0 and token.group()[0].isupper():
            names.append(len(kept))
        kept.append(found[0])
    return Sentence(
        start=one.start,
        end=one.end,
        text=one.text,
        words=len(one.text.split()),
        stems=tuple(stem_words(kept, language)),
        grams=frozenset(grams(one.text)),
        kinds=find_offered_kinds(one.text),
        numbers=tuple(numbers),
        names=tuple(names),
    )


def _rarity(
    weights: dict[str, float], present: Sequence[frozenset[str]]
) -> dict[str, float]:
    counts = Counter(term for terms in present for term in weights if term in terms)
    total = len(present)
    return {
        term: weight * math.log(1 + (total - counts[term] + 0.5) / (counts[term] + 0.5))
        for term, weight in weights.items()
    }


def _share(rarity: Mapping[str, float], present: Set[str]) -> float:
    total = sum(rarity.values())
    if total <= 0:
        return 0.0
    return sum(value for term, value in rarity.items() if term in present) / total
