"""A passage as the payload of a point, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

from domain.documents import Passage

CONTENT_KEY: Final = "page_content"
METADATA_KEY: Final = "metadata"
TENANT_KEY: Final = "metadata.tenant"
DOCUMENT_KEY: Final = "metadata.document_id"
LANGUAGE_KEY: Final = "metadata.language"
_TEXT_START: Final = "text_start"

# What a search says about a passage is not part of it; the text lies in the content.
_NOT_STORED: Final = frozenset({"text", "score", "signals"})
_STORED: Final = tuple(
    field.name for field in fields(Passage) if field.name not in _NOT_STORED
)
_SEQUENCES: Final = frozenset({"headings", "flagged"})


def indexed_text(passage: Passage) -> str:
    """Return what is searched: title, heading path, then the text itself."""
    return f"{_preamble(passage)}{passage.text}"


def to_metadata(passage: Passage) -> dict[str, Any]:
    """Return everything of *passage* but its text, as JSON values."""
    metadata: dict[str, Any] = {name: getattr(passage, name) for name in _STORED}
    for name in _SEQUENCES:
        metadata[name] = list(metadata[name])
    metadata["metadata"] = dict(passage.metadata)
    metadata[_TEXT_START] = len(_preamble(passage))
    return metadata


def to_passage(content: str, metadata: Mapping[str, Any]) -> Passage:
    """
    Return the passage that `indexed_text` and `to_metadata` were made of.

    Fields of a newer version are ignored, so that an older one can still read.
    """
    known = {name: metadata[name] for name in _STORED if name in metadata}
    for name in _SEQUENCES & known.keys():
        known[name] = tuple(known[name])
    return Passage(text=content[int(metadata[_TEXT_START]) :], **known)


def _preamble(passage: Passage) -> str:
    lines = [line for line in (passage.title, *passage.headings) if line]
    return "".join(f"{line}\n" for line in dict.fromkeys(lines))
