"""
What a model's text may hold: words and marks; no images, no HTML, no foreign links.

A link is data leaving the house as soon as somebody's screen renders it. Only an
address that a given passage spells out stays, as plain text.
"""

from __future__ import annotations

import html
import re
from collections.abc import Collection

SUSPECT = re.compile(r"[!<>\[\]()&:`|]|www\.|//", re.IGNORECASE)
"""Characters that may begin something that is filtered; text before them is plain."""

_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z]{2,31});", re.IGNORECASE)
_TAG = re.compile(r"<[a-zA-Z/!?][^<>]{0,2000}>")
_IMAGE = re.compile(
    r"!\[(?:[^\[\]]|\[[^\[\]]{0,200}\]){0,500}\]\s{0,2}(?:\([^()]{0,2000}\)|\[[^\[\]]{0,200}\])?"
)
_LINK = re.compile(
    r"\[(?P<text>(?:[^\[\]]|\[[^\[\]]{0,200}\]){0,500})\]\(\s{0,2}[^()\s]{0,2000}(?:\s[^()]{0,500})?\)"
)
_REFERENCE = re.compile(r"\[(?P<text>[^\[\]]{1,500})\]\[(?P<label>[^\[\]]{0,200})\]")
_DEFINITION = re.compile(
    r"^[ ]{0,3}\[[^\[\]]{1,200}\]:[ \t]{0,8}\S{0,2000}.{0,500}$", re.MULTILINE
)
_ADDRESS = re.compile(
    r"(?:\b[a-z][a-z0-9+.-]{1,20}:)?(?:(?://|\\\\)|\bwww\.)[^\s<>\"'”]{1,2000}"
    r"|\b(?:javascript|data|vbscript|file|blob|mailto):[^\s<>\"'”]{1,2000}",
    re.IGNORECASE,
)
_MARK = re.compile(r"\d{1,3}(?:\s{0,2},\s{0,2}\d{1,3}){0,9}")
_TRAILING = ".,;:!?)]}’'\""
_PASSES = 3


def clean_text(text: str, *, allowed: Collection[str] = ()) -> str:
    """
    Return *text* without images, HTML and links; the words of a link stay.

    Args:
        text: A part of a model's answer.
        allowed: Addresses that may stay, as passages spell them.
    """
    for _ in range(_PASSES):
        cleaned = _clean_once(text, allowed)
        if cleaned == text:
            return text
        text = cleaned
    # Something that unfolds for ever is not text: its brackets go.
    return re.sub(r"[<>\[\]()!]", "", text)


def find_addresses(text: str) -> set[str]:
    """Return the addresses that *text* spells out."""
    return {found[0].rstrip(_TRAILING) for found in _ADDRESS.finditer(text)}


def _clean_once(text: str, allowed: Collection[str]) -> str:
    text = _ENTITY.sub(lambda found: html.unescape(found[0]), text)
    text = _IMAGE.sub("", text)
    text = _LINK.sub(_keep_text, text)
    text = _DEFINITION.sub("", text)
    text = _REFERENCE.sub(_keep_reference, text)
    text = _TAG.sub("", text)

    def keep_address(found: re.Match[str]) -> str:
        address = found[0].rstrip(_TRAILING)
        return found[0] if address in allowed else found[0][len(address) :]

    return _ADDRESS.sub(keep_address, text)


def _keep_text(found: re.Match[str]) -> str:
    text = found["text"]
    return f"[{text}]" if _MARK.fullmatch(text) else text


def _keep_reference(found: re.Match[str]) -> str:
    # [1][2] are two marks, [text][2] is a link.
    if _MARK.fullmatch(found["text"]) and _MARK.fullmatch(found["label"]):
        return found[0]
    return _keep_text(found)
