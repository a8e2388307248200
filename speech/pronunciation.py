"""
How words sound, in the phones of the English acoustic model (ARPAbet without stress).

Known English words come from the dictionary of the pocketsphinx package (CMUdict, BSD).
Others are asked of the espeak-ng program or, without it, guessed from their letters.
Indonesian is written as it sounds, so letters are enough.
"""

from __future__ import annotations

import itertools
import re
import subprocess
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

Phones = tuple[str, ...]

MAX_VARIANTS = 4
MAX_CHARS = 40
ESPEAK_SECONDS = 20.0
_ESPEAK_BATCH = 2_000
_ESPEAK_OPTIONS = ("-q", "-x", "--sep=_", "-v", "en-us", "--stdin")

_SOUNDS_FILE = Path(__file__).parent / "data" / "sounds.tsv"
_MARKS = re.compile(r"[',;=%|]")
# A letter's name is a syllable of its own: `sks`, `bpjs`.
_NO_VOWEL = re.compile(r"[bcdfghjklmnpqrstvwxz]{2,6}")


class Dictionary:
    """
    The sounds of English words.

    Args:
        lines: Lines of CMUdict: `word PH PH`, further variants as `word(2) PH PH`.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self._known: dict[str, list[Phones]] = {}
        for line in lines:
            word, *phones = line.split()
            self._known.setdefault(word.partition("(")[0], []).append(tuple(phones))

    @classmethod
    def load(cls, path: Path) -> Dictionary:
        """Read a dictionary file."""
        with path.open(encoding="utf-8", errors="replace") as lines:
            return cls(line for line in lines if line.strip())

    def __contains__(self, word: object) -> bool:
        return word in self._known

    def find(self, word: str) -> Sequence[Phones]:
        """Return the variants of *word*, none when it is unknown."""
        return self._known.get(word, ())


class Pronouncer:
    """
    Sounds of any word, at most four readings.

    Args:
        dictionary: English words that are known.
        sounds: Readings by table (`espeak`, `english`, `indonesian`, `name_en`,
            `name_id`) and spelling.
        espeak: Path of the espeak-ng program, or None.
    """

    def __init__(
        self,
        dictionary: Dictionary,
        sounds: Mapping[str, Mapping[str, Sequence[str]]],
        *,
        espeak: str | None = None,
    ) -> None:
        self._dictionary = dictionary
        self._sounds = sounds
        self._espeak = espeak

    @classmethod
    def load(cls, dictionary: Path, *, espeak: str | None = None) -> Pronouncer:
        """Read a dictionary file (CMUdict) and the tables of this room."""
        sounds: dict[str, dict[str, list[str]]] = {}
        for line in _SOUNDS_FILE.read_text(encoding="utf-8").splitlines():
            if not line.startswith("#"):
                table, spelling, readings = line.split("\t")
                sounds.setdefault(table, {})[spelling] = readings.split("|")
        return cls(Dictionary.load(dictionary), sounds, espeak=espeak)

    def english(
        self, words: Iterable[str], *, acronyms: Collection[str] = ()
    ) -> dict[str, list[Phones]]:
        """
        Return the readings of each word.

        Unknown words get the English one and, as they are often names, the Indonesian
        one; acronyms are also spelled.
        """
        wanted = [word for word in dict.fromkeys(words) if len(word) <= MAX_CHARS]
        unknown = [word for word in wanted if word not in self._dictionary]
        read = self._ask_espeak(unknown)
        found: dict[str, list[Phones]] = {}
        for word in wanted:
            variants = list(self._dictionary.find(word))
            if not variants:
                english = read.get(word) or self._by_letters(word)
                variants = [english, *self._by_indonesian_letters(word)[:2]]
            if word in acronyms:
                variants.insert(1, self._spell(word, "name_en"))
            found[word] = _clean(variants)
        return {word: variants for word, variants in found.items() if variants}

    def indonesian(
        self,
        words: Iterable[str],
        *,
        acronyms: Collection[str] = (),
        english: Collection[str] = (),
    ) -> dict[str, list[Phones]]:
        """Return the readings of each word; those in *english* also the English way."""
        found: dict[str, list[Phones]] = {}
        for word in dict.fromkeys(words):
            if len(word) > MAX_CHARS:
                continue
            variants = self._by_indonesian_letters(word)
            if word in acronyms or _NO_VOWEL.fullmatch(word):
                variants.insert(0, self._spell(word, "name_id"))
            if word in english:
                variants.insert(1, next(iter(self._dictionary.find(word)), ()))
            found[word] = _clean(variants)
        return {word: variants for word, variants in found.items() if variants}

    def _by_indonesian_letters(self, word: str) -> list[Phones]:
        table = self._sounds["indonesian"]
        letters = _split(word, table, longest=2)
        # One choice for each letter in the whole word keeps the readings few.
        several = [each for each in dict.fromkeys(letters) if len(table[each]) > 1]
        found = []
        for picks in itertools.product((0, 1), repeat=len(several)):
            chosen = dict(zip(several, picks, strict=True))
            phones = " ".join(table[each][chosen.get(each, 0)] for each in letters)
            found.append(tuple(phones.split()))
        return found[:MAX_VARIANTS]

    def _by_letters(self, word: str) -> Phones:
        table = self._sounds["english"]
        letters = _split(word, table, longest=4)
        if len(letters) > 2 and letters[-1] == "e":
            letters.pop()
        return tuple(" ".join(table[letter][0] for letter in letters).split())

    def _spell(self, word: str, table: str) -> Phones:
        names = self._sounds[table]
        return tuple(" ".join(names[char][0] for char in word if char in names).split())

    def _ask_espeak(self, words: Sequence[str]) -> dict[str, Phones]:
        """Return what the program says about each word it answers for."""
        found: dict[str, Phones] = {}
        for start in range(0, len(words) if self._espeak else 0, _ESPEAK_BATCH):
            batch = words[start : start + _ESPEAK_BATCH]
            try:
                # An empty line ends a clause: one line of answer for each word.
                answer = subprocess.run(  # noqa: S603 - letters, on standard input
                    [str(self._espeak), *_ESPEAK_OPTIONS],
                    input="\n\n".join(batch),
                    capture_output=True,
                    text=True,
                    timeout=ESPEAK_SECONDS,
                    check=True,
                ).stdout
            except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
                return found
            lines = answer.splitlines()
            if len(lines) == len(batch):
                for word, line in zip(batch, lines, strict=True):
                    if phones := self._from_mnemonics(line):
                        found[word] = phones
        return found

    def _from_mnemonics(self, line: str) -> Phones:
        """Return no phones at all for a line with an unknown mnemonic."""
        table = self._sounds["espeak"]
        parts = [part for part in re.split(r"[_ ]+", _MARKS.sub("", line)) if part]
        if not all(part in table for part in parts):
            return ()
        return tuple(" ".join(table[part][0] for part in parts).split())


def _split(word: str, table: Collection[str], *, longest: int) -> list[str]:
    """Cut *word* into the longest spellings of *table*, others are left out."""
    parts, position = [], 0
    while position < len(word):
        for size in range(longest, 0, -1):
            part = word[position : position + size]
            if part in table:
                parts.append(part)
                position += len(part)
                break
        else:
            position += 1
    return parts


def _clean(variants: Iterable[Phones]) -> list[Phones]:
    return [phones for phones in dict.fromkeys(variants) if phones][:MAX_VARIANTS]
