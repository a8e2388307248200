"""What a loader hands on: blocks in reading order, with title and metadata."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

BlockKind = Literal["heading", "text", "item", "row", "record"]
DEEPEST_HEADING = 6
_KINDS = frozenset(get_args(BlockKind))


class DocumentUnreadable(Exception):
    """The file cannot be read; the message is one sentence for its owner."""


@dataclass(frozen=True, slots=True)
class Block:
    """
    A heading, paragraph, list item, table row, or record (a row that stands alone).

    Attributes:
        text: Clean text; a row is `column: value; column: value` on one line.
        level: 1 to 6 for a heading, otherwise 0.
        page: 1-based page, or slide.
        table: Number of the table a row belongs to, counted through the document.
    """

    kind: BlockKind
    text: str
    level: int = 0
    page: int | None = None
    table: int | None = None


@dataclass(frozen=True, slots=True)
class Extract:
    """
    A document's text in reading order.

    Attributes:
        title: From metadata or the first heading; None when there is none.
        language: As declared by the document, two letters; None when it says nothing.
        metadata: JSON values from front matter and meta elements.
    """

    blocks: tuple[Block, ...]
    title: str | None = None
    language: str | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)


def pack_extract(extract: Extract) -> dict[str, object]:
    """Return *extract* as JSON values, a block a list."""
    return {
        "blocks": [
            [block.kind, block.text, block.level, block.page, block.table]
            for block in extract.blocks
        ],
        "title": extract.title,
        "language": extract.language,
        "metadata": dict(extract.metadata),
    }


def unpack_extract(values: Mapping[str, object]) -> Extract:
    """
    Return the extract of JSON values that came out of a child process.

    Raises:
        DocumentUnreadable: They are not what `pack_extract` makes.
    """
    try:
        title, language = values.get("title"), values.get("language")
        metadata = cast("Mapping[str, object]", values.get("metadata") or {})
        return Extract(
            blocks=tuple(map(_unpack_block, cast("Sequence[Any]", values["blocks"]))),
            title=title if isinstance(title, str) else None,
            language=language if isinstance(language, str) else None,
            metadata={str(key): value for key, value in metadata.items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise DocumentUnreadable("The file could not be read.") from exc


def _unpack_block(values: Sequence[Any]) -> Block:
    kind, text, level, page, table = values
    if kind not in _KINDS or not isinstance(text, str):
        raise ValueError("not a block")
    numbers = (level, *(number for number in (page, table) if number is not None))
    if not all(isinstance(number, int) for number in numbers):
        raise ValueError("not a number")
    return Block(kind, text, level, page, table)
