"""Dates and clock times as words of Indonesian and English."""

from __future__ import annotations

import re
from typing import Final

from language.spoken_numbers import cardinal, ordinal, year
from language.values import MONTHS


def _listed(words: str) -> tuple[str, ...]:
    return tuple(words.split())


_MONTH_NAMES: Final = {
    "id": _listed(
        """
    Januari Februari Maret April Mei Juni Juli Agustus September Oktober
    November Desember
    """
    ),
    "en": _listed(
        """
    January February March April May June July August September October November
    December
    """
    ),
}
_DAYS: Final = tuple(
    zip(
        _listed("Senin Selasa Rabu Kamis Jumat Sabtu Minggu"),
        _listed("Monday Tuesday Wednesday Thursday Friday Saturday Sunday"),
        _listed("Sen Sel Rab Kam Jum Sab Min"),
        _listed("Mon Tue Wed Thu Fri Sat Sun"),
        strict=True,
    )
)
_DAY_NAMES: Final = {name: names for names in _DAYS for name in names}
_DAY = "|".join(sorted(_DAY_NAMES, key=len, reverse=True))
_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
_DASH = r"[-\u2013\u2014]"
_TO = {"id": "sampai", "en": "to"}
_NTH = r"(?:st|nd|rd|th)?"
_YEAR = r"(?:,? (?P<year>\d{4})(?![\w/-]|[.,]\d))?"

_DAY_RANGE = re.compile(rf"\b({_DAY})\.? ?(?:{_DASH}|s/d|s\.d\.) ?({_DAY})\b\.?")
_MONTH_RANGE = re.compile(rf"\b({_MONTH}) ?{_DASH} ?({_MONTH})\b", re.IGNORECASE)
_DATES_APART = re.compile(
    rf"\b({_MONTH}|\d{{4}}) ?{_DASH} ?(?=\d{{1,2}} (?:{_MONTH})\b)", re.IGNORECASE
)
_ISO = re.compile(r"(?<![\w.,/-])(\d{4})-(\d{2})-(\d{2})(?:T(?=\d\d:)|(?![\w/-]))")
_SLASHED = re.compile(
    r"(?<![\w.,/-])(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})(?![\w/-]|[.,]\d)"
)
_NAMED_RANGE = re.compile(
    rf"(?P<the>\bthe )?(?<![\w.,/-])(?P<first>\d{{1,2}}){_NTH} ?"
    rf"(?P<joint>{_DASH}|s/d|s\.d\.|and|to|dan|sampai|hingga) ?"
    rf"(?P<day>\d{{1,2}}){_NTH}(?: of)? (?P<month>{_MONTH})\b\.?{_YEAR}",
    re.IGNORECASE,
)
_NAMED = re.compile(
    rf"(?P<the>\bthe )?(?<![\w.,/-])(?P<day>\d{{1,2}}){_NTH}(?: of)? "
    rf"(?P<month>{_MONTH})\b(?:\.(?= \d))?{_YEAR}",
    re.IGNORECASE,
)
_MONTH_DAY = re.compile(
    rf"\b(?P<month>{_MONTH})\.? (?P<day>\d{{1,2}}){_NTH}"
    rf"(?:{_DASH}(?P<last>\d{{1,2}}))?(?![\w:/%-]|[.,]\d){_YEAR}",
    re.IGNORECASE,
)
_MONTH_YEAR = re.compile(
    rf"\b(?P<month>{_MONTH})\.?,? (?P<year>\d{{4}})(?![\w/-]|[.,]\d)", re.IGNORECASE
)
_ACADEMIC = re.compile(
    rf"(?<![\w.,/-])(\d{{4}})(?:/| ?{_DASH} ?)(\d{{4}}|\d{{2}})(?![\w/-]|[.,]\d)"
)

_HALF = r"(?: ?(?P<half>[ap]\.?m\b\.?))?"
_CLOCK = re.compile(
    r"(?P<word>\b(?:pukul|jam) )?(?<![\w.,:/-])(?P<hour>[01]?\d|2[0-4])(?P<mark>[.:])"
    rf"(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?(?![\w:/%]|[.,]\d){_HALF}",
    re.IGNORECASE,
)
_SHORT_OCLOCK = re.compile(r"\b[Pp]kl?\. ?(?=\d)")
_HOUR = re.compile(
    r"(?<![\w.,:/-])(?P<hour>1[0-2]|0?[1-9]) ?(?P<half>[ap](?:\.m\b\.?|m\b))",
    re.IGNORECASE,
)
_HOUR_RANGE = re.compile(
    rf"(?<![\w.,:/-])(?P<hour>\d{{1,2}}) ?{_DASH} ?(?=\d{{1,2}} ?[ap]\.?m\b)",
    re.IGNORECASE,
)
_AND_MORE = r"(?![\w:/%]|[.,]\d)"
# One of the two has an hour of two digits: `2.50-3.00` are grades, not times.
_CLOCK_RANGE = re.compile(
    rf"(?<![\w.,:/-])(\d{{1,2}})[.:]([0-5]\d)((?: ?[ap]\.?m\b\.?)?)"
    rf"(?: ?{_DASH} ?| ?s/d ?| s\.d\. ?)(\d{{1,2}})[.:]([0-5]\d){_AND_MORE}",
    re.IGNORECASE,
)
_BEFORE_CLOCK = re.compile(
    rf"(?:\b(?:pukul|jam|at|from|until|till|by|sampai|hingga|to|between|before|after|"
    rf"{'|'.join(name for name, names in _DAY_NAMES.items() if len(name) > 3)}),? )$",
    re.IGNORECASE,
)
_RATIO = re.compile(
    r"(?:\b(?:rasio|ratio|skala|scale|perbandingan)(?: \w+){0,4}?:? )$", re.IGNORECASE
)
_LOOK_BEHIND = 48
_THIS_CENTURY_UNTIL = 70


def speak_dates(text: str, language: str) -> str:
    """
    Return *text* with its dates as words; month names come out in *language*.

    `1/3/2026` is the first of March in both languages, as `language.values` reads it:
    the documents come from a place that writes the day first.
    """
    text = _DAY_RANGE.sub(lambda m: _days(m, language), text)
    text = _MONTH_RANGE.sub(lambda m: _months(m, language), text)
    text = _DATES_APART.sub(rf"\1 {_TO[language]} ", text)
    text = _ISO.sub(lambda m: _numeric(m, m[3], m[2], m[1], language), text)
    text = _SLASHED.sub(lambda m: _numeric(m, m[1], m[3], m[4], language), text)
    for pattern in (_NAMED_RANGE, _NAMED, _MONTH_DAY):
        text = pattern.sub(lambda m: _named(m, language), text)
    text = _MONTH_YEAR.sub(lambda m: _month_year(m, language), text)
    return _ACADEMIC.sub(lambda m: _years(m, language), text)


def speak_clocks(text: str, language: str) -> str:
    """Return *text* with clock times as words: `07.30`, `7:30 am`, `08.00-15.00`."""
    to = _TO[language]
    text = _SHORT_OCLOCK.sub("pukul ", text)
    text = _CLOCK_RANGE.sub(lambda m: _clock_range(m, to), text)
    text = _HOUR_RANGE.sub(rf"\g<hour> {to} ", text)
    text = _CLOCK.sub(lambda m: _clock(m, language), text)
    return _HOUR.sub(lambda m: _hour(m, language), text)


def _clock_range(match: re.Match[str], to: str) -> str:
    """Return `07.30-21.00` with colons, which mark both as times for the next step."""
    first, last = match[1], match[4]
    if max(int(first), int(last)) > 24 or max(len(first), len(last)) < 2:
        return match.group()
    return f"{first}:{match[2]}{match[3]} {to} {last}:{match[5]}"


def _days(match: re.Match[str], language: str) -> str:
    first, last = (_DAY_NAMES[match[group]] for group in (1, 2))
    column = 0 if language == "id" else 1
    return f"{first[column]} {_TO[language]} {last[column]}"


def _months(match: re.Match[str], language: str) -> str:
    first, last = (_month(match[group], language) for group in (1, 2))
    return f"{first} {_TO[language]} {last}"


def _month(name: str, language: str) -> str:
    return _MONTH_NAMES[language][MONTHS[name.lower()] - 1]


def _numeric(
    match: re.Match[str], day: str, month: str, written_year: str, language: str
) -> str:
    day_number, month_number = int(day), int(month)
    if month_number > 12:
        day_number, month_number = month_number, day_number
    if not (1 <= month_number <= 12 and 1 <= day_number <= 31):
        return match.group()
    number = int(written_year)
    if len(written_year) == 2:
        number += 2000 if number < _THIS_CENTURY_UNTIL else 1900
    tail = " " if match.group().endswith("T") else ""
    name = _MONTH_NAMES[language][month_number - 1]
    return _date(day_number, name, number, language) + tail


def _named(match: re.Match[str], language: str) -> str:
    groups = match.groupdict()
    first = groups.get("first") or (groups["day"] if groups.get("last") else None)
    day = int(groups.get("last") or groups["day"])
    if not (1 <= day <= 31 and (first is None or 1 <= int(first) <= 31)):
        return match.group()
    number = int(groups["year"]) if groups["year"] else None
    words = _date(day, _month(groups["month"], language), number, language)
    if first is None:
        return words
    joint = groups.get("joint") or "-"
    joint = joint if joint.isalpha() else _TO[language]
    if language == "id":
        return f"{cardinal(int(first), language)} {joint} {words}"
    return f"the {ordinal(int(first), language)} {joint} {words}"


def _date(day: int, month: str, number: int | None, language: str) -> str:
    if language == "id":
        words = f"{cardinal(day, language)} {month}"
    else:
        words = f"the {ordinal(day, language)} of {month}"
    if number is None:
        return words
    joint = " " if language == "id" else ", "
    return f"{words}{joint}{year(number, language)}"


def _month_year(match: re.Match[str], language: str) -> str:
    month = _month(match["month"], language)
    return f"{month} {year(int(match['year']), language)}"


def _years(match: re.Match[str], language: str) -> str:
    first = int(match[1])
    last = int(match[2]) if len(match[2]) == 4 else first // 100 * 100 + int(match[2])
    if not (1100 <= first < last <= 2199):
        return match.group()
    return f"{year(first, language)} {_TO[language]} {year(last, language)}"


def _clock(match: re.Match[str], language: str) -> str:
    before = match.string[max(0, match.start() - _LOOK_BEHIND) : match.start()]
    hour, minute = int(match["hour"]), int(match["minute"])
    if match["mark"] == ":" and not match["half"] and _RATIO.search(before):
        joint = "banding" if language == "id" else "to"
        return f"{cardinal(hour, language)} {joint} {cardinal(minute, language)}"
    dotted = match["mark"] == "." and not (match["word"] or match["half"])
    # `08.00` is a clock wherever it stands, `3.50` only after a word that says so.
    if dotted and not match["hour"].startswith("0") and not _is_clock(before):
        return match.group()
    words = _read_clock(match, hour, minute, language)
    if match["second"] and int(match["second"]):
        unit = "lewat {} detik" if language == "id" else "and {} seconds"
        words = f"{words} {unit.format(cardinal(int(match['second']), language))}"
    if language == "en":
        return words + _full_stop(match)
    said = match["word"] or _BEFORE_CLOCK.search(before)
    lead = match["word"] or ("" if said and not _after_day(before) else "pukul ")
    return f"{lead}{words}{_full_stop(match)}"


def _read_clock(match: re.Match[str], hour: int, minute: int, language: str) -> str:
    half = (match["half"] or "").lower().replace(".", "")
    if language == "id":
        return _indonesian_clock(hour, minute, half)
    # Two digits, or the full stop of Indonesia, show a clock of 24 hours.
    counted = len(match["hour"]) == 2 or hour == 0 or match["mark"] == "."
    return _english_clock(hour, minute, half, counted=counted)


def _is_clock(before: str) -> bool:
    return _BEFORE_CLOCK.search(before) is not None


def _after_day(before: str) -> bool:
    """Tell `Sabtu 09.00`, which lacks the word, from `sampai 09.00`."""
    words = before.replace(",", "").split()
    return bool(words) and words[-1].capitalize() in _DAY_NAMES


def _indonesian_clock(hour: int, minute: int, half: str) -> str:
    part = ""
    if half:
        hour %= 12
        part = " pagi" if half == "am" else " malam"
        if half == "pm" and hour < 6:
            part = " siang" if hour < 3 else " sore"
        hour = hour or 12
    words = cardinal(hour, "id") if hour else "nol nol"
    if 0 < minute < 10:
        words = f"{words} lewat {cardinal(minute, 'id')} menit"
    elif minute:
        words = f"{words} {cardinal(minute, 'id')}"
    return words + part


def _english_clock(hour: int, minute: int, half: str, *, counted: bool) -> str:
    if not half and counted:
        if minute == 0 and hour % 12 == 0:
            return "noon" if hour == 12 else "midnight"
        half = "am" if hour < 12 else "pm"
    elif not half and minute == 0 and hour == 12:
        return "noon"
    words = cardinal(hour % 12 or 12, "en")
    if 0 < minute < 10:
        words = f"{words} oh {cardinal(minute, 'en')}"
    elif minute:
        words = f"{words} {cardinal(minute, 'en')}"
    elif not half:
        words = f"{words} o'clock"
    return words + {"am": " ay M", "pm": " P M", "": ""}[half]


def _hour(match: re.Match[str], language: str) -> str:
    half = match["half"].lower().replace(".", "")
    hour = int(match["hour"])
    if language == "id":
        words = "pukul " + _indonesian_clock(hour, 0, half)
    else:
        words = _english_clock(hour, 0, half, counted=False)
    return words + _full_stop(match)


def _full_stop(match: re.Match[str]) -> str:
    """Return the stop that `a.m.` shares with the end of its sentence."""
    ended = (match["half"] or "").endswith(".")
    following = match.string[match.end() : match.end() + 2].lstrip()
    return "." if ended and (not following or following[0].isupper()) else ""
