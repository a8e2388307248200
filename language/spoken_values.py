"""Prices, quantities and symbols as words of Indonesian and English."""

from __future__ import annotations

import re
from typing import Final

from language.spoken_numbers import cardinal, decimal, integer, ordinal, year
from language.spoken_terms import UNIT, unit_words
from language.stopwords import ALL_STOP_WORDS

SIGNS: Final = {
    "id": {
        "to": "sampai", "at": "at", "dot": "titik", "and": "dan", "or": "atau",
        "per": "per", "percent": "persen", "plus": "plus", "minus": "minus",
        "times": "kali", "equals": "sama dengan", "slash": "garis miring",
        "number": "nomor", "about": "sekitar", "half": "setengah", "dash": "strip",
        "less": "kurang dari", "more": "lebih dari", "atmost": "paling banyak",
        "atleast": "minimal", "divided": "dibagi", "plusminus": "kurang lebih",
    },
    "en": {
        "to": "to", "at": "at", "dot": "dot", "and": "and", "or": "or",
        "per": "per", "percent": "percent", "plus": "plus", "minus": "minus",
        "times": "times", "equals": "equals", "slash": "slash",
        "number": "number", "about": "about", "half": "a half", "dash": "dash",
        "less": "less than", "more": "more than", "atmost": "at most",
        "atleast": "at least", "divided": "divided by", "plusminus": "plus or minus",
    },
}  # fmt: skip
"""The names of signs and joints by language."""
_SCALES: Final = {
    "ribu": ("ribu", "thousand"), "rb": ("ribu", "thousand"),
    "thousand": ("ribu", "thousand"), "k": ("ribu", "thousand"),
    "juta": ("juta", "million"), "jt": ("juta", "million"),
    "million": ("juta", "million"), "miliar": ("miliar", "billion"),
    "milyar": ("miliar", "billion"), "billion": ("miliar", "billion"),
    "triliun": ("triliun", "trillion"), "trillion": ("triliun", "trillion"),
}  # fmt: skip
# Indonesian, English for one, English for several, the hundredth part in both.
_CURRENCIES: Final = {
    "RP": ("rupiah", "rupiah", "rupiah", "sen", "sen"),
    "IDR": ("rupiah", "rupiah", "rupiah", "sen", "sen"),
    "$": ("dolar", "dollar", "dollars", "sen", "cents"),
    "US$": ("dolar Amerika", "U S dollar", "U S dollars", "sen", "cents"),
    "USD": ("dolar Amerika", "U S dollar", "U S dollars", "sen", "cents"),
    "S$": ("dolar Singapura", "Singapore dollar", "Singapore dollars", "sen", "cents"),
    "SGD": ("dolar Singapura", "Singapore dollar", "Singapore dollars", "sen", "cents"),
    "\u20ac": ("euro", "euro", "euros", "sen", "cents"),
    "EUR": ("euro", "euro", "euros", "sen", "cents"),
    "\u00a3": ("pound", "pound", "pounds", "penny", "pence"),
    "GBP": ("pound", "pound", "pounds", "penny", "pence"),
    "\u00a5": ("yen", "yen", "yen", "sen", "sen"),
    "JPY": ("yen", "yen", "yen", "sen", "sen"),
    "MYR": ("ringgit", "ringgit", "ringgit", "sen", "sen"),
}
_NUMBER = r"\d++(?:[.,]\d++)*+"
_SCALE = "|".join(sorted(_SCALES, key=len, reverse=True))
CURRENCY: Final = r"US\$|S\$|\$|\u20ac|\u00a3|\u00a5|Rp\.?|IDR|USD|SGD|EUR|GBP|JPY|MYR"
"""The marks of currencies as alternatives of a pattern."""
_DASH = r"[-\u2013\u2014]"
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:([.,])\d{3})(?:\1\d{3})*+")

_PRICE = re.compile(
    rf"(?<![^\W\d_])(?P<unit>{CURRENCY}) ?(?P<sign>-)?(?P<first>{_NUMBER})"
    rf"(?:(?: ?{_DASH} ?)(?P<last>{_NUMBER}))?"
    rf"(?: ?(?P<scale>{_SCALE}|[MB](?!\w))\b)?(?:,[-\u2013\u2014]+)?",
    re.IGNORECASE,
)
_PRICE_RANGE = re.compile(
    rf"(?<=[\da]) ?{_DASH} ?(?=(?:{CURRENCY}) ?\d)", re.IGNORECASE
)
_PRICE_AFTER = re.compile(
    rf"(?<![\w.,])(?P<first>{_NUMBER}) ?"
    r"(?P<unit>USD|IDR|SGD|EUR|GBP|\u20ac|\u00a3)(?!\w)"
)
_SCALED = re.compile(rf"(?<![\w.,])({_NUMBER}) ?({_SCALE})\b", re.IGNORECASE)
_RANGE = re.compile(rf"(?<=[\d%])( ?{_DASH} ?)(?=(?:{CURRENCY})? ?\d)", re.IGNORECASE)
_PERCENT = re.compile(rf"(?<![\w.,])({_NUMBER}) ?%")
_MEASURE = re.compile(
    rf"(?<![\w.,])({_NUMBER})( ?)({UNIT})(?:\u00b2)?(?![\w\u00b0])(/(?=[^\W\d]))?"
)
_PER_UNIT = re.compile(rf"\b([Pp]er )({UNIT})(?![\w\u00b0/]|\.\w)")
_RANK = re.compile(r"\b[Kk]e-(\d{1,15})\b")
_NTH = re.compile(r"(?<![\w.,])(\d{1,15})(?:st|nd|rd|th)\b", re.IGNORECASE)
_DECADE = re.compile(r"(?<![\w.,])(\d{2,4})(?:-an\b|'?s\b)")
_FRACTION = re.compile(
    r"(?<![\w.,/])(?:(\d{1,3}) )?(\d{1,2})[/\u2044](\d{1,2})(?![\w/]|[.,]\d)"
)
_SPOKEN_ID = {2: "perdua", 3: "pertiga", 4: "perempat"}
_EN_PARTS = {2: "half", 4: "quarter"}
_NUMBER_SLASH = re.compile(r"(?<=\d)/(?=\d)")
_TIMES = re.compile(r"(?<=\d)(?: ?[\u00d7*] ?| x )(?=\d)|(?<=\d)x(?=\d)")
_FOLD = re.compile(r"(?<![\w.,])(\d{1,4}) ?[x\u00d7](?!\w)")
_MINUS = re.compile(r"(?<![^\s(])[-\u2212](?=\d)")
_VERSION = re.compile(r"(?<![\w.,])\d+(?:\.\d+){2,}")
_PLAIN = re.compile(_NUMBER)
# What a price or a rate is counted by: `Rp5.000/hari`, `24 jam/hari`.
_RATE_NAMES = """
hari jam menit bulan tahun minggu semester orang buku lembar malam sks unit kg
day hour minute month year week person book page night credit
"""
_RATES = frozenset(_RATE_NAMES.split())
_SLASH = re.compile(r"(?<=\w)/(?=\w)")
_GRADE = re.compile(r"(?<![\w-])([A-E])([+-])(?![\w+-])")
# A room, not a grade: once 204 is words, `B-204` would read as `B minus`.
_ROOM = re.compile(r"(?<![\w-])([A-E])-(?=\d)")
_INNER_DOT = re.compile(r"(?<=[^\W\d_])\.(?=[^\W\d_])")


def speak_prices(text: str, language: str) -> str:
    """Return *text* with sums of money as words, the currency behind the number."""
    text = _PRICE_RANGE.sub(f" {SIGNS[language]['to']} ", text)
    text = _PRICE.sub(lambda m: _price(m, language), text)
    return _PRICE_AFTER.sub(lambda m: _price(m, language), text)


def speak_quantities(text: str, language: str) -> str:
    """Return *text* with ranges, percentages, units, ranks and fractions as words."""
    names = SIGNS[language]
    text = _RANGE.sub(f" {names['to']} ", text)
    text = _MINUS.sub(f" {names['minus']} ", _ROOM.sub(r"\1 ", text))
    text = _PERCENT.sub(lambda m: f"{number(m[1], language)} {names['percent']}", text)
    text = _MEASURE.sub(lambda m: _measure(m, language), text)
    text = _PER_UNIT.sub(lambda m: m[1] + unit_words(m[2], language, single=True), text)
    text = _SCALED.sub(lambda m: _scaled(m[1], m[2], language), text)
    text = _RANK.sub(lambda m: ordinal(int(m[1]), language), text)
    text = _NTH.sub(lambda m: ordinal(int(m[1]), language), text)
    text = _DECADE.sub(lambda m: _decade(int(m[1]), language), text)
    text = _FRACTION.sub(lambda m: _fraction(m, language), text)
    text = _NUMBER_SLASH.sub(f" {names['slash']} ", text)
    text = _TIMES.sub(f" {names['times']} ", text)
    return _FOLD.sub(rf"\1 {names['times']} ", text)


def speak_numbers(text: str, language: str) -> str:
    """Return *text* with every number that is left as words."""
    dot = " titik " if language == "id" else " point "
    text = _VERSION.sub(lambda m: _version(m, dot, language), text)
    return _PLAIN.sub(lambda m: f" {_bare(m, language)} ", text)


def speak_symbols(text: str, language: str) -> str:
    """Return *text* with signs as words, as far as they are said at all."""
    names = SIGNS[language]
    text = _GRADE.sub(
        lambda m: f"{m[1]} {names['plus' if m[2] == '+' else 'minus']}", text
    )
    for sign, name in (
        ("&", "and"), ("%", "percent"), ("+", "plus"), ("=", "equals"),
        ("\u2265", "atleast"), ("\u2264", "atmost"), ("\u00b1", "plusminus"),
        ("\u00d7", "times"), ("\u00f7", "divided"),
    ):  # fmt: skip
        text = text.replace(sign, f" {names[name]} ")
    return _SLASH.sub(lambda m: _slash(m, language), text)


def speak_inner_dots(text: str, language: str) -> str:
    """Return *text* with dots inside words said; a lacking space is put back."""

    def dot(match: re.Match[str]) -> str:
        around = match.string[match.start() - 1], match.string[match.end()]
        if around[0].islower() and around[1].isupper():
            return ". "
        return f" {SIGNS[language]['dot']} "

    return _INNER_DOT.sub(dot, text)


def mark_amounts(text: str, language: str) -> str:
    """Return *text* with `~5`, `< 5`, `> 5` and `#5` as words."""
    names = SIGNS[language]
    for sign, name in (
        ("~", "about"), ("\u2248", "about"), ("<=", "atmost"), (">=", "atleast"),
        ("<", "less"), (">", "more"), ("#", "number"),
    ):  # fmt: skip
        if sign in text:
            text = re.sub(rf"{sign} ?(?=(?:Rp ?|\$)?\d)", f" {names[name]} ", text)
    return text


def number(written: str, language: str) -> str:
    """Return the words of `5.000.000`, `5,000,000`, `1.234,56`, `2,5` or `007`."""
    if _THOUSANDS.fullmatch(written):
        return integer(re.sub("[.,]", "", written), language)
    cut = max(written.rfind("."), written.rfind(","))
    if cut < 0:
        return integer(written, language)
    whole = re.sub("[.,]", "", written[:cut])
    return decimal(whole, written[cut + 1 :], language)


def _price(match: re.Match[str], language: str) -> str:
    groups = match.groupdict()
    unit = _CURRENCIES[groups["unit"].upper().rstrip(".")]
    scale = {"m": "million", "b": "billion"}.get(
        (groups.get("scale") or "").lower(), groups.get("scale")
    )
    first, last = groups["first"], groups.get("last")
    sign = f"{SIGNS[language]['minus']} " if groups.get("sign") else ""
    if not scale and not last:
        cents = re.fullmatch(r"(.*\d)[.,](\d\d)", first)
        if cents:
            return sign + _with_cents(cents[1], cents[2], unit, language)
    words = number(first, language)
    if last:
        words = f"{words} {SIGNS[language]['to']} {number(last, language)}"
    if scale:
        words = f"{words} {_SCALES[scale.lower()][language == 'en']}"
    single = first == "1" and not last and not scale
    return f"{sign}{words} {_currency(unit, language, single=single)}{_gap(match)}"


def _gap(match: re.Match[str]) -> str:
    following = match.string[match.end() : match.end() + 1]
    return " " if following.isalnum() else ""


def _with_cents(whole: str, cents: str, unit: tuple[str, ...], language: str) -> str:
    words = (
        f"{number(whole, language)} {_currency(unit, language, single=whole == '1')}"
    )
    if int(cents) == 0:
        return words
    part = cardinal(int(cents), language)
    if language == "id":
        return f"{words} {part} {unit[3]}"
    name = unit[4] if cents != "01" else {"cents": "cent"}.get(unit[4], unit[3])
    return f"{words} and {part} {name}"


def _currency(unit: tuple[str, ...], language: str, *, single: bool) -> str:
    if language == "id":
        return unit[0]
    return unit[1] if single else unit[2]


def _measure(match: re.Match[str], language: str) -> str:
    amount, space, unit, slash = match.groups()
    if space and unit in {"m", "g", "l", "L", "h", "V", "W"} and _starts_name(match):
        return match.group()
    if not space and unit in {"th"}:
        return match.group()
    words = (
        f"{number(amount, language)} {unit_words(unit, language, single=amount == '1')}"
    )
    return f"{words} per " if slash else words


def _starts_name(match: re.Match[str]) -> bool:
    """Tell `5 W. Street` and `2 L-shaped` from a measure."""
    return match.string[match.end() : match.end() + 1] in {"-", "."} and (
        match.string[match.end() + 1 : match.end() + 2] not in {"", " "}
    )


def _scaled(amount: str, scale: str, language: str) -> str:
    return f"{number(amount, language)} {_SCALES[scale.lower()][language == 'en']}"


def _decade(number_: int, language: str) -> str:
    if language == "id":
        return f"{cardinal(number_, language)}an"
    words = year(number_, language)
    return f"{words[:-1]}ies" if words.endswith("y") else f"{words}s"


def _fraction(match: re.Match[str], language: str) -> str:
    whole, top, bottom = match[1], int(match[2]), int(match[3])
    if (top, bottom) == (24, 7):
        joint = " jam tujuh hari" if language == "id" else " seven"
        return cardinal(24, language) + joint
    if not (0 < top < bottom <= 10):
        return match.group()
    if language == "id":
        part = _SPOKEN_ID.get(bottom, f"per{cardinal(bottom, language)}")
        count = "se" if top == 1 else f"{cardinal(top, language)} "
        words = "setengah" if (top, bottom) == (1, 2) else f"{count}{part}"
        return f"{cardinal(int(whole), language)} {words}" if whole else words
    name = _EN_PARTS.get(bottom) or ordinal(bottom, language)
    words = f"one {name}" if top > 1 or not whole else f"a {name}"
    if top > 1:
        words = f"{cardinal(top, language)} {name}s"
    return f"{cardinal(int(whole), language)} and {words}" if whole else words


def _version(match: re.Match[str], dot: str, language: str) -> str:
    if _THOUSANDS.fullmatch(match.group()):
        return match.group()
    return dot.join(integer(part, language) for part in match.group().split("."))


def _bare(match: re.Match[str], language: str) -> str:
    written = match.group()
    if language == "en" and len(written) == 4 and _is_year(match):
        return year(int(written), language)
    return number(written, language)


def _is_year(match: re.Match[str]) -> bool:
    written = match.group()
    if not (written.isdigit() and 1100 <= int(written) <= 2099):
        return False
    following = re.compile(r" ([a-z]{4,})").match(match.string, match.end())
    # Things are counted, `2050 students`; joints that end alike are not things.
    counted = following and re.search(r"(?<!u)s$", following[1])
    return not counted or (following is not None and following[1] in ALL_STOP_WORDS)


def _slash(match: re.Match[str], language: str) -> str:
    text = match.string
    start, end = match.start(), match.end()
    names = SIGNS[language]
    left = _run(text, start - 1, -1)
    right = _run(text, end, 1)
    if left.lower() in {"dan", "and"}:
        return " "
    if right.lower() in _RATES:
        return f" {names['per']} "
    if left.islower() and right.islower() and min(len(left), len(right)) > 1:
        return f" {names['or']} "
    return " "


def _run(text: str, position: int, step: int) -> str:
    """Return the word that touches *position*, at most 24 characters of it."""
    end = position
    while 0 <= end < len(text) and abs(end - position) < 24 and text[end].isalnum():
        end += step
    return text[position:end] if step > 0 else text[end + 1 : position + 1]
