"""Numbers, dates and names in one spelling, whatever language wrote them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from language.sentences import split_sentences
from language.stopwords import ALL_STOP_WORDS

_MONTH_NAMES: Final = (
    ("january", "januari", "jan"),
    ("february", "februari", "feb", "pebruari"),
    ("march", "maret", "mar"),
    ("april", "apr"),
    ("may", "mei"),
    ("june", "juni", "jun"),
    ("july", "juli", "jul"),
    ("august", "agustus", "aug", "agu", "agt"),
    ("september", "sep", "sept"),
    ("october", "oktober", "oct", "okt"),
    ("november", "nov", "nop", "nopember"),
    ("december", "desember", "dec", "des"),
)
MONTHS: Final = {
    name: number for number, names in enumerate(_MONTH_NAMES, start=1) for name in names
}
"""Month names of both languages, lower case, to 1..12."""

_WEEKDAY_NAMES = """
monday tuesday wednesday thursday friday saturday sunday
senin selasa rabu kamis jumat sabtu minggu ahad
"""
_WEEKDAYS: Final = frozenset(_WEEKDAY_NAMES.split())
_SCALES: Final = {
    "ribu": 3,
    "rb": 3,
    "thousand": 3,
    "juta": 6,
    "jt": 6,
    "million": 6,
    "miliar": 9,
    "milyar": 9,
    "billion": 9,
    "triliun": 12,
    "trillion": 12,
}
_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
_SCALE = "|".join(sorted(_SCALES, key=len, reverse=True))
_ORDINAL = r"(?:st|nd|rd|th)?"

_DIGIT = re.compile(r"\d")
_ISO_DATE = re.compile(r"(?<!\d)(\d{4})-(\d{2})-(\d{2})(?!\d)")
_SLASH_DATE = re.compile(r"(?<![\d/])(\d{1,2})[/-](\d{1,2})[/-](\d{4}|\d{2})(?![\d/])")
_DAY_MONTH = re.compile(
    rf"(?<![\w.,])(\d{{1,2}}){_ORDINAL}(?:\s+of)?\s+({_MONTH})\b\.?(?:,?\s+(\d{{4}})\b)?",
    re.IGNORECASE,
)
_MONTH_DAY = re.compile(
    rf"\b({_MONTH})\.?\s+(\d{{1,2}}){_ORDINAL}\b(?![.,:]\d)(?:,?\s+(\d{{4}})\b)?",
    re.IGNORECASE,
)
_MONTH_YEAR = re.compile(rf"\b({_MONTH})\.?,?\s+(\d{{4}})\b", re.IGNORECASE)
# The first day of `1-3 March 2026`, `3 Februari s.d. 5 Maret` is no number of its own.
_DAY_RANGE = re.compile(
    rf"(?<![\w.,])(\d{{1,2}})\s?(?:-|\u2013|\u2014|to|and|sampai|hingga|dan|s\.d\.|s/d)\s?"
    rf"(\d{{1,2}})\s+({_MONTH})\b(?:,?\s+(\d{{4}})\b)?",
    re.IGNORECASE,
)

_CLOCK_24 = re.compile(
    r"(?<![\d.,:])([01]?\d|2[0-4])[:.]([0-5]\d)(?![\d:]|[.,]\d)"
    r"(?:\s?(a\.?m\b|p\.?m\b|pagi|siang|sore|malam|wib|wita|wit)\b)?",
    re.IGNORECASE,
)
_CLOCK_HOUR = re.compile(
    r"(?:\b(?:pukul|jam)\s+(\d{1,2})\b(?![.:,]\d)(?:\s+(pagi|siang|sore|malam))?)"
    r"|(?:(?<![\d.,:])(\d{1,2})\s?(a\.?m\b|p\.?m\b|o'?clock\b))",
    re.IGNORECASE,
)
_CLOCK_CONTEXT = re.compile(
    r"(?:pukul|jam|at|from|until|till|between|by|dari|sampai|hingga|s\.d\.|[-\u2013\u2014])\s?$",
    re.IGNORECASE,
)
_AFTER_CLOCK = re.compile(r"\s?[-\u2013\u2014]\s?\d{1,2}[.:]\d\d")
_HALF_DAY = 12

_NUMBER = re.compile(
    rf"(?<![\d.,])\d+(?:[.,]\d+)*(?:\s?({_SCALE})\b)?(?:\s?(%|percent\b|persen\b))?",
    re.IGNORECASE,
)
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:([.,])\d{3})(?:\1\d{3})*")
_LONGEST_NUMBER = 40
_CENTURY = 100
_THIS_CENTURY_UNTIL = 70

_NAME = re.compile(r"[^\W\d_][\w\u2019'-]*", re.UNICODE)


def find_numbers(text: str) -> frozenset[str]:
    """
    Return the numbers of *text*: `5000000`, `2.5`, `45%`, clock times as `08:00`.

    `5.000.000`, `5,000,000`, `5 juta` and `5 million` are one number. Of a date only
    its year counts; the rest is `find_dates`.
    """
    numbers = {date[:4] for date in find_dates(text) if not date.startswith("-")}
    rest = _without_dates(text)
    clocks, rest = _take_clocks(rest)
    numbers.update(clocks)
    numbers.update(_iter_numbers(rest))
    return frozenset(numbers)


def find_dates(text: str) -> frozenset[str]:
    """
    Return the dates of *text* in ISO 8601: `2026-03-01`, `2026-03`, `--03-01`.

    A full date is given with both its parts (month of the year, day of the month), so
    that `1 March` is among the dates of `1 Maret 2026`.
    """
    if not _DIGIT.search(text):
        # Every form of a date has one, and most sentences have none.
        return frozenset()
    return frozenset(date for date, _, _ in _iter_dates(text))


def find_names(text: str) -> frozenset[str]:
    """
    Return the words of proper names in *text*, lower case, one by one.

    A capital inside a sentence makes a name, and so do two capitals within one word;
    the first word of a sentence counts when a name follows it.
    """
    return frozenset(
        name
        for sentence in split_sentences(text)
        for name in _iter_names(sentence.text)
    )


def _iter_dates(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield each date with its extent in *text*."""
    for match in _ISO_DATE.finditer(text):
        yield from _spell(match, *match.groups())
    for match in _SLASH_DATE.finditer(text):
        day, month, year = match.groups()
        if int(month) > _HALF_DAY:
            day, month = month, day
        if len(year) == 2:
            year = str(int(year) + (2000 if int(year) < _THIS_CENTURY_UNTIL else 1900))
        yield from _spell(match, year, month, day)
    for match in _DAY_RANGE.finditer(text):
        first, last, name, year = match.groups()
        for day in (first, last):
            yield from _spell(match, year, MONTHS[name.lower()], day)
    for match in _DAY_MONTH.finditer(text):
        day, name, year = match.groups()
        yield from _spell(match, year, MONTHS[name.lower()], day)
    for match in _MONTH_DAY.finditer(text):
        name, day, year = match.groups()
        yield from _spell(match, year, MONTHS[name.lower()], day)
    for match in _MONTH_YEAR.finditer(text):
        name, year = match.groups()
        yield from _spell(match, year, MONTHS[name.lower()], None)


def _spell(
    match: re.Match[str], year: str | None, month: str | int, day: str | int | None
) -> Iterator[tuple[str, int, int]]:
    month_number, day_number = int(month), int(day or 1)
    if not (1 <= month_number <= 12 and 1 <= day_number <= 31):
        return
    if day is not None:
        yield f"--{month_number:02}-{day_number:02}", match.start(), match.end()
    if year is not None:
        yield f"{year}-{month_number:02}", match.start(), match.end()
    if day is not None and year is not None:
        spelt = f"{year}-{month_number:02}-{day_number:02}"
        yield spelt, match.start(), match.end()


def _without_dates(text: str) -> str:
    extents = sorted({(start, end) for _, start, end in _iter_dates(text)})
    return _blank(text, extents)


def _blank(text: str, extents: list[tuple[int, int]]) -> str:
    pieces, position = [], 0
    for start, end in extents:
        if end > position:
            pieces += [text[position : max(start, position)], " "]
            position = end
    return "".join([*pieces, text[position:]])


def _take_clocks(text: str) -> tuple[set[str], str]:
    """Return the clock times of *text* and what is left of it."""
    clocks: set[str] = set()
    extents: list[tuple[int, int]] = []
    for match in _CLOCK_24.finditer(text):
        hour, minute, half = match.groups()
        if ":" in match.group() or half or _is_clock(text, match):
            clocks.add(_clock(int(hour), int(minute), half))
            extents.append(match.span())
    for match in _CLOCK_HOUR.finditer(text):
        hour = match.group(1) or match.group(3)
        if int(hour) <= 24:
            clocks.add(_clock(int(hour), 0, match.group(2) or match.group(4)))
            extents.append(match.span())
    return clocks, _blank(text, sorted(extents))


def _is_clock(text: str, match: re.Match[str]) -> bool:
    """Tell `08.00` and `pukul 8.30` from the number 8.30."""
    before = text[max(0, match.start() - 12) : match.start()]
    return (
        match.group().startswith("0")
        or _CLOCK_CONTEXT.search(before) is not None
        or _AFTER_CLOCK.match(text, match.end()) is not None
    )


def _clock(hour: int, minute: int, half: str | None) -> str:
    half = (half or "").lower().replace(".", "")
    # Indonesian counts 10 and 11 "siang" before noon, 1 to 5 after it.
    noon_passed = half in {"pm", "sore", "malam"} or (half == "siang" and hour < 6)
    if noon_passed and hour < _HALF_DAY:
        hour += _HALF_DAY
    elif half == "am" and hour == _HALF_DAY:
        hour = 0
    return f"{hour:02}:{minute:02}"


def _iter_numbers(text: str) -> Iterator[str]:
    for match in _NUMBER.finditer(text):
        digits = re.match(r"[\d.,]+", match.group())
        assert digits is not None  # noqa: S101 - the pattern begins with a digit
        if len(digits.group()) > _LONGEST_NUMBER:
            continue
        scale, percent = match.groups()
        value = _parse(digits.group().rstrip(".,"))
        if scale:
            value = value.scaleb(_SCALES[scale.lower()])
        yield _plain(value) + ("%" if percent else "")


def _parse(digits: str) -> Decimal:
    """Read `5.000.000`, `5,000,000`, `1.234,56` and `2,5` for what they mean."""
    if _THOUSANDS.fullmatch(digits):
        return Decimal(re.sub("[.,]", "", digits))
    cut = max(digits.rfind("."), digits.rfind(","))
    if cut < 0:
        return Decimal(digits)
    whole, fraction = re.sub("[.,]", "", digits[:cut]), digits[cut + 1 :]
    return Decimal(f"{whole}.{fraction}")


def _plain(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _iter_names(sentence: str) -> Iterator[str]:
    found = [match.group() for match in _NAME.finditer(sentence)]
    for position, word in enumerate(found):
        plain = word.lower().removesuffix("'s").removesuffix("\u2019s")
        if not word[0].isupper() and not any(letter.isupper() for letter in word):
            continue
        if plain in ALL_STOP_WORDS or plain in MONTHS or plain in _WEEKDAYS:
            continue
        several = sum(letter.isupper() for letter in word) > 1
        followed = position + 1 < len(found) and found[position + 1][0].isupper()
        if position > 0 or several or followed:
            yield plain
