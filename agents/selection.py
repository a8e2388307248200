"""The text a person selected: the first passage of its question."""

from __future__ import annotations

from collections.abc import Mapping

from domain.documents import Passage
from domain.turns import Question
from language.detection import detect_language
from prompts import rag as texts

SELECTION_ID = "selection"
"""Id of the passage and of its document: it is in no store."""

_SEARCHED_CHARACTERS = 300


def build_selection(
    question: Question, *, tenant: str, language: str
) -> Passage | None:
    """Return the selected text as a passage, or None when nothing was selected."""
    text = (question.selected_text or "").strip()
    if not text:
        return None
    page = question.page or {}
    title = _text_of(page, "title") or texts.SELECTION_TITLES[language]
    return Passage(
        id=SELECTION_ID,
        document_id=SELECTION_ID,
        tenant=tenant,
        ordinal=0,
        text=text,
        title=title,
        file=_text_of(page, "path") or title,
        url=_link_of(page),
        language=detect_language(text, default=language),
        end=len(text),
        score=1.0,
    )


def describe_selection(selection: Passage) -> str:
    """Return the beginning of the selected text, to search by."""
    return selection.text[:_SEARCHED_CHARACTERS]


def _text_of(page: Mapping[str, object], name: str) -> str:
    value = page.get(name)
    return value.strip()[:300] if isinstance(value, str) else ""


def _link_of(page: Mapping[str, object]) -> str | None:
    url = _text_of(page, "url")
    return url if url.startswith(("https://", "http://")) else None
