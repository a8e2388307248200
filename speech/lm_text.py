"""Sentences of documents as the words people say, for the recogniser's models."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field


def word_list(listed: str) -> tuple[str, ...]:
    """Return the words of a table in this room."""
    return tuple(listed.split())


_TOKEN = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)?|\d+")
_ACRONYM = re.compile(r"[A-Z]{2,6}")
_APOSTROPHES = str.maketrans({chr(0x2019): "'", chr(0x2018): "'"})

MAX_SENTENCE_WORDS = 60
MAX_SENTENCES = 20_000

_ENGLISH = frozenset(
    word_list(
        """
    the of and to in is are for on at with by from this that it be as or an not can
    must may will you your we our have has if when which who what how all any each more
    before after until during without its their was were do does"""
    )
)
_INDONESIAN = frozenset(
    word_list(
        """
    yang dan di ke dari untuk pada dengan adalah ini itu atau tidak dapat harus akan
    oleh dalam bagi setiap semua jika bila kapan siapa apa bagaimana berapa sebelum
    setelah sampai selama tanpa anda kami kita juga sudah belum ada paling hanya
    bisa saya mana sebagai para serta"""
    )
)

_ONES_EN = word_list(
    """
    zero one two three four five six seven eight nine ten eleven twelve
thirteen fourteen fifteen sixteen seventeen eighteen nineteen"""
)
_TENS_EN = word_list("zero ten twenty thirty forty fifty sixty seventy eighty ninety")
_ONES_ID = word_list("nol satu dua tiga empat lima enam tujuh delapan sembilan")


@dataclass(slots=True)
class Corpus:
    """
    What documents say in one language.

    Attributes:
        sentences: Lower-case words as spoken, numbers written out.
        acronyms: Words that were written in capitals.
        names: Runs of words that another language's sentences write with capitals.
    """

    sentences: list[list[str]] = field(default_factory=list)
    acronyms: set[str] = field(default_factory=set)
    names: list[list[str]] = field(default_factory=list)

    @property
    def words(self) -> int:
        """Number of running words."""
        return sum(map(len, self.sentences))


def read_corpora(texts: Iterable[str]) -> dict[str, Corpus]:
    """Return the sentences of *texts* by language, `en` and `id`."""
    corpora = {"en": Corpus(), "id": Corpus()}
    seen: set[str] = set()
    for text in texts:
        if len(seen) >= MAX_SENTENCES:
            break
        plain = text.translate(_APOSTROPHES)
        tokens = _TOKEN.findall(plain)[:MAX_SENTENCE_WORDS]
        if not tokens or plain in seen:
            continue
        seen.add(plain)
        language = guess_language(token.lower() for token in tokens)
        shouted = all(token.isupper() or token.isdigit() for token in tokens)
        for name, corpus in corpora.items():
            if not shouted:
                corpus.acronyms |= {
                    token.lower() for token in tokens if _ACRONYM.fullmatch(token)
                }
            if name == language:
                corpus.sentences.append(spoken_words(tokens, language=name))
            else:
                corpus.names += _names(tokens, language=name)
    return corpora


def names_of(text: str) -> list[str]:
    """Return the names in a sentence as written: capitals after its first word."""
    tokens = _TOKEN.findall(text.translate(_APOSTROPHES))[:MAX_SENTENCE_WORDS]
    runs = [" ".join(run) for run in _capital_runs(tokens)]
    return [run for run in runs if not run.isdigit()]


def guess_language(words: Iterable[str]) -> str:
    """Return `en` or `id` by the function words; `en` where there are none."""
    balance = 0
    for word in words:
        balance += (word in _ENGLISH) - (word in _INDONESIAN)
    return "id" if balance < 0 else "en"


def spoken_words(tokens: Iterable[str], *, language: str) -> list[str]:
    """Return *tokens* in lower case, numbers as words."""
    words: list[str] = []
    for token in tokens:
        if token.isdigit():
            words += number_words(token, language=language)
        else:
            words.append(token.lower())
    return words


def number_words(digits: str, *, language: str) -> list[str]:
    """
    Return how *digits* are said; years of English in pairs, long runs digit by digit.

    `2026` is `twenty twenty six`, `dua ribu dua puluh enam`.
    """
    value = int(digits)
    if digits.startswith("0") or len(digits) > 4:
        ones = _ONES_ID if language == "id" else _ONES_EN
        return [ones[int(digit)] for digit in digits]
    return _number_id(value) if language == "id" else _number_en(value)


def _number_en(value: int) -> list[str]:
    if value < 20:
        return [_ONES_EN[value]]
    if value < 100:
        tens, ones = divmod(value, 10)
        return [_TENS_EN[tens], *([_ONES_EN[ones]] if ones else [])]
    if 1100 <= value < 2000 or 2010 <= value < 2100:
        high, low = divmod(value, 100)
        return [*_number_en(high), *(_number_en(low) if low else ["hundred"])]
    unit, name = (1000, "thousand") if value >= 1000 else (100, "hundred")
    high, low = divmod(value, unit)
    return [*_number_en(high), name, *(_number_en(low) if low else [])]


def _number_id(value: int) -> list[str]:
    if value < 10:
        return [_ONES_ID[value]]
    if value < 20:
        return {10: ["sepuluh"], 11: ["sebelas"]}.get(
            value, [_ONES_ID[value - 10], "belas"]
        )
    unit, name = next(
        pair
        for pair in ((1000, "ribu"), (100, "ratus"), (10, "puluh"))
        if value >= pair[0]
    )
    high, low = divmod(value, unit)
    head = [f"se{name}"] if high == 1 else [*_number_id(high), name]
    return [*head, *(_number_id(low) if low else [])]


def _names(tokens: list[str], *, language: str) -> list[list[str]]:
    return [spoken_words(run, language=language) for run in _capital_runs(tokens)]


def _capital_runs(tokens: list[str]) -> list[list[str]]:
    """Return runs of up to four capitalised words after the first of a sentence."""
    runs: list[list[str]] = [[]]
    for token in tokens[1:]:
        if token[0].isupper():
            runs[-1].append(token)
        elif runs[-1]:
            runs.append([])
    return [run[:4] for run in runs if run]
