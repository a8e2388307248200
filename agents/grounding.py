"""
A model's answer, checked while it streams: marks, support, links.

Text leaves as early as it can be vouched for. A sentence is decided when it ends: its
marks are checked and renumbered in order of first use, and unsupported ones fall. Until
a first sentence (or enough of it) is carried by the passages nothing leaves at all, so
that an answer without any support can still become the quote or the refusal.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agents.output_filter import SUSPECT, clean_text, find_addresses
from agents.support import Source, build_source, is_supported, values_are_known
from domain.documents import Passage
from language.analysis import stems
from prompts.answering import NO_ANSWER

_END = re.compile(r"(?:[.!?…][\"'”’)]*(?:\s*\[[\d,\s]{1,40}\])*\s+(?=[^\s\[])|\n+)")
_MARKS = re.compile(
    r"(?:(?<![ \t])[ \t]++)?"
    r"(?:\[(\d{1,3}(?:\s{0,9},\s{0,9}\d{1,3}){0,99})\]|【(\d{1,3})[^】]{0,40}】)"
)
_EARLY_STEMS = 4
_EARLY_SHARE = 0.6
_ATTRIBUTED_STEMS = 4
_GIVES_UP = re.compile(
    r"(?:i (?:do not|don't|cannot|can't)\b|i'm (?:sorry|unable)|sorry\b|unfortunately\b"
    r"|the (?:provided |given )?(?:passages?|documents?|context|sources?) (?:do"
    r"|does|did) not"
    r"|there is no (?:information|mention)|no information|not (?:mentioned|stated"
    r"|found)"
    r"|maaf\b|saya tidak|tidak ada informasi|tidak (?:disebutkan|ditemukan|tersedia)"
    r"|(?:kutipan|dokumen|konteks|sumber)(?: yang (?:ada|diberikan|tersedia))? tidak)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class CheckedCitation:
    """A passage an answer cites: *number* as given to the model, *index* as shown."""

    number: int
    index: int
    sentence: str
    supported: bool


class AnswerChecker:
    """
    Takes a model's text in pieces and gives back what may be shown.

    Args:
        passages: As numbered in the prompt, from 1.
        question: What needs no support because it was asked.
        language: Of the answer.
    """

    def __init__(
        self, passages: Sequence[Passage], *, question: str, language: str
    ) -> None:
        self._sources = [build_source(passage) for passage in passages]
        self._known = Source(text=question, language=language)
        self._language = language
        self._allowed = {
            address
            for passage in passages
            for address in (*find_addresses(passage.text), passage.url or "")
        }
        self._pending = ""
        self._shown_of_pending = 0
        self._held: list[str] = []
        self._supported = False
        self._text: list[str] = []
        self._index_of: dict[int, int] = {}
        self._sentence_of: dict[int, str] = {}
        self._dropped: dict[int, str] = {}

    @property
    def text(self) -> str:
        """Everything shown so far."""
        return "".join(self._text)

    @property
    def supported(self) -> bool:
        """At least one sentence is carried by a passage."""
        return bool(self._index_of)

    @property
    def gave_up(self) -> bool:
        """The model said that the passages do not answer."""
        whole = "".join((*self._text, *self._held, self._pending)).strip()
        return whole.startswith(NO_ANSWER) or bool(_GIVES_UP.match(whole))

    def feed(self, piece: str) -> str:
        """Take more of the answer; return what may be shown now, perhaps nothing."""
        self._pending += piece
        shown: list[str] = []
        while (end := _END.search(self._pending)) is not None:
            sentence, self._pending = (
                self._pending[: end.end()],
                self._pending[end.end() :],
            )
            shown.append(self._decide(sentence))
        shown.append(self._show_early())
        return self._show("".join(shown))

    def finish(self) -> str:
        """Decide the rest; return what may be shown of it."""
        rest, self._pending = self._pending, ""
        return self._show(self._decide(rest).rstrip() if rest else "")

    def citations(self) -> list[CheckedCitation]:
        """Return what is cited, in order; dropped ones close the list, unsupported."""
        found = [
            CheckedCitation(number, index, self._sentence_of[number], supported=True)
            for number, index in self._index_of.items()
        ]
        return found + [
            CheckedCitation(number, len(found) + at, sentence, supported=False)
            for at, (number, sentence) in enumerate(self._dropped.items(), start=1)
        ]

    def _show(self, text: str) -> str:
        if not self._text:
            text = text.lstrip()
        if text:
            self._text.append(text)
        return text

    def _decide(self, raw: str) -> str:
        """Return what a finished sentence adds to what was shown of it before."""
        already, self._shown_of_pending = self._shown_of_pending, 0
        cleaned = clean_text(raw, allowed=self._allowed)
        if cleaned != raw and not cleaned.startswith(raw[:already]):
            cleaned = raw[:already]
        bare = _MARKS.sub("", cleaned)
        numbers = self._carrying(bare.strip(), _find_numbers(cleaned))
        text = self._mark(cleaned, numbers, sentence=bare.strip())
        if numbers or already:
            self._supported = self._supported or bool(numbers)
            held, self._held = "".join(self._held), []
            return held + text[already:]
        if self._supported:
            return text
        self._held.append(text)
        return ""

    def _carrying(self, sentence: str, cited: Sequence[int]) -> list[int]:
        """Return the passages that carry *sentence*: the cited ones, else the best."""
        given = [one for one in cited if 1 <= one <= len(self._sources)]
        if given:
            if self._carries(sentence, given):
                if len(given) == 1:
                    return given
                kept = [one for one in given if self._carries(sentence, [one])]
                return kept or given
            for one in given:
                self._dropped.setdefault(one, sentence)
        if len(set(stems(sentence, self._language))) < _ATTRIBUTED_STEMS:
            return []
        if _GIVES_UP.match(sentence):
            return []
        return next(
            (
                [one]
                for one in range(1, len(self._sources) + 1)
                if self._sources[one - 1].language == self._language
                and one not in given
                and self._carries(sentence, [one])
            ),
            [],
        )

    def _carries(self, sentence: str, numbers: Sequence[int]) -> bool:
        return is_supported(
            sentence,
            [self._sources[one - 1] for one in numbers],
            language=self._language,
            known=self._known,
        )

    def _mark(self, cleaned: str, numbers: Sequence[int], *, sentence: str) -> str:
        """Return the sentence with the marks it keeps, renumbered, at its end."""
        last = next(reversed(list(_MARKS.finditer(cleaned))), None)
        bare = _MARKS.sub("", cleaned)
        if not numbers:
            return bare
        for number in numbers:
            self._index_of.setdefault(number, len(self._index_of) + 1)
            self._sentence_of.setdefault(number, sentence)
        marks = "".join(
            f"[{index}]" for index in sorted({self._index_of[one] for one in numbers})
        )
        stripped = bare.rstrip()
        space = bare[len(stripped) :]
        # A mark before the full stop stays before it, as the model put it.
        inside = last is not None and cleaned[last.end() :].strip() in {".", "!", "?"}
        if inside and stripped[-1:] in ".!?":
            return f"{stripped[:-1]} {marks}{stripped[-1]}{space}"
        return f"{stripped} {marks}{space}"

    def _show_early(self) -> str:
        """Return words of the open sentence that can be vouched for already."""
        suspect = SUSPECT.search(self._pending)
        plain = self._pending[: suspect.start()] if suspect else self._pending
        # A word may still grow, and punctuation may still move behind a mark.
        cut = max(plain.rfind(" "), 0)
        plain = plain[:cut].rstrip(" .!?…\"'”’)")
        if len(plain) <= self._shown_of_pending or not self._is_vouched(plain):
            return ""
        shown = plain[self._shown_of_pending :]
        self._shown_of_pending = len(plain)
        held, self._held = "".join(self._held), []
        return held + shown

    def _is_vouched(self, plain: str) -> bool:
        sources = (*self._sources, self._known)
        if not values_are_known(plain, sources):
            return False
        if self._supported or self._shown_of_pending:
            return True
        if _GIVES_UP.match(plain.lstrip()) or NO_ANSWER.startswith(plain.strip()):
            return False
        found = set(stems(plain, self._language))
        fresh = found - self._known.stems
        if len(found) < _EARLY_STEMS or not fresh:
            return False
        return any(
            len(fresh & source.stems) >= _EARLY_SHARE * len(fresh)
            for source in self._sources
            if source.language == self._language
        )


def _find_numbers(text: str) -> list[int]:
    found: dict[int, None] = {}
    for marks in _MARKS.finditer(text):
        for number in re.findall(r"\d{1,3}", marks[1] or marks[2] or ""):
            found[int(number)] = None
    return list(found)
