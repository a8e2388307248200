"""Pieces of an answer that are ready to be spoken while the rest is still written."""

from __future__ import annotations

import re
from typing import Final

from language.sentences import Sentence, split_sentences

SHORTEST: Final = 20
"""Characters; a shorter sentence waits for the next one."""
LONGEST: Final = 200
"""Characters; some engines take 280, and words grow when numbers are spelt."""
FIRST_CLAUSE: Final = 25
"""Characters of the clause that may go ahead of a long first sentence."""
_LONG_SENTENCE = 60

# The marks, not the space after them, end a clause: `2,5` and `07:30` are no clauses.
_CLAUSE_END = re.compile(r"[,;:](?=\s)")
_CITATION = re.compile(r"\[\d{1,3}\]")
_OPEN_BRACKETS, _CLOSED_BRACKETS = "([“", ")]”"
# Whatever is typed next, the word that follows a stop is none that decides for it.
_ANY_WORD = "qz"


class ClauseCutter:
    """
    Cut a stream of text into pieces of 20 to 200 characters for speech.

    The first piece may be a clause of a long sentence, so that sound starts early; the
    others are sentences, short ones together, overlong ones cut at a mark or a space.
    Pieces are as written; `language.spoken.to_spoken` makes them words. How the text
    is cut into deltas does not change the pieces. Not safe for several threads.
    """

    def __init__(self, language: str) -> None:
        """Begin a stream; *language* is that of the answer (rules cover both)."""
        self.language = language
        self._buffer = ""
        self._started = False

    def feed(self, delta: str) -> list[str]:
        """Return the pieces that *delta* completes, in order; often none."""
        self._buffer += delta
        return self._take(final=False)

    def flush(self) -> list[str]:
        """Return what is left as pieces, and begin anew."""
        pieces = self._take(final=True)
        self._buffer, self._started = "", False
        return pieces

    def _take(self, *, final: bool) -> list[str]:
        sentences = split_sentences(self._buffer)
        if not sentences:
            # Only marks and spaces: nothing to say, and nothing to pile up.
            self._buffer = self._buffer[-LONGEST:]
            return []
        finished = len(sentences) if final else self._count_finished(sentences)
        pieces: list[str] = []
        start = sentences[0].start
        for position, sentence in enumerate(sentences):
            ended = position < finished
            start = self._cut_long(start, sentence, pieces, ended=ended)
            if ended and sentence.end - start >= SHORTEST:
                self._say(start, sentence.end, pieces)
                start = (
                    sentences[position + 1].start
                    if position + 1 < len(sentences)
                    else sentence.end
                )
            if not ended:
                break
        if final:
            self._say_rest(start, sentences[-1].end, pieces)
        else:
            self._buffer = self._buffer[start:]
        return pieces

    def _count_finished(self, sentences: list[Sentence]) -> int:
        """Return how many of *sentences* stay as they are whatever comes next."""
        finished = len(sentences) - 1
        if not finished or any(one.isspace() for one in sentences[-1].text):
            return finished
        # The last one is a single, unfinished word: try what it might become.
        grown = split_sentences(self._buffer + _ANY_WORD)
        same = len(grown) == len(sentences) and grown[finished - 1].end == (
            sentences[finished - 1].end
        )
        return finished if same else finished - 1

    def _cut_long(
        self, start: int, sentence: Sentence, pieces: list[str], *, ended: bool
    ) -> int:
        """Say what goes ahead of *sentence*'s end; return where the rest begins."""
        end = sentence.end
        if not self._started and end - sentence.start >= _LONG_SENTENCE:
            cut = self._find_first_clause(start, end)
            if cut:
                self._say(start, cut, pieces)
                start = self._skip_spaces(cut, end)
        # While the sentence grows, one more character tells a word from its beginning.
        while end - start > LONGEST and (ended or len(self._buffer) - start > LONGEST):
            cut = self._find_cut(start)
            self._say(start, cut, pieces)
            start = self._skip_spaces(cut, end)
        return start

    def _find_first_clause(self, start: int, end: int) -> int:
        """Return the end of a first clause, or 0; the rest must be worth a piece."""
        limit = min(start + LONGEST, end - SHORTEST)
        for match in _CLAUSE_END.finditer(self._buffer, start + FIRST_CLAUSE - 1, end):
            if match.end() > limit:
                break
            if self._is_outside(start, match.start()):
                return match.end()
        return 0

    def _is_outside(self, start: int, position: int) -> bool:
        """Tell whether no bracket is open at *position*."""
        piece = self._buffer[start:position]
        return all(
            piece.count(opened) <= piece.count(closed)
            for opened, closed in zip(_OPEN_BRACKETS, _CLOSED_BRACKETS, strict=True)
        )

    def _find_cut(self, start: int) -> int:
        """Return the best place to cut within `LONGEST` characters from *start*."""
        window = self._buffer[start : start + LONGEST]
        marks = [match.end() for match in _CLAUSE_END.finditer(window, SHORTEST)]
        if marks:
            return start + marks[-1]
        space = max(window.rfind(" ", SHORTEST), window.rfind("\n", SHORTEST))
        return start + (space if space > 0 else LONGEST)

    def _skip_spaces(self, start: int, end: int) -> int:
        while start < end and self._buffer[start].isspace():
            start += 1
        return start

    def _say(self, start: int, end: int, pieces: list[str]) -> None:
        piece = self._buffer[start:end].strip()
        if piece:
            pieces.append(piece)
            self._started = True

    def _say_rest(self, start: int, end: int, pieces: list[str]) -> None:
        """Say the end of the stream, unless it is a citation mark alone."""
        rest = _CITATION.sub("", self._buffer[start:end])
        if any(character.isalnum() for character in rest):
            self._say(start, end, pieces)
