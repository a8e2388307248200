"""Written answers as words that a voice can read, in Indonesian and English."""

from __future__ import annotations

import re
import unicodedata

from language.spoken_acronyms import speak_acronyms, speak_romans
from language.spoken_contacts import speak_addresses, speak_phones
from language.spoken_markup import plain_text
from language.spoken_terms import speak_abbreviations
from language.spoken_times import speak_clocks, speak_dates
from language.spoken_values import (
    mark_amounts,
    speak_inner_dots,
    speak_numbers,
    speak_prices,
    speak_quantities,
    speak_symbols,
)

# One round is enough for what people write; odd marks may hide a number from it.
_MOST_ROUNDS = 6
_SPACES = re.compile(r"\s+")
_QUOTES = re.compile("[\u2018\u2019\u02bc`\u00b4]")
# Spaces are read from the first of a run: from each of them it would take a square.
_GAP = r"(?<!\s)\s++"
_PARENTHESIS = re.compile(rf"(?:{_GAP})?[()\[\]{{}}]\s*")
_LONG_DASH = re.compile(
    rf"(?:{_GAP})?[\u2013\u2014\u2015\u2192\u21d2|]\s*|{_GAP}-++\s+|-{{2,}}"
)
_LOOSE_HYPHEN = re.compile(r"(?<![^\W\d_])-|-(?![^\W\d_])")
_LOOSE_APOSTROPHE = re.compile(r"(?<![^\W\d_])'|'(?![^\W\d_])")
_SPACE_BEFORE_MARK = re.compile(rf"{_GAP}(?=[,.;:!?])")
_MARKS = re.compile(r"[,.;:!?](?:\s*[,.;:!?])+")
_LEADING = re.compile(r"^[\s,.;:!?'-]+")
_GLUED_MARK = re.compile(r"(?<=[,.;:!?])(?=[^\W\d_])")
_SPELT_HYPHEN = re.compile(r"(?<=\b[A-Z])-|(?<=[A-Z] [A-Z])-|-(?=[A-Z]\b)")
_KEPT = frozenset(" ,.;:!?'-")


def to_spoken(text: str, language: str) -> str:
    """
    Return *text* as a voice of *language* should read it: words and plain marks only.

    Markup, citation marks, emoji and web addresses go (the text of a link stays);
    numbers, dates, times, prices, units, abbreviations and acronyms become words of
    *language* (`id` or `en`; anything else is read as English). No digit is left, and
    the result of a second call is the first one's. Time is linear in the text.
    """
    chosen = "id" if language.lower().split("-")[0] in {"id", "ms"} else "en"
    for _ in range(_MOST_ROUNDS):
        spoken = _speak(text, chosen)
        if spoken == text:
            break
        text = spoken
    return text


def _speak(text: str, language: str) -> str:
    text = _SPACES.sub(" ", _QUOTES.sub("'", plain_text(text)))
    text = _ascii_digits(text)
    text = speak_addresses(text, language)
    text = mark_amounts(text, language)
    text = speak_dates(text, language)
    text = speak_clocks(text, language)
    text = speak_phones(text, language)
    text = speak_prices(text, language)
    text = speak_abbreviations(text, language)
    text = speak_quantities(text, language)
    text = speak_numbers(text, language)
    text = speak_symbols(text, language)
    text = speak_romans(text, language)
    text = speak_inner_dots(text, language)
    text = speak_acronyms(text, language)
    return _tidy(text)


def _ascii_digits(text: str) -> str:
    """Return *text* with digits in ASCII and without other characters that count."""
    if text.isascii():
        return text
    return "".join(
        str(unicodedata.decimal(one, ""))[:1]
        if one.isnumeric() and not one.isalpha()
        else one
        for one in text
    )


def _tidy(text: str) -> str:
    """Return *text* with the marks a voice needs and no others."""
    text = _LONG_DASH.sub(", ", _PARENTHESIS.sub(", ", text))
    text = "".join(one if one in _KEPT or _is_letter(one) else " " for one in text)
    text = _LOOSE_APOSTROPHE.sub(" ", _SPELT_HYPHEN.sub(" ", text))
    text = _LOOSE_HYPHEN.sub(" ", text)
    text = _SPACES.sub(" ", text)
    text = _MARKS.sub(_strongest, _SPACE_BEFORE_MARK.sub("", text))
    text = _GLUED_MARK.sub(" ", text)
    return _LEADING.sub("", text).rstrip(" ,;:'-")


def _is_letter(character: str) -> bool:
    return character.isalpha() and not character.isdigit()


def _strongest(match: re.Match[str]) -> str:
    """Return the one mark of a run that says most."""
    return next(mark for mark in "?!.;:," if mark in match.group())
