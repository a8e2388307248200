"""Running heads, running feet and page numbers: found by repetition, removed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from knowledge.loaders.pdf_lines import Line

# A number that may be the page's: first or last in its line, or `3 of 4`.
_DIGITS = re.compile(r"^\d+(?=\D)|(?<=\D)\d+$|\b\d+(?=\s*(?:/|of|dari)\s*\d)")
_PAGE_NUMBER = re.compile(
    r"[-\u2013\u2014|\s]*(?:(?:page|halaman|hal\.?|p\.)\s*)?(?:\d{1,4}|[ivxlc]{1,6})"
    r"(?:\s*(?:/|of|dari|\|)\s*\d{1,4})?[-\u2013\u2014|\s]*",
    re.IGNORECASE,
)
# Lines looked at from each edge of a page.
_EDGE = 3
# A running line stands at the same height on every page, give or take some points.
_SAME_HEIGHT = 4.0


def drop_running(pages: Mapping[int, Sequence[Line]]) -> dict[int, list[Line]]:
    """
    Return the pages without what repeats at their edges.

    A line is running when the same words, numbers aside, stand at the same height on
    at least two pages and at half of them, or on three in a row of chapters.
    """
    counts: Counter[tuple[str, int]] = Counter()
    for lines in pages.values():
        for key in {_key(line) for line in _edges(lines)}:
            counts[key] += 1
    needed = max(2, min(3, (len(pages) + 1) // 2))
    running = {key for key, count in counts.items() if count >= needed}
    return {number: _without(lines, running) for number, lines in pages.items()}


def _without(lines: Sequence[Line], running: set[tuple[str, int]]) -> list[Line]:
    edges = _edges(lines)
    dropped = {
        id(line)
        for line in edges
        if _key(line) in running or _near(line, running) or _is_number(line, lines)
    }
    return [line for line in lines if id(line) not in dropped]


def _edges(lines: Sequence[Line]) -> list[Line]:
    ordered = sorted(lines, key=lambda line: -line.baseline)
    if len(ordered) <= _EDGE * 2:
        return ordered
    return ordered[:_EDGE] + ordered[-_EDGE:]


def _key(line: Line) -> tuple[str, int]:
    return _DIGITS.sub("#", line.text.lower()), round(line.baseline / _SAME_HEIGHT)


def _near(line: Line, running: set[tuple[str, int]]) -> bool:
    text, height = _key(line)
    return (text, height - 1) in running or (text, height + 1) in running


def _is_number(line: Line, lines: Sequence[Line]) -> bool:
    """Tell whether the outermost line of a page is its number."""
    if not _PAGE_NUMBER.fullmatch(line.text):
        return False
    heights = [other.baseline for other in lines]
    return line.baseline in (min(heights), max(heights))
