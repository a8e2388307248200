"""
The answer without a model: the sentences that answer best, quoted with their source.

The best two sentences are quoted, three when they are short, in reading order.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from agents.ranking import Candidate
from domain.documents import Citation, Passage
from language.sentences import FOOTNOTE
from prompts import rag as texts

_SENTENCES = 2
_SENTENCES_WHEN_SHORT = 3
_SHORT_WORDS = 54
"""Words up to which a third sentence joins; answers stay at 60 words in the median."""
_LONG_WORDS = 50
_DOUBTFUL_WORDS = 90
_SURE = 0.85
_DOUBT = 0.5
_ENOUGH = 0.96
"""Belief from which one sentence is the whole answer."""
_ANOTHER_PASSAGE = 0.1
"""Share of the best sentence's belief that one of another passage must hold: below it
the second quote is more often about something else than an answer."""
_QUOTE_CHARACTERS = 600
_SAME: Final = 0.8
"""Share of common stems from which two sentences say the same."""
_SPACES = re.compile(r"\s+")
# A document's own notes would read like the marks of our citations.
_FOOTNOTES = re.compile(rf"\s?{FOOTNOTE}", re.IGNORECASE)
_GAP = " … "


@dataclass(frozen=True, slots=True)
class Quote:
    """An answer made of quotes: pieces that joined are the text, and its citations."""

    pieces: tuple[str, ...]
    citations: tuple[Citation, ...]

    @property
    def text(self) -> str:
        """The whole answer."""
        return "".join(self.pieces)


def compose_quote(
    candidates: Sequence[Candidate], language: str, *, partly: bool = False
) -> Quote:
    """
    Return the answer that *candidates* (best first, not empty) give.

    Args:
        candidates: Ranked sentences.
        language: Of the question: the words around the quote are in it.
        partly: Say first that the evidence is thin.
    """
    groups = _group_by_passage(_choose(candidates))
    pieces: list[str] = []
    citations: list[Citation] = []
    if partly:
        pieces.append(texts.PARTLY[language] + " ")
    for index, group in enumerate(groups, start=1):
        passage = group[0].passage
        if index > 1:
            pieces.append("\n\n")
        pieces.append(_introduce(passage, groups[: index - 1], language))
        quoted = _in_reading_order(group)
        pieces.append(quoted)
        pieces.append(f" [{index}]")
        if passage.validity == "superseded":
            pieces.append(" " + texts.SUPERSEDED[language])
        citations.append(
            build_citation(passage, index=index, quote=quoted, supported=True)
        )
    return Quote(pieces=tuple(pieces), citations=tuple(citations))


def build_citation(
    passage: Passage, *, index: int, quote: str, supported: bool
) -> Citation:
    """Return the citation of *passage* under the mark *index*."""
    return Citation(
        index=index,
        document_id=passage.document_id,
        title=passage.title,
        file=passage.file,
        quote=quote[:_QUOTE_CHARACTERS],
        score=round(max(0.0, min(1.0, passage.score)), 4),
        url=passage.url,
        section=passage.section,
        page=passage.page,
        supported=supported,
        metadata={
            **passage.metadata,
            **({"validity": "superseded"} if passage.validity == "superseded" else {}),
        },
    )


def _introduce(
    passage: Passage, before: Sequence[Sequence[Candidate]], language: str
) -> str:
    """Say that it quotes, and from where, unless that was the last thing said."""
    if not before:
        return texts.QUOTES[language].format(source=_name(passage)) + " "
    if before[-1][0].passage.document_id == passage.document_id:
        return ""
    return texts.MORE_QUOTES[language].format(source=_name(passage)) + " "


def _choose(candidates: Sequence[Candidate]) -> list[Candidate]:
    """
    Return the sentences to quote, best first: as many as the doubt asks for.

    Two as a rule; three when they are short or when the first two hold little of the
    belief; one when it holds nearly all of it. A sentence of another passage joins only
    when it is nearly as likely as the best one.
    """
    chosen: list[Candidate] = []
    words = 0
    held = 0.0
    beliefs = _beliefs(candidates)
    for candidate, belief in zip(candidates, beliefs, strict=True):
        if any(_says_the_same(candidate, other) for other in chosen):
            continue
        if held > _ENOUGH:
            break
        if chosen and _is_beside(candidate, chosen):
            continue
        known = {other.passage.id for other in chosen} or {candidate.passage.id}
        elsewhere = candidate.passage.id not in known
        if elsewhere and belief < _ANOTHER_PASSAGE * beliefs[0]:
            continue
        together = words + candidate.sentence.words
        if len(chosen) == 1 and held > _SURE and together > _LONG_WORDS:
            break
        in_doubt = held < _DOUBT and together <= _DOUBTFUL_WORDS
        if len(chosen) >= _SENTENCES and together > _SHORT_WORDS and not in_doubt:
            break
        chosen.append(candidate)
        words, held = together, held + belief
        if len(chosen) == _SENTENCES_WHEN_SHORT:
            break
    return chosen


def _is_beside(candidate: Candidate, chosen: Sequence[Candidate]) -> bool:
    """Tell whether it is a further row of a table, about less of what was asked."""
    return candidate.passage.table and any(
        other.passage.id == candidate.passage.id and candidate.coverage < other.coverage
        for other in chosen
    )


def _beliefs(candidates: Sequence[Candidate]) -> list[float]:
    """Return the share of belief each candidate holds: a softmax of the scores."""
    weights = [math.exp(one.score - candidates[0].score) for one in candidates]
    total = sum(weights)
    return [weight / total for weight in weights]


def _says_the_same(one: Candidate, other: Candidate) -> bool:
    left, right = set(one.sentence.stems), set(other.sentence.stems)
    return len(left & right) >= _SAME * max(len(left), len(right))


def _group_by_passage(chosen: Sequence[Candidate]) -> list[list[Candidate]]:
    groups: dict[str, list[Candidate]] = {}
    for candidate in chosen:
        groups.setdefault(candidate.passage.id, []).append(candidate)
    return list(groups.values())


def _in_reading_order(group: Sequence[Candidate]) -> str:
    ordered = sorted(group, key=lambda one: one.position)
    text = _clean(ordered[0].sentence.text)
    for before, after in itertools.pairwise(ordered):
        text += _between(before, after) + _clean(after.sentence.text)
    return text


def _between(before: Candidate, after: Candidate) -> str:
    """Rows and list items stay on lines of their own, as in the document."""
    passage = before.passage
    left_out = after.position > before.position + 1
    gap = passage.text[before.sentence.end : after.sentence.start]
    if passage.table or (not left_out and "\n" in gap):
        return "\n"
    return _GAP if left_out else " "


def _clean(text: str) -> str:
    return _SPACES.sub(" ", _FOOTNOTES.sub("", text)).strip()


def _name(passage: Passage) -> str:
    return _clean(passage.title or passage.file).replace("“", '"').replace("”", '"')
