"""Sentences of English and Indonesian prose, lists and table rows, with offsets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from language.stopwords import ALL_STOP_WORDS


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence; `text` is `source[start:end]`, without bullet and outer spaces."""

    start: int
    end: int
    text: str


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


# Never the end of a sentence: something always follows.
_OPEN_ABBREVIATIONS: Final = _words(
    """
    dr drs dra dr prof ir jl jln gg rp hlm tgl bpk sdr sdri yth kab kec kel prov kp
    telp tlp tel fax mr mrs ms st vs e.g i.e cf fig eq approx dept gen col capt lt sgt
    rev hon mt messrs mme gov sen rep pres univ fak bag kep per a.n u.p d.a s.d d/a
    c.q cq q.v viz al op cit ibid tsb spt misal ca est gov atty
    """
)
# These abbreviate in front of a number only: `no. 5`, but `the answer is no.`
_BEFORE_NUMBER: Final = _words(
    """
    no nos nr nomor hal p pp vol ch sec art ps pasal bab jil ed cet vols par rt rw
    jan feb mar apr jun jul aug agu agt sep sept oct okt nov dec des
    """
)
# These may close a sentence: they do when an ordinary opening word follows.
_CLOSING_ABBREVIATIONS: Final = _words(
    """
    etc dll dsb dkk dst inc ltd co corp jr sr tbk a.m p.m u.s u.k u.n u.s.a d.c b.c
    a.d ph.d m.a m.sc b.sc b.a m.d swt saw as ra sm
    """
)
_SHORT_ORDINAL = 2
_LIKELY_WRAPPED_AT = 60
_PLAIN_WORD_LENGTH = 4

FOOTNOTE: Final = (
    r"\[(?:\d{1,3}|[a-z]|(?:nb|note|catatan) \d{1,3}|citation needed|butuh rujukan)\]"
)
"""A mark that an encyclopaedia or a paper sets behind a sentence."""

# Looking behind keeps it linear: a run of marks is tried once, not from each mark.
_STOP_MARKS = re.compile(
    rf"(?<![.!?…])[.!?…]++[\"'\u201d\u2019»)\]]*+(?:{FOOTNOTE})*+(?=\s)"
)
_BULLET = re.compile(r"[-*+•▪◦‣\u2013\u2014·]\s+")
_ITEM = re.compile(r"(?:[-*+•▪◦‣\u2013\u2014·#]|\(?(?:\d{1,3}|[a-zA-Z])[.)])\s")
_LAST_TOKEN_LIMIT = 32
_OPENING = "\"'([«\u201c\u2018"


def split_sentences(text: str) -> list[Sentence]:
    """
    Return the sentences of *text* in order.

    A list item and a table row (`column: value; column: value`) are one sentence a
    line; lines that only wrap a paragraph are joined. Time is linear in the text.
    """
    return [
        sentence
        for start, end in _iter_blocks(text)
        for sentence in _iter_block_sentences(text, start, end)
    ]


def is_table_row(line: str) -> bool:
    """Tell whether *line* has the shape `column: value; column: value`."""
    cells = line.split("; ")
    if len(cells) < 2 or ": " not in cells[0]:
        return False
    return sum(": " in cell for cell in cells) * 2 >= len(cells)


def _iter_blocks(text: str) -> Iterator[tuple[int, int]]:
    """Yield the extents of paragraphs, items and rows."""
    block_start = block_end = position = 0
    previous = ""
    for line in text.splitlines(keepends=True):
        if not (previous and _continues(previous, line)):
            if previous:
                yield block_start, block_end
            block_start = position
        position += len(line)
        block_end = position
        previous = line.strip()
    if previous:
        yield block_start, block_end


def _continues(previous: str, line: str) -> bool:
    """Tell whether *line* goes on with the sentence of the line above it."""
    stripped = line.strip()
    if not stripped or _ITEM.match(stripped) or is_table_row(stripped):
        return False
    if is_table_row(previous) or previous.endswith((".", "!", "?", ":", ";", "…")):
        # A wrapped line may end with an abbreviation, but then it is a long one.
        return len(previous) >= _LIKELY_WRAPPED_AT and not is_table_row(previous)
    return stripped[0].islower() or len(previous) >= _LIKELY_WRAPPED_AT


def _iter_block_sentences(text: str, start: int, end: int) -> Iterator[Sentence]:
    block = text[start:end]
    begin = 0
    if not is_table_row(block.strip()):
        for match in _STOP_MARKS.finditer(block):
            if _ends_sentence(block, begin, match):
                yield from _trimmed(text, start + begin, start + match.end())
                begin = match.end()
    yield from _trimmed(text, start + begin, end)


def _trimmed(text: str, start: int, end: int) -> Iterator[Sentence]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    bullet = _BULLET.match(text, start, end)
    if bullet:
        start = bullet.end()
    if any(character.isalnum() for character in text[start:end]):
        yield Sentence(start, end, text[start:end])


def _ends_sentence(block: str, begin: int, match: re.Match[str]) -> bool:
    following = _next_word(block, match.end())
    if not following:
        return True
    marks = match.group()
    if marks[0] in "!?":
        return not (len(marks) > 1 and following[0].islower())
    if marks.startswith(("..", "…")):
        return not following[0].islower()
    token = _last_token(block, begin, match.start())
    before = match.start() - len(token)
    # A look at the few characters that matter: slicing more would cost a square.
    opens = before - begin < _LAST_TOKEN_LIMIT and not block[begin:before].strip()
    return _stop_ends_sentence(token, following, opens=opens)


def _stop_ends_sentence(token: str, following: str, *, opens: bool) -> bool:
    """Decide on a full stop after *token*; *opens*: it begins the sentence."""
    word = token.lower().strip(_OPENING)
    if not word:
        return not following[0].islower()
    if opens and ((word.isdigit() and len(word) <= _SHORT_ORDINAL) or len(word) == 1):
        return False
    if word in _OPEN_ABBREVIATIONS or word in _BEFORE_NUMBER:
        return word in _BEFORE_NUMBER and not following[0].isdigit()
    if _is_abbreviation(token, word):
        return following[0].isupper() and following.lower() in ALL_STOP_WORDS
    if following[0].islower():
        return word.isalpha() and len(word) >= _PLAIN_WORD_LENGTH
    return True


def _is_abbreviation(token: str, word: str) -> bool:
    initial = len(word) == 1 and token[-1:].isupper()
    dotted = "." in word and not any(character.isdigit() for character in word)
    return initial or dotted or word in _CLOSING_ABBREVIATIONS


def _last_token(block: str, begin: int, end: int) -> str:
    start = end
    while start > begin and end - start < _LAST_TOKEN_LIMIT:
        if block[start - 1].isspace():
            break
        start -= 1
    return block[start:end]


def _next_word(block: str, start: int) -> str:
    """Return the word after *start* without its opening quote; empty at the end."""
    while start < len(block) and (block[start].isspace() or block[start] in _OPENING):
        start += 1
    end = start
    while end < len(block) and block[end].isalnum() and end - start < _LAST_TOKEN_LIMIT:
        end += 1
    return block[start : max(end, min(start + 1, len(block)))]
