"""
A small bilingual lexicon: so that a question finds text in the other language.

Some 1,700 everyday words and phrases of Indonesian with their English meanings. Both
sides are compared by stem, and so a root also stands for its derived forms.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final, TypeAlias

from language.analysis import stem_words, stems, words
from language.stopwords import STOP_WORDS

_FILE: Final = Path(__file__).with_name("lexicon.txt")
_LONGEST_PHRASE = 3

_Entries: TypeAlias = Mapping[tuple[str, ...], tuple[str, ...]]


def translate(text: str, language: str) -> list[tuple[str, ...]]:
    """Return, for each known word or phrase of *text*, stems in the other language."""
    return [meanings for _, meanings in find_meanings(text, language)]


def find_meanings(
    text: str, language: str
) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """
    Return known words and phrases of *text*: their stems, and those of their meanings.

    Args:
        text: A question; longer phrases win over their words.
        language: Language of *text*, `en` or `id`; the meanings are in the other one.
    """
    entries = _load_entries()[language]
    stop = STOP_WORDS[language]
    found = words(text)
    stemmed = stem_words(found, language)
    meant: list[tuple[tuple[str, ...], tuple[str, ...]]] = []
    position = 0
    while position < len(found):
        for length in range(min(_LONGEST_PHRASE, len(found) - position), 0, -1):
            phrase = tuple(stemmed[position : position + length])
            meanings = entries.get(phrase)
            if meanings and not (length == 1 and found[position] in stop):
                meant.append((phrase, meanings))
                position += length
                break
        else:
            position += 1
    return meant


@lru_cache(maxsize=1)
def _load_entries() -> Mapping[str, _Entries]:
    """Read the lexicon once; both directions."""
    forward: dict[tuple[str, ...], list[str]] = defaultdict(list)
    backward: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        phrase, _, meanings = line.partition(":")
        key = tuple(stem_words(words(phrase), "id"))
        english = stems(meanings, "en")
        forward[key] += english
        for meaning in english:
            backward[(meaning,)] += key
    return {"id": _merged(forward), "en": _merged(backward)}


def _merged(entries: Mapping[tuple[str, ...], list[str]]) -> _Entries:
    return {key: tuple(dict.fromkeys(found)) for key, found in entries.items() if found}
