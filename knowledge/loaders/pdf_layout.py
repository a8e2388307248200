"""Lines to headings, paragraphs and list items."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from knowledge.loaders.blocks import DEEPEST_HEADING, Block
from knowledge.loaders.pdf_lines import Line

_ITEM = re.compile(r"(?:[-*+•▪◦‣·\u2013●○■□✓➢❖]|\(?(?:\d{1,2}|[a-z])[.)])\s+(?=\S)")
_BULLET = re.compile(r"[*+•▪◦‣·\u2013●○■□✓➢❖]\s+")
_LONGEST_HEADING = 160
_LONGEST_BOLD_HEADING = 100
# A heading is at least this much larger than the text.
_LARGER = 1.12
_ENDS = (".", "!", "?", ":", ";", "”", '"', ")")


def is_item(text: str) -> bool:
    """Tell whether *text* begins with a bullet or a number of a list."""
    return _ITEM.match(text) is not None


class Layout:
    """What size the text has, and which sizes are headings, over a whole file."""

    def __init__(self, lines: Sequence[Line]) -> None:
        weights: Counter[float] = Counter()
        for line in lines:
            weights[line.size] += len(line.text)
        self._body = weights.most_common(1)[0][0] if weights else 0.0
        bold = sum(len(line.text) for line in lines if line.bold)
        # In a file all in bold, bold says nothing.
        self._bold_speaks = bold * 3 < sum(weights.values())
        sizes = {line.size for line in lines if self._is_large(line)}
        self._levels = {
            size: min(rank, DEEPEST_HEADING - 1)
            for rank, size in enumerate(sorted(sizes, reverse=True), start=1)
        }
        # Words at the edges of a line may be parts of words.
        self._words = {
            _core([word]) for line in lines for word in line.text.split()[1:-1]
        }

    def level(self, line: Line) -> int:
        """Return the heading level of *line*, or 0 for text."""
        if self._is_large(line):
            return self._levels.get(line.size, 1)
        short = len(line.text) <= _LONGEST_BOLD_HEADING
        plain = not line.text.endswith((".", ",", ";", ":")) and not _ITEM.match(
            line.text
        )
        if (
            line.bold
            and self._bold_speaks
            and short
            and plain
            and line.size >= self._body
        ):
            return min(len(self._levels) + 1, DEEPEST_HEADING)
        return 0

    def _is_large(self, line: Line) -> bool:
        return (
            line.size >= self._body * _LARGER
            and len(line.text) <= _LONGEST_HEADING
            and any(character.isalpha() for character in line.text)
        )

    def iter_blocks(self, lines: Sequence[Line]) -> Iterator[Block]:
        """Yield the blocks of consecutive lines of one page."""
        leading = _usual_leading(lines)
        for group in self._groups(lines, leading):
            level = self.level(group[0])
            text = self._join(group)
            if level:
                yield Block("heading", text, level=level, page=group[0].page)
            elif _ITEM.match(text):
                yield Block(
                    "item", _BULLET.sub("- ", text, count=1), page=group[0].page
                )
            else:
                yield Block("text", text, page=group[0].page)

    def _groups(self, lines: Sequence[Line], leading: float) -> Iterator[list[Line]]:
        group: list[Line] = []
        for line in lines:
            if group and self._parts(group, line, leading):
                yield group
                group = []
            group.append(line)
        if group:
            yield group

    def _parts(self, group: Sequence[Line], line: Line, leading: float) -> bool:
        """Tell whether a new block begins with *line*."""
        previous = group[-1]
        level, level_before = self.level(line), self.level(previous)
        if level != level_before or _ITEM.match(line.text):
            return True
        drop = previous.baseline - line.baseline
        if level:
            return not 0 <= drop <= line.size * 1.8
        if abs(drop) < 1.0:
            # Pieces of one printed line.
            return False
        if drop < 0:
            # A new column: its first line may go on with the last one's sentence.
            return previous.text.endswith(_ENDS) or not line.text[:1].islower()
        return drop > max(leading * 1.35, line.size * 1.3)

    def _join(self, group: Sequence[Line]) -> str:
        text = group[0].text
        for previous, line in pairwise(group):
            text = self.join_words(text, line.text, hyphen=previous.hyphen)
        return f"{text}-" if group[-1].hyphen else text

    def join_words(self, before: str, after: str, *, hyphen: bool = False) -> str:
        """
        Return two lines as one; *hyphen*: the first ended at one, now taken off.

        The hyphen comes back where it belongs to the word: a doubled word of
        Indonesian, or two words that the document also uses alone.
        """
        if not hyphen:
            return f"{before} {after}"
        first, second = _core(before.split()[-1:]), _core(after.split()[:1])
        joined = self._knows(first + second)
        apart = self._knows(first) and self._knows(second)
        if not after[:1].islower() or (
            not joined and (apart or _is_doubled(first, second))
        ):
            return f"{before}-{after}"
        return before + after

    def _knows(self, word: str) -> bool:
        return word in self._words


def _is_doubled(first: str, second: str) -> bool:
    """Tell reduplication: buku-bukunya, berlari-lari, sayur-mayur."""
    if min(len(first), len(second)) < 3:
        return False
    rhymes = len(first) == len(second) and first[-3:] == second[-3:]
    return rhymes or second.startswith(first) or first.endswith(second)


def _core(words: Sequence[str]) -> str:
    """Return the only word of *words* in lower case without marks around it."""
    return "".join(words).strip(".,;:!?()\"'").lower()


def _usual_leading(lines: Sequence[Line]) -> float:
    drops = [
        round(one.baseline - two.baseline, 1)
        for one, two in pairwise(lines)
        if 0 < one.baseline - two.baseline < one.size * 2.2 and one.size == two.size
    ]
    return Counter(drops).most_common(1)[0][0] if drops else 0.0
