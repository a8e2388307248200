"""
BM25 as sparse vectors: the store multiplies by IDF and sums.

A passage's weight of a term is `tf * (k1 + 1) / (tf + k1 * (1 - b + b * len / avg))`
with fixed average lengths, so that a passage never has to be encoded again when others
come or go (it costs at most .002 nDCG). Source: Robertson and Zaragoza, "The
Probabilistic Relevance Framework: BM25 and Beyond", 2009.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from language.analysis import grams, stems
from language.lexicon import translate

K1: Final = 1.2
B: Final = 0.75
AVERAGE_STEMS: Final = 80
AVERAGE_GRAMS: Final = 400


@dataclass(frozen=True, slots=True)
class SparseVector:
    """Term ids in rising order, each with its weight."""

    indices: tuple[int, ...]
    values: tuple[float, ...]


def encode_passage(text: str, language: str) -> SparseVector:
    """Return the vector a passage is stored under; *language* is that of *text*."""
    weights: dict[int, float] = {}
    for prefix, terms, average in (
        ("w:", stems(text, language), AVERAGE_STEMS),
        ("c:", grams(text), AVERAGE_GRAMS),
    ):
        norm = K1 * (1 - B + B * len(terms) / average)
        for term, count in Counter(terms).items():
            index = term_index(prefix + term)
            weights[index] = weights.get(index, 0.0) + count * (K1 + 1) / (count + norm)
    return _vector(weights)


def encode_query(
    text: str,
    language: str,
    *,
    gram_weight: float = 0.2,
    translation_weight: float = 1.0,
) -> SparseVector:
    """
    Return the vector to search with.

    Args:
        text: The question.
        language: Language whose stems are looked for.
        gram_weight: Weight of a gram against a stem's 1.0: 0.2 in general, up to 1.0
            when passages and question differ in language.
        translation_weight: Weight of the meanings of a word in the other language
            against the word's own 1.0. Text in the question's language ranks the same
            with it (measured on a mixed collection).
    """
    weights: dict[int, float] = {}
    _count(weights, "w:", stems(text, language), 1.0)
    if gram_weight > 0:
        _count(weights, "c:", grams(text), gram_weight)
    if translation_weight > 0:
        for meanings in translate(text, language):
            # Several meanings of one word must not count as several words.
            _count(weights, "w:", meanings, translation_weight / len(meanings) ** 0.5)
    return _vector(weights)


def term_index(term: str) -> int:
    """Return the 32-bit id of a term (`w:` and a stem, or `c:` and a gram)."""
    return zlib.crc32(term.encode())


def _count(
    weights: dict[int, float], prefix: str, terms: Iterable[str], weight: float
) -> None:
    for term in terms:
        index = term_index(prefix + term)
        weights[index] = weights.get(index, 0.0) + weight


def _vector(weights: Mapping[int, float]) -> SparseVector:
    ordered = sorted(weights.items())
    return SparseVector(
        indices=tuple(index for index, _ in ordered),
        values=tuple(value for _, value in ordered),
    )
