"""The languages of the web chat, and problems as sentences."""

from __future__ import annotations

from ui.client import Problem
from ui.words import Texts
from ui.words_en import ENGLISH
from ui.words_id import INDONESIAN

LANGUAGES = {"id": "Indonesia", "en": "English"}
TEXTS = {"id": INDONESIAN, "en": ENGLISH}


def problem_sentence(problem: Problem, texts: Texts) -> str:
    """Return what went wrong, what to do and what to quote, for a reader."""
    parts = [texts.problems.get(problem.code) or problem.detail]
    parts[0] = parts[0] or texts.problem_unknown
    if wait := problem.retry_after_seconds:
        parts.append(
            texts.wait_seconds.format(wait)
            if wait <= 90
            else texts.wait_minutes.format(-(-wait // 60))
        )
    if problem.status >= 500 and problem.request_id:
        parts.append(texts.reference.format(problem.request_id))
    return " ".join(parts)
