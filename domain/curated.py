"""Answers that people wrote for questions that must be answered in their words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CuratedAnswer:
    """
    A question with the answer people gave it.

    Attributes:
        id: `cur_` and 32 hex digits drawn from tenant, language and question.
        sources: Links or names of documents, in the order of the answer's marks.
        language: `en` or `id`: of question and answer.
        created_at: Unix seconds.
    """

    id: str
    tenant: str
    question: str
    answer: str
    language: str
    sources: tuple[str, ...] = ()
    created_at: float = 0.0
