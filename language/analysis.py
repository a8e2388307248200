"""
Words, stems and character n-grams: what lexical search compares.

The stemmer must be that of the text's language: the wrong one finds no more than plain
words do, and both at once find less (measured, `docs/retrieval.md`).
"""

from __future__ import annotations

import re
import threading
import unicodedata
from functools import lru_cache
from typing import Final

import Stemmer

from language.spelling import respell
from language.stopwords import ALL_STOP_WORDS, STOP_WORDS

GRAM_LENGTH: Final = 4
"""Characters in a gram, boundary marks included."""

BOUNDARY: Final = "_"
"""Stands for the edge of a word; never part of a word itself."""

# A number keeps its separators, so that 5.000 and 5,000 can become one word; in a word
# the apostrophe of a clitic (`Fisher's`) ends it.
_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:\d+|[^\W\d_])*", re.UNICODE)
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:[.,]\d{3})+")
_LONGEST_WORD = 64
_STEMMER_NAMES: Final = {"en": "english", "id": "indonesian"}


def words(text: str) -> list[str]:
    """
    Return the words of *text* in order, lower case and without accents.

    A number is one word whatever its thousands separator: `5.000` and `5,000` are
    both `5000`; a decimal comma is a point. Words are cut at 64 characters.
    """
    folded = text if text.isascii() else _fold(text)
    return [_spell(match) for match in _WORD.findall(folded.lower())]


def stems(text: str, language: str) -> list[str]:
    """Return the Snowball stems of *text* in order, without stop words."""
    stop = STOP_WORDS[language]
    return _stem_words([word for word in words(text) if word not in stop], language)


def stem_words(found: list[str], language: str) -> list[str]:
    """Return the stems of words already split by `words()`, one for each."""
    return _stem_words(found, language)


def grams(text: str) -> list[str]:
    """
    Return the character 4-grams of the words of *text*, stop words left out.

    `_` marks both edges of a word, so that a prefix and an infix differ. The grams do
    not depend on the language: they carry names, misspelt words and loanwords across
    (`language.spelling`).
    """
    return [
        gram
        for word in words(text)
        if word not in ALL_STOP_WORDS
        for gram in _cut(word)
    ]


def word_grams(word: str) -> tuple[str, ...]:
    """Return the character 4-grams of one word already split by `words()`."""
    return _cut(word)


def is_stop_word(word: str, language: str) -> bool:
    """Tell whether *word*, in any case, is a function word of *language*."""
    return word.lower() in STOP_WORDS[language]


def _fold(text: str) -> str:
    """Return *text* in one spelling: compatibility forms and accents resolved."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(mark for mark in decomposed if not unicodedata.combining(mark))


def _spell(word: str) -> str:
    if not word[0].isdigit():
        return word[:_LONGEST_WORD]
    if _THOUSANDS.fullmatch(word):
        word = word.replace(".", "").replace(",", "")
    return word.replace(",", ".")[:_LONGEST_WORD]


@lru_cache(maxsize=50_000)
def _cut(word: str) -> tuple[str, ...]:
    marked = f"{BOUNDARY}{respell(word)}{BOUNDARY}"
    return tuple(
        marked[start : start + GRAM_LENGTH]
        for start in range(max(1, len(marked) - GRAM_LENGTH + 1))
    )


class _Stemmers(threading.local):
    """One set of stemmers a thread: a stemmer keeps a buffer and a cache."""

    def __init__(self) -> None:
        self.by_language = {
            language: Stemmer.Stemmer(name) for language, name in _STEMMER_NAMES.items()
        }


_STEMMERS = _Stemmers()


def _stem_words(found: list[str], language: str) -> list[str]:
    stemmed: list[str] = _STEMMERS.by_language[language].stemWords(found)
    return stemmed
