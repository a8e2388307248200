"""Does a passage carry a sentence? Words, numbers, dates, names are compared."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from domain.documents import Passage
from language.analysis import grams, stems, words
from language.values import find_dates, find_names, find_numbers

SAME_LANGUAGE_SHARE: Final = 0.5
"""Share of a sentence's stems that its passages must hold."""

OTHER_LANGUAGE_SHARE: Final = 0.12
"""The same across languages, in grams: names and loan words are all they share."""

_SPELT: Final = {
    word: str(number)
    for names in (
        "one two three four five six seven eight nine ten eleven twelve",
        "satu dua tiga empat lima enam tujuh delapan sembilan sepuluh sebelas",
    )
    for number, word in enumerate(names.split(), start=1)
}
_DIGITS = re.compile(r"\d")


@dataclass(frozen=True)
class Source:
    """A text that may carry a sentence, with everything compared drawn from it once."""

    text: str
    language: str

    @cached_property
    def stems(self) -> frozenset[str]:
        """Stems by the rules of its language."""
        return frozenset(stems(self.text, self.language))

    @cached_property
    def words(self) -> frozenset[str]:
        """Its words, for names."""
        return frozenset(words(self.text))

    @cached_property
    def grams(self) -> frozenset[str]:
        """Its character grams."""
        return frozenset(grams(self.text))

    @cached_property
    def numbers(self) -> frozenset[str]:
        """Numbers in one spelling, those written as words among them."""
        spelt = (_SPELT[word] for word in self.words if word in _SPELT)
        return find_numbers(self.text) | frozenset(spelt)

    @cached_property
    def dates(self) -> frozenset[str]:
        """Dates in one spelling."""
        return find_dates(self.text)


def build_source(passage: Passage) -> Source:
    """Return *passage* with its title and headings, which a sentence may repeat."""
    flagless = passage.text
    for flagged in passage.flagged:
        flagless = flagless.replace(flagged, " ")
    return Source(
        text="\n".join((passage.title, *passage.headings, flagless)),
        language=passage.language if passage.language in {"en", "id"} else "en",
    )


def is_supported(
    sentence: str, sources: Sequence[Source], *, language: str, known: Source
) -> bool:
    """
    Tell whether *sources* together carry *sentence*.

    Args:
        sentence: Without marks.
        sources: The passages it cites.
        language: Of the sentence.
        known: What needs no support: the question itself.
    """
    if not sources:
        return False
    everything = (*sources, known)
    if not values_are_known(sentence, everything):
        return False
    same = [source for source in sources if source.language == language]
    if same:
        # Across languages a name may be translated, so names are compared here only.
        if not names_are_known(sentence, everything):
            return False
        found = set(stems(sentence, language))
        held = frozenset[str]().union(*(source.stems for source in same))
        # A word of the question proves nothing, so it counts for neither side.
        own = found - known.stems or found
        return bool(own) and len(own & held) >= SAME_LANGUAGE_SHARE * len(own)
    pieces = set(grams(sentence))
    shared = frozenset[str]().union(*(source.grams for source in sources))
    return bool(pieces) and len(pieces & shared) >= OTHER_LANGUAGE_SHARE * len(pieces)


def values_are_known(sentence: str, sources: Sequence[Source]) -> bool:
    """Tell whether every number and date of *sentence* stands in *sources*."""
    if not all(_date_is_known(date, sources) for date in find_dates(sentence)):
        return False
    if _DIGITS.search(sentence):
        known = frozenset[str]().union(*(source.numbers for source in sources))
        if find_numbers(sentence) - known:
            return False
    return True


def names_are_known(sentence: str, sources: Sequence[Source]) -> bool:
    """Tell whether every word of a name in *sentence* stands in *sources*."""
    held = frozenset[str]().union(*(source.words for source in sources))
    return all(word in held for name in find_names(sentence) for word in words(name))


def _date_is_known(date: str, sources: Sequence[Source]) -> bool:
    """Tell whether *date* stands in *sources*; its year may stand elsewhere in them."""
    known = frozenset[str]().union(*(source.dates for source in sources))
    if date in known:
        return True
    year, day = date[:4], f"-{date[4:]}"
    numbers = frozenset[str]().union(*(source.numbers for source in sources))
    return year in numbers and any(one.startswith(day) for one in known)
