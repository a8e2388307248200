"""
Trigram models of what is asked about documents, mixed with common English.

Interpolated Witten-Bell estimates (Witten and Bell, "The zero-frequency problem",
1991); written as an ARPA file with back-off weights of the mixture.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np

START, END = "<s>", "</s>"
DOCUMENT_SHARE = 0.7
"""Weight of the documents in the mixture; best of those measured."""
MAX_WORDS = 12_000
"""Commonest words of the documents that can be recognised."""
_ENGLISH_FILE = Path(__file__).parent / "data" / "english.npz"
_LOG_STEP = 0.03
# Words that general English does not know share this much of it.
_UNKNOWN_MASS = 0.01
_NEVER = -99.0

Row = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class CommonEnglish:
    """Probabilities of common words, and of one after another."""

    unigrams: Row
    bigrams: Mapping[str, Row]

    @classmethod
    def load(cls, path: Path = _ENGLISH_FILE) -> CommonEnglish:
        """Read the file that `bench/prune_english.py` makes."""
        with np.load(path) as data:
            words = data["words"].tobytes().decode().split("\n")
            single = 10.0 ** (-_LOG_STEP * data["unigrams"].astype(float))
            pairs = 10.0 ** (-_LOG_STEP * data["bigrams"].astype(float))
            first, second = data["first"].tolist(), data["second"].tolist()
        unigrams = {
            word: float(value)
            for word, value in zip(words, single, strict=True)
            if word != START
        }
        total = sum(unigrams.values())
        bigrams: dict[str, dict[str, float]] = defaultdict(dict)
        for one, two, value in zip(first, second, pairs.tolist(), strict=True):
            bigrams[words[one]][words[two]] = value
        return cls(
            {word: value / total for word, value in unigrams.items()},
            {word: _bounded(row) for word, row in bigrams.items()},
        )

    @classmethod
    def none(cls) -> CommonEnglish:
        """Return a model that knows no words, for other languages."""
        return cls({}, {})


def _bounded(row: dict[str, float]) -> dict[str, float]:
    total = sum(row.values())
    # Rounding may leave nothing for the words that are not listed.
    return {word: value * min(1.0, 0.95 / total) for word, value in row.items()}


class MixedModel:
    """
    A trigram model of sentences, mixed with common English.

    Args:
        sentences: Words of each, with the number of times it counts.
        common: General English, or `CommonEnglish.none()`.
    """

    def __init__(
        self,
        sentences: Iterable[tuple[Sequence[str], int]],
        *,
        common: CommonEnglish,
        share: float = DOCUMENT_SHARE,
    ) -> None:
        self._common = common
        self._share = share if common.unigrams else 1.0
        listed = [(tuple(words), times) for words, times in sentences]
        counts: Counter[str] = Counter()
        for words, times in listed:
            for word in words:
                counts[word] += times
        known = {word for word, _ in counts.most_common(MAX_WORDS)}
        self._one: Counter[str] = Counter()
        self._two: dict[str, Counter[str]] = defaultdict(Counter)
        self._three: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        for words, times in listed:
            for run in _known_runs(words, known):
                self._count(run, times)
        self.words = sorted((known | set(common.unigrams)) - {START, END})
        """Every word of the model."""
        self._unigrams = self._mix_unigrams()

    def write_arpa(self, out: TextIO) -> None:
        """Write the model as an ARPA file."""
        bigrams = {first: self._mix_bigrams(first) for first in self._histories()}
        trigrams = {pair: self._mix_trigrams(pair, bigrams) for pair in self._three}
        out.write(
            f"\\data\\\nngram 1={len(self._unigrams) + 1}\n"
            f"ngram 2={sum(map(len, bigrams.values()))}\n"
            f"ngram 3={sum(map(len, trigrams.values()))}\n\n\\1-grams:\n"
        )
        out.write(f"{_NEVER} {START} {_back_off(bigrams[START], self._unigrams)}\n")
        for word in sorted(self._unigrams):
            weight = _back_off(bigrams.get(word, {}), self._unigrams)
            out.write(f"{_log(self._unigrams[word])} {word} {weight}\n")
        lower = {
            second: _Lower(bigrams.get(second), self._unigrams)
            for second in {pair[1] for pair in trigrams}
        }
        out.write("\n\\2-grams:\n")
        for first in sorted(bigrams):
            row = bigrams[first]
            for second in sorted(row):
                longer = trigrams.get((first, second))
                weight = _back_off(longer, lower[second]) if longer else 0.0
                out.write(f"{_log(row[second])} {first} {second} {weight}\n")
        out.write("\n\\3-grams:\n")
        for first, second in sorted(trigrams):
            row = trigrams[first, second]
            for third in sorted(row):
                out.write(f"{_log(row[third])} {first} {second} {third}\n")
        out.write("\n\\end\\\n")

    def _count(self, words: Sequence[str], times: int) -> None:
        run = [START, *words, END]
        for at in range(1, len(run)):
            self._one[run[at]] += times
            self._two[run[at - 1]][run[at]] += times
            if at > 1:
                self._three[run[at - 2], run[at - 1]][run[at]] += times

    def _histories(self) -> list[str]:
        known = set(self.words)
        listed = {word for word in self._common.bigrams if word in known}
        return sorted(listed | set(self._two) | {START})

    def _mix_unigrams(self) -> dict[str, float]:
        total, kinds = sum(self._one.values()), len(self._one)
        even = 1.0 / (len(self.words) + 1)
        missing = [w for w in (*self.words, END) if w not in self._common.unigrams]
        rest = _UNKNOWN_MASS if missing else 0.0
        mixed = {}
        for word in (*self.words, END):
            domain = (self._one[word] + kinds * even) / max(1, total + kinds)
            general = self._common.unigrams.get(word, 0.0) * (1 - rest)
            if word not in self._common.unigrams:
                general = rest / len(missing)
            mixed[word] = self._share * domain + (1 - self._share) * general
        scale = sum(mixed.values())
        return {word: value / scale for word, value in mixed.items()}

    def _domain_bigram(self, first: str, second: str) -> float:
        row = self._two.get(first)
        lower = self._unigrams[second]
        if not row:
            return lower
        kinds, total = len(row), row.total()
        return (row[second] + kinds * lower) / (total + kinds)

    def _general(self, first: str, second: str, *, left: float) -> float:
        row = self._common.bigrams.get(first, {})
        found = row.get(second)
        return left * self._unigrams[second] if found is None else found

    def _left(self, first: str) -> float:
        row = self._common.bigrams.get(first)
        if not row:
            return 1.0
        seen = sum(self._unigrams.get(word, 0.0) for word in row)
        return (1 - sum(row.values())) / max(1e-6, 1 - seen)

    def _mix_bigrams(self, first: str) -> dict[str, float]:
        left = self._left(first)
        listed = set(self._common.bigrams.get(first, ())) | set(
            self._two.get(first, ())
        )
        return {
            second: self._share * self._domain_bigram(first, second)
            + (1 - self._share) * self._general(first, second, left=left)
            for second in listed
            if second in self._unigrams
        }

    def _mix_trigrams(
        self, pair: tuple[str, str], bigrams: Mapping[str, Row]
    ) -> dict[str, float]:
        row = self._three[pair]
        kinds, total = len(row), row.total()
        lower = bigrams[pair[1]]
        # Every trigram's last two words are a bigram of the documents.
        return {
            third: self._share * (count + kinds * lower[third]) / (total + kinds)
            + (1 - self._share) * lower[third]
            for third, count in row.items()
        }


class _Lower(Mapping[str, float]):
    """Probabilities after the shorter history; backed off where not listed."""

    def __init__(self, row: Row | None, unigrams: Row) -> None:
        self._row = row or {}
        self._unigrams = unigrams
        self._weight = 10.0 ** _back_off(self._row, unigrams)

    def __getitem__(self, word: str) -> float:
        found = self._row.get(word)
        return self._weight * self._unigrams[word] if found is None else found

    def __iter__(self) -> Iterator[str]:
        return iter(self._unigrams)

    def __len__(self) -> int:
        return len(self._unigrams)


def _back_off(row: Row, lower: Mapping[str, float]) -> float:
    """Return the logarithm of what *row* leaves over what its words have in *lower*."""
    if not row:
        return 0.0
    left = 1.0 - sum(row.values())
    free = 1.0 - sum(lower[word] for word in row)
    return _log(max(left, 1e-9) / max(free, 1e-9))


def _log(value: float) -> float:
    return round(math.log10(max(value, 1e-30)), 4)


def _known_runs(words: Sequence[str], known: set[str]) -> Iterator[list[str]]:
    run: list[str] = []
    for word in words:
        if word in known:
            run.append(word)
        elif run:
            yield run
            run = []
    if run:
        yield run
