"""What of an answer was heard: its sentences in time, and where it was cut."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from domain.documents import Citation
from domain.turns import Answer
from language.analysis import words
from language.sentences import split_sentences
from language.spoken import to_spoken
from prompts import voice as texts

# Silence and the end of a last vowel: who hears so much heard the sentence.
_TOLERANCE_MS = 250
# The last words of a sentence tell that it was said; its beginning may be unsaid.
_LAST_WORDS = 4
_MARK = re.compile(r"\[(\d{1,3})\]")
CUT_MARK = " —"
"""Written where somebody was interrupted."""


@dataclass(slots=True)
class SpokenSentence:
    """One sentence in the sound of an answer, in milliseconds from its start."""

    text: str
    start_ms: float
    end_ms: float


@dataclass(slots=True)
class Playback:
    """
    Sound of one answer at its listener: it plays from when it was sent, in real time.

    Args:
        clock: Seconds that only grow.
    """

    clock: Callable[[], float] = time.monotonic
    sentences: list[SpokenSentence] = field(default_factory=list)
    total_ms: float = 0.0
    _ends_at: float = 0.0

    def sent(self, seconds: float, *, words_of: str = "") -> None:
        """Note sound that was sent; *words_of* begins a new sentence."""
        if words_of or not self.sentences:
            start = self.total_ms
            self.sentences.append(SpokenSentence(words_of, start, start))
        self.total_ms += seconds * 1000
        self.sentences[-1].end_ms = self.total_ms
        # A listener who waited for more heard nothing meanwhile.
        self._ends_at = max(self._ends_at, self.clock()) + seconds

    @property
    def seconds_left(self) -> float:
        """How long the listener still has sound to hear."""
        return max(0.0, self._ends_at - self.clock())

    @property
    def heard_ms(self) -> int:
        """How much was heard by now, if it was played at once."""
        return max(0, round(self.total_ms - self.seconds_left * 1000))

    def sentences_until(self, heard_ms: float) -> list[str]:
        """Return the sentences that were heard to their end."""
        return [
            sentence.text
            for sentence in self.sentences
            if sentence.end_ms <= heard_ms + _TOLERANCE_MS
        ]


@dataclass(frozen=True, slots=True)
class CutAnswer:
    """What is kept of an answer."""

    text: str
    citations: tuple[Citation, ...]


def cut_answer(answer: Answer, heard: Sequence[str]) -> CutAnswer:
    """
    Return of *answer* what its spoken sentences *heard* say.

    Speech says numbers in words, drops marks and names sources, so written sentences
    are found by the words they end with. Citations whose marks nobody got to go.
    """
    said = words(" ".join(heard))
    end, position = 0, 0
    for sentence in split_sentences(answer.text):
        endings = _endings(sentence.text)
        if not any(endings):
            # A line of marks alone goes with what is before it.
            end = sentence.end if end else end
            continue
        found = min(_places(endings, said, position), default=None)
        if found is None:
            break
        end, position = sentence.end, found
    return _keep(answer, answer.text[:end])


def cut_written(answer: Answer, shown: str) -> CutAnswer:
    """Return of *answer* what was *shown* of it before it was stopped."""
    return _keep(answer, shown)


def _keep(answer: Answer, text: str) -> CutAnswer:
    kept = text.rstrip()
    if not kept:
        return CutAnswer(texts.INTERRUPTED[_known(answer.language)], ())
    marks = {int(mark) for mark in _MARK.findall(kept)}
    cited = tuple(one for one in answer.citations if one.index in marks)
    return CutAnswer(kept + CUT_MARK, cited)


def _endings(sentence: str) -> list[list[str]]:
    """Return the last words of *sentence*, as each language would say them."""
    # A quote is spoken in its own language, whatever the answer is in.
    return [
        words(to_spoken(sentence, language))[-_LAST_WORDS:]
        for language in texts.INTERRUPTED
    ]


def _places(
    endings: Sequence[list[str]], said: Sequence[str], start: int
) -> Iterator[int]:
    """Yield the places after each of *endings* in *said*."""
    for wanted in endings:
        for at in range(start, len(said) - len(wanted) + 1):
            if wanted and list(said[at : at + len(wanted)]) == wanted:
                yield at + len(wanted)
                break


def _known(language: str) -> str:
    return language if language in texts.INTERRUPTED else "en"
