"""Texts that are longer than an engine takes at once."""

from __future__ import annotations

import re

from language.sentences import split_sentences

_CLAUSE_END = re.compile(r"[,;:]\s")


def split_text(text: str, *, max_chars: int) -> list[str]:
    """
    Return *text* in parts of at most *max_chars*, cut where a speaker would breathe.

    At sentences first, then clauses, then words; a longer word is cut anywhere.
    """
    if len(text) <= max_chars:
        return [text] if text.strip() else []
    parts: list[str] = []
    for sentence in split_sentences(text):
        for piece in _fit(sentence.text.strip(), max_chars):
            if parts and len(parts[-1]) + 1 + len(piece) <= max_chars:
                parts[-1] += f" {piece}"
            elif piece:
                parts.append(piece)
    return parts


def _fit(text: str, max_chars: int) -> list[str]:
    pieces = []
    while len(text) > max_chars:
        ends = [found.end() for found in _CLAUSE_END.finditer(text, 0, max_chars)]
        cut = ends[-1] if ends else text.rfind(" ", 0, max_chars) + 1 or max_chars
        pieces.append(text[:cut].strip())
        text = text[cut:]
    return [*pieces, text.strip()]
