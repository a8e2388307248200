"""Number words of English and Indonesian: cardinals, ordinals, years, digits."""

from __future__ import annotations

from typing import Final

LIMIT: Final = 10**15
"""Larger whole numbers are read digit by digit."""


def _listed(words: str) -> tuple[str, ...]:
    return tuple(words.split())


_ID_ONES: Final = _listed(
    """
    nol satu dua tiga empat lima enam tujuh delapan sembilan sepuluh sebelas
    """
)
_EN_ONES: Final = _listed(
    """
    zero one two three four five six seven eight nine ten eleven twelve thirteen
    fourteen fifteen sixteen seventeen eighteen nineteen
    """
)
_EN_TENS: Final = _listed(
    """
    . . twenty thirty forty fifty sixty seventy eighty ninety
    """
)
_SCALES: Final = {
    "en": (
        (10**12, "trillion"),
        (10**9, "billion"),
        (10**6, "million"),
        (10**3, "thousand"),
    ),
    "id": ((10**12, "triliun"), (10**9, "miliar"), (10**6, "juta"), (10**3, "ribu")),
}
_EN_ORDINALS: Final = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_POINT: Final = {"en": "point", "id": "koma"}
_MINUS: Final = {"en": "minus", "id": "minus"}
_FIRST_YEAR, _LAST_YEAR = 1100, 2099


def cardinal(number: int, language: str) -> str:
    """Return the words of *number*: `dua puluh satu`, `twenty-one`."""
    if number < 0:
        return f"{_MINUS[language]} {cardinal(-number, language)}"
    if number >= LIMIT:
        return digits(str(number), language)
    words: list[str] = []
    rest = number
    for scale, name in _SCALES[language]:
        count, rest = divmod(rest, scale)
        if count == 1 and scale == 1000 and language == "id":
            words.append("seribu")
        elif count:
            words += [_below_thousand(count, language), name]
    if rest or not words:
        if words and rest < 100 and language == "en":
            words.append("and")
        words.append(_below_thousand(rest, language))
    return " ".join(words)


def ordinal(number: int, language: str) -> str:
    """Return the words of a rank: `ketiga`, `twenty-third`; `pertama` for one."""
    if language == "id":
        return "pertama" if number == 1 else f"ke{cardinal(number, language)}"
    words = cardinal(number, language)
    cut = max(words.rfind(" "), words.rfind("-")) + 1
    last = words[cut:]
    if last.endswith("y"):
        return f"{words[:-1]}ieth"
    return words[:cut] + _EN_ORDINALS.get(last, f"{last}th")


def year(number: int, language: str) -> str:
    """Return the words of a year: `nineteen sixty-eight`, `dua ribu dua puluh enam`."""
    century, rest = divmod(number, 100)
    plain = not _FIRST_YEAR <= number <= _LAST_YEAR or 2000 <= number < 2010
    if language == "id" or plain:
        return cardinal(number, language).replace("thousand and ", "thousand ")
    if rest == 0:
        return f"{cardinal(century, language)} hundred"
    low = f"oh {_EN_ONES[rest]}" if rest < 10 else _below_thousand(rest, language)
    return f"{cardinal(century, language)} {low}"


def decimal(whole: str, fraction: str, language: str) -> str:
    """Return the words of a number with decimals; both parts are ASCII digits."""
    return f"{integer(whole, language)} {_POINT[language]} {digits(fraction, language)}"


def integer(written: str, language: str) -> str:
    """Return the words of ASCII digits; a leading zero or great length spells them."""
    if (len(written) > 1 and written[0] == "0") or len(written) > 15:
        return digits(written, language)
    return cardinal(int(written), language)


def digits(written: str, language: str) -> str:
    """Return the digits of *written* one by one: `nol delapan satu`."""
    ones = _ID_ONES if language == "id" else _EN_ONES
    return " ".join(ones[int(digit)] for digit in written)


def _below_thousand(number: int, language: str) -> str:
    return _id_hundreds(number) if language == "id" else _en_hundreds(number)


def _id_hundreds(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    words = []
    if hundreds:
        words.append("seratus" if hundreds == 1 else f"{_ID_ONES[hundreds]} ratus")
    if rest or not hundreds:
        words.append(_id_tens(rest))
    return " ".join(words)


def _id_tens(number: int) -> str:
    if number < len(_ID_ONES):
        return _ID_ONES[number]
    tens, ones = divmod(number, 10)
    if tens == 1:
        return f"{_ID_ONES[ones]} belas"
    return f"{_ID_ONES[tens]} puluh" + (f" {_ID_ONES[ones]}" if ones else "")


def _en_hundreds(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    if not hundreds:
        return _en_tens(rest)
    words = f"{_EN_ONES[hundreds]} hundred"
    return f"{words} and {_en_tens(rest)}" if rest else words


def _en_tens(number: int) -> str:
    if number < len(_EN_ONES):
        return _EN_ONES[number]
    tens, ones = divmod(number, 10)
    return _EN_TENS[tens] + (f"-{_EN_ONES[ones]}" if ones else "")
