"""What is said of an answer: less than is written, in words, with its source."""

from __future__ import annotations

import re
from dataclasses import dataclass

from domain.turns import Answer
from language.clauses import ClauseCutter
from language.detection import detect_language
from language.spoken import to_spoken
from prompts import rag as written
from prompts import voice as texts

LONGEST_SPOKEN = 330
"""Characters of the answer in spoken words, about 20 s; a listener cannot skim."""
_LONGEST_WITH_SOURCE = 140
_MOST_SOURCES = 2
# A name or a title alone often looks like the other language.
_LONG_ENOUGH_TO_TELL = 40
_MARK = re.compile(r"\[(\d{1,3})\]")


def _unsaid() -> re.Pattern[str]:
    """Match what is for readers: where a quote is from, what a refusal looked for."""
    leads = [*written.QUOTES.values(), *written.MORE_QUOTES.values()]
    forms = [re.escape(lead).replace(r"\{source\}", "[^“”]*") for lead in leads]
    for refusal in written.REFUSALS.values():
        # Only its first sentence is said.
        _, _, rest = refusal.partition(". ")
        forms.append(re.escape(rest).replace(r"\{searched\}", ".*"))
    return re.compile(f"(?:{'|'.join(forms)})\\s*", re.DOTALL)


_UNSAID = _unsaid()


@dataclass(frozen=True, slots=True)
class Sentence:
    """Words to be spoken; a quote keeps the *language* of its document."""

    text: str
    language: str


class SpokenScript:
    """
    Turn the text of an answer into sentences to be spoken, while it is written.

    Args:
        language: `id` or `en`.
    """

    def __init__(self, language: str) -> None:
        self._language = language if language in texts.MORE else "en"
        self._cutter = ClauseCutter(self._language)
        self._said = 0
        self._is_cut = False
        self._marks: list[int] = []
        self.sentences: list[Sentence] = []
        """Everything handed out so far."""

    def open(self, sentence: str) -> list[Sentence]:
        """Put *sentence* before everything else, whatever was handed out already."""
        spoken = to_spoken(sentence, self._language)
        if not spoken:
            return []
        self.sentences.insert(0, Sentence(spoken, self._language))
        return self.sentences[:1]

    def feed(self, delta: str) -> list[Sentence]:
        """
        Return the sentences that *delta* of the answer completes.

        Our own words around a quote come in one delta; its source is named at the end.
        """
        said = _UNSAID.sub("", delta)
        return self._hand_out(self._fit(self._cutter.feed(said)))

    def close(self, answer: Answer, *, last: str = "") -> list[Sentence]:
        """
        Return what is left to say, with the sources of what was said.

        Args:
            answer: As it was stored.
            last: A sentence after everything else, or nothing.
        """
        pieces = self._fit(self._cutter.flush())
        sources = self._sources(answer)
        # Our own words are in the language of the answer, whatever a quote is in.
        own: list[str] = []
        if sources:
            named = texts.AND[self._language].join(sources)
            end = pieces[-1] if pieces and not self._is_cut else ""
            joined = self._join_source(end, named)
            if joined:
                pieces.pop()
                own.append(joined)
            else:
                own.append(texts.SOURCES[self._language].format(sources=named))
        if self._is_cut:
            own.append(texts.MORE[self._language])
        own.append(last)
        return self._hand_out(pieces) + self._hand_out(own, language=self._language)

    @property
    def text(self) -> str:
        """Everything that was handed out, as one text."""
        return " ".join(sentence.text for sentence in self.sentences)

    def _fit(self, pieces: list[str]) -> list[str]:
        """Return the pieces that are still short enough to be listened to."""
        kept = []
        for piece in pieces:
            length = len(to_spoken(piece, self._language_of(piece)))
            fits = self._said + length <= LONGEST_SPOKEN or not self._said
            if self._is_cut or not fits:
                self._is_cut = True
                break
            self._said += length
            self._marks += [int(mark) for mark in _MARK.findall(piece)]
            kept.append(piece)
        return kept

    def _sources(self, answer: Answer) -> list[str]:
        """Return how the sources of the spoken part are called, at most two."""
        if not answer.answered or not answer.citations:
            return []
        by_index = {citation.index: citation for citation in answer.citations}
        # A mark after the last stop is in no piece; of a whole answer all were said.
        whole = [int(mark) for mark in _MARK.findall(answer.text)]
        marks = self._marks if self._is_cut else whole
        used = [by_index[mark] for mark in marks if mark in by_index]
        called: dict[str, int | None] = {}
        for citation in used or answer.citations[:1]:
            called.setdefault(citation.title or citation.file, citation.page)
        page = texts.PAGE[self._language]
        return [
            title + (page.format(page=number) if number else "")
            for title, number in list(called.items())[:_MOST_SOURCES]
        ]

    def _join_source(self, piece: str, named: str) -> str:
        """Return a short last sentence with its source in it, or nothing."""
        bare = _MARK.sub("", piece).rstrip()
        if not bare.endswith(".") or len(bare) > _LONGEST_WITH_SOURCE:
            return ""
        if self._language_of(piece) != self._language:
            return ""
        said = texts.ACCORDING_TO[self._language].format(sources=named)
        return f"{bare[:-1].rstrip()}, {said}."

    def _hand_out(
        self, pieces: list[str], *, language: str | None = None
    ) -> list[Sentence]:
        sentences = []
        for piece in pieces:
            spoken = language or self._language_of(piece)
            text = to_spoken(piece, spoken)
            if text:
                sentences.append(Sentence(_ended(text, piece), spoken))
        self.sentences += sentences
        return sentences

    def _language_of(self, piece: str) -> str:
        """Return the language of *piece*; short ones are in that of the answer."""
        if len(piece) < _LONG_ENOUGH_TO_TELL:
            return self._language
        return detect_language(piece, default=self._language)


def _ended(text: str, piece: str) -> str:
    """Return spoken *text* with a mark at its end: rows and headings have none."""
    if text[-1] in ".!?":
        return text
    goes_on = _MARK.sub("", piece).rstrip().endswith((",", ";", ":"))
    return f"{text}," if goes_on else f"{text}."
