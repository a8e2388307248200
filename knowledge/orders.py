"""Sentences that give orders to a machine instead of telling a reader something."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from knowledge.order_words import SIGNS, Keys, compile_patterns, find_keys
from language.sentences import Sentence, split_sentences

_WORD = re.compile(r"\w+")
_KEY_LETTERS = 5
# Longer sentences are looked at in pieces: the patterns have gaps, which cost time.
_LONGEST = 2_000

# Cyrillic and Greek letters that look like Latin ones.
_LOOKALIKES = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u0501\u04bb\u0432"
    "\u043d\u043a\u043c\u0442\u03b1\u03b5\u03bf\u03c1\u03c5\u03c7\u03b9\u03ba\u03bd\u03c4",
    "aeopcyxijsdhbhkmtaeopuxikvt",
)
_SPACED = re.compile(r"\b(?:\w[ .\-_*]){3,}\w\b")
_SINGLE_LETTERS = re.compile(r"[ .\-_*]\w[ .\-_*]\w[ .\-_*]")
_SPACE_MARKS = re.compile(r"[ .\-_*]")
_LETTER_AND_DIGIT = re.compile(r"[0-9][a-z]|[a-z][0-9]")
_MIXED_WORD = re.compile(r"\b(?:[a-z]+[0-9]|[0-9]+[a-z])\w{0,30}")
_LEET = str.maketrans("013457", "oieast")
_QUOTED = re.compile(
    '["\u201c\u201e\u00ab\u2018\'][^"\u201d\u00bb\u2019]{5,300}["\u201d\u00bb\u2019\']'
)


def find_orders(text: str) -> tuple[str, ...]:
    """
    Return the sentences of *text*, verbatim, that give orders to a machine.

    English and Indonesian. What follows an order in the same paragraph belongs to it,
    unless the order is only quoted there, as in a text about such orders.
    """
    if not _matches(_plain(text), loose=True):
        return ()
    flagged: list[str] = []
    order: Sentence | None = None
    for sentence in split_sentences(text):
        if order is not None and "\n" in text[order.end : sentence.start]:
            order = None
        if is_order(sentence.text):
            flagged.append(sentence.text)
            if not _is_quoted(sentence.text):
                order = sentence
        elif order is not None:
            flagged.append(sentence.text)
            order = sentence
    return tuple(dict.fromkeys(flagged))


def is_order(sentence: str) -> bool:
    """Tell whether a sentence is an order to a machine by itself."""
    return _matches(_plain(sentence), loose=False)


def _is_quoted(sentence: str) -> bool:
    """Tell whether the order stands in quotation marks only, as when one reports it."""
    rest = _QUOTED.sub(" ", sentence)
    return rest != sentence and len(rest.split()) > 3 and not is_order(rest)


def _plain(text: str) -> str:
    """Return *text* as it is read: compatibility forms, look-alikes, spaced letters."""
    if text.isascii():
        text = text.lower()
    else:
        text = unicodedata.normalize("NFKC", text).casefold().translate(_LOOKALIKES)
        text = text.replace("\u2019", "'")
    text = " ".join(text.split())
    if _SINGLE_LETTERS.search(text):
        text = _SPACED.sub(lambda match: _SPACE_MARKS.sub("", match.group()), text)
    if _LETTER_AND_DIGIT.search(text):
        text = _MIXED_WORD.sub(lambda match: match.group().translate(_LEET), text)
    return text


def _matches(plain: str, *, loose: bool) -> bool:
    """Try the patterns whose key words *plain* holds; *loose*: it is many sentences."""
    words = {word[:_KEY_LETTERS] for word in _WORD.findall(plain)}
    signed = any(sign in plain for sign in SIGNS)
    found = find_keys(words)
    for keys, pattern in _patterns(loose=loose):
        if keys <= found and (keys or signed):
            for begin in range(0, len(plain), _LONGEST - 200):
                if pattern.search(plain, begin, begin + _LONGEST):
                    return True
    return False


@lru_cache(maxsize=2)
def _patterns(*, loose: bool) -> tuple[tuple[Keys, re.Pattern[str]], ...]:
    return compile_patterns(loose=loose)
