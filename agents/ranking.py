"""Which sentences answer best: one linear score over features of each."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from agents.answer_kinds import KINDS
from agents.evidence import Asked, Evidence, Found, Sentence
from agents.extractive_weights import SENTENCE_WEIGHTS
from domain.documents import Passage
from language.analysis import stems

SENTENCE_FEATURES: Final = (
    "coverage",
    "gram_coverage",
    "pairs",
    "share",
    "score",
    "rank",
    "before",
    "after",
    "passage",
    "heading",
    "together",
    "grams_together",
    "first",
    "length",
    "short",
    "fresh",
    "question",
    "superseded",
    "table",
    "unmet",
    "near",
    "fresh_names",
    "defines",
    "foreign",
    "focus",
    "focus_near",
    *(f"offers_{kind}" for kind in KINDS),
)
"""Names of the features, in the order of their weights."""

_COUNTED: Final = frozenset(
    {"number", "money", "percent", "date", "time", "duration", "unit"}
)
_NAMED: Final = frozenset({"person", "place", "name"})
_FADE = 0.85
"""Share of a word's weight that is left with each word between it and the answer."""
_MANY_NAMES = 4
_STATES_HOLDER = 1.5
_OTHER_HOLDER = -1.0
_OPENING_WORDS = 9
_COPULA = re.compile(
    r"\b(?:adalah|ialah|yaitu|dijabat|dipegang|dipimpin|is|was|are|were)\b|:"
)
_OTHER_HOLDERS: Final = frozenset(
    stem
    for language, words in (
        ("id", "wakil mantan pelaksana asisten calon bekas"),
        ("en", "vice deputy former acting assistant associate"),
    )
    for stem in stems(words, language)
)
_LONG_STEMS = 30
_FRESH_STEMS = 12
_SHORT_STEMS = 4


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence that could be quoted, with its score (unbounded, higher is better)."""

    found: Found
    sentence: Sentence
    position: int
    score: float
    coverage: float

    @property
    def spoken(self) -> str:
        """Language of the passage, as far as it is known."""
        return self.found.spoken

    @property
    def passage(self) -> Passage:
        """The passage it stands in."""
        return self.found.passage


def rank_sentences(
    evidence: Evidence, *, weights: Sequence[float] = SENTENCE_WEIGHTS
) -> list[Candidate]:
    """Return every quotable sentence, best first. Flagged ones are left out."""
    candidates = [
        Candidate(
            found=found,
            sentence=sentence,
            position=position,
            score=sum(
                weight * value
                for weight, value in zip(
                    weights,
                    compute_features(evidence, found, position),
                    strict=True,
                )
            )
            + weigh_holder(evidence.asked, sentence, found.spoken),
            coverage=evidence.coverage(sentence.stems, found.spoken),
        )
        for found in evidence.found
        for position, sentence in enumerate(found.parts.sentences)
        if is_quotable(found.passage, sentence)
    ]
    candidates.sort(key=lambda one: (-one.score, one.found.rank, one.position))
    return candidates


def weigh_holder(asked: Asked, sentence: Sentence, spoken: str) -> float:
    """
    Return what a sentence gains or loses when the question is who holds a post.

    "Rektor ... adalah X" says who the rector is; "Wakil Rektor ..." is about somebody
    else, although it has the same word. Set by hand: training sets hardly ask this.
    """
    if "person" not in asked.kinds or asked.focus is None:
        return 0.0
    units = [asked.forms[spoken].get(stem) for stem in sentence.stems]
    if asked.focus not in units:
        return 0.0
    place = units.index(asked.focus)
    nearby = set(sentence.stems[max(0, place - 1) : place + 1])
    if nearby & _OTHER_HOLDERS - asked.weights.keys():
        return _OTHER_HOLDER
    opening = " ".join(sentence.text.split()[:_OPENING_WORDS]).casefold()
    states = place == 0 and _COPULA.search(opening) is not None
    return _STATES_HOLDER if states else 0.0


def is_quotable(passage: Passage, sentence: Sentence) -> bool:
    """Tell whether no flagged sentence touches *sentence*."""
    return bool(sentence.stems) and not any(
        flagged in sentence.text or sentence.text in flagged
        for flagged in passage.flagged
    )


def compute_features(
    evidence: Evidence, found: Found, position: int
) -> tuple[float, ...]:
    """Return the features of one sentence, named by `SENTENCE_FEATURES`."""
    sentences = found.parts.sentences
    sentence = sentences[position]
    spoken = found.spoken
    asked = evidence.asked
    forms = asked.forms[spoken]
    own_pairs = asked.pairs[spoken]
    held = frozenset(sentence.stems)
    coverage = evidence.coverage(held, spoken)
    around = held | found.parts.heading_stems
    fresh = len(held - forms.keys())
    met = asked.kinds & sentence.kinds
    units = {forms[stem] for stem in held if stem in forms}
    spots = _find_spots(asked, sentence, forms)
    return (
        coverage,
        evidence.gram_coverage(sentence.grams),
        share_pairs(own_pairs, sentence.stems),
        found.share,
        found.passage.score,
        1.0 / found.rank,
        _neighbour(evidence, sentences, position - 1, spoken),
        _neighbour(evidence, sentences, position + 1, spoken),
        evidence.coverage(found.parts.stems, spoken),
        evidence.coverage(found.parts.heading_stems, spoken),
        evidence.coverage(around, spoken) - coverage,
        evidence.gram_coverage(sentence.grams | found.parts.heading_grams)
        - evidence.gram_coverage(sentence.grams),
        float(position == 0),
        min(2.0, len(sentence.stems) / _LONG_STEMS),
        float(len(sentence.stems) < _SHORT_STEMS),
        min(1.0, fresh / _FRESH_STEMS),
        float(sentence.text.rstrip().endswith("?")),
        float(found.passage.validity == "superseded"),
        float(found.passage.table),
        float(bool(asked.kinds) and not met),
        measure_nearness(evidence, sentence, spoken),
        _fresh_names(sentence, forms) if asked.kinds & _NAMED else 0.0,
        _defines(sentence, forms) if "definition" in asked.kinds else 0.0,
        float(spoken != asked.language),
        float(asked.focus is not None and asked.focus in units),
        _focus_nearness(asked, sentence, spots, spoken),
        *(float(kind in met) for kind in KINDS),
    )


def _neighbour(
    evidence: Evidence, sentences: Sequence[Sentence], position: int, spoken: str
) -> float:
    if not 0 <= position < len(sentences):
        return 0.0
    return evidence.coverage(sentences[position].stems, spoken)


def share_pairs(wanted: frozenset[tuple[str, str]], found: Sequence[str]) -> float:
    """Return the share of neighbouring stems that stand together in *found* too."""
    if not wanted:
        return 0.0
    held = set(itertools.pairwise(found))
    return len(wanted & held) / len(wanted)


def measure_nearness(evidence: Evidence, sentence: Sentence, spoken: str) -> float:
    """Return how close the question's words stand to what could be the answer."""
    rarity, forms = evidence.rarity, evidence.asked.forms[spoken]
    total = sum(rarity.values())
    spots = _find_spots(evidence.asked, sentence, forms)
    if total <= 0 or not spots:
        return 0.0
    places: dict[str, list[int]] = {}
    for position, stem in enumerate(sentence.stems):
        if stem in forms:
            places.setdefault(forms[stem], []).append(position)
    return (
        max(
            sum(
                rarity[unit] * _FADE ** min(abs(place - spot) for place in found)
                for unit, found in places.items()
            )
            for spot in spots
        )
        / total
    )


def _find_spots(
    asked: Asked, sentence: Sentence, forms: Mapping[str, str]
) -> tuple[int, ...]:
    """Return the places of what could be the answer: of its kind, and not asked."""
    kinds = asked.kinds
    spots = (sentence.numbers if kinds & _COUNTED else ()) + (
        sentence.names if kinds & _NAMED else ()
    )
    return tuple(spot for spot in spots if sentence.stems[spot] not in forms)


def _focus_nearness(
    asked: Asked, sentence: Sentence, spots: Sequence[int], spoken: str
) -> float:
    """Return how close what the question is about stands to a possible answer."""
    forms = asked.forms[spoken]
    places = [
        position
        for position, stem in enumerate(sentence.stems)
        if asked.focus is not None and forms.get(stem) == asked.focus
    ]
    return max(
        (_FADE ** abs(place - spot) for place in places for spot in spots), default=0.0
    )


def _fresh_names(sentence: Sentence, asked: Mapping[str, str]) -> float:
    fresh = {sentence.stems[spot] for spot in sentence.names} - asked.keys()
    return min(1.0, len(fresh) / _MANY_NAMES)


def _defines(sentence: Sentence, asked: Mapping[str, str]) -> float:
    """Tell whether the sentence opens with what is asked about."""
    opening = set(sentence.stems[: len(asked) + 1])
    share = len(opening & asked.keys()) / (len(asked) or 1)
    return share if "definition" in sentence.kinds else 0.0
