"""Plain text: headings by underlines, capitals and numbering; wrapped lines joined."""

from __future__ import annotations

import re
from collections.abc import Iterator

from knowledge.hygiene import clean_line
from knowledge.loaders.blocks import Block, Extract
from knowledge.loaders.decoding import decode
from knowledge.loaders.marked import clean_text_lines

_UNDERLINE = re.compile(r"\s*([=\-~^*_#+])\1{2,}\s*$")
_ITEM = re.compile(r"\s*(?:[-*+•▪◦‣\u2013]|\(?(?:\d{1,3}|[a-zA-Z])[.)])\s+\S")
_BULLET = re.compile(r"\s*[*+•▪◦‣\u2013]\s+")
_NUMBERED = re.compile(
    r"(?:(?:bab|bagian|pasal|chapter|section|part|article)\s+)?(?:\d{1,2}(?:\.\d{1,2}){0,3}|[IVXLC]{1,6})\.?:?\s+\S",
    re.IGNORECASE,
)
_LONGEST_HEADING = 90
_COLUMN_GAP = re.compile(r"\S(?: {3,}|\t+)\S")


def load_text(content: bytes) -> Extract:
    """Return the blocks of a text file; raises `DocumentUnreadable`."""
    lines = clean_text_lines(decode(content).replace("\f", "\n\n")).split("\n")
    blocks = tuple(_iter_blocks(lines))
    title = next((block.text for block in blocks[:1] if block.kind == "heading"), None)
    return Extract(blocks=blocks, title=title)


def _iter_blocks(lines: list[str]) -> Iterator[Block]:
    position = 0
    marks: list[str] = []
    while position < len(lines):
        line = lines[position]
        if not line.strip() or _UNDERLINE.match(line):
            position += 1
            continue
        following = lines[position + 1] if position + 1 < len(lines) else ""
        underline = _UNDERLINE.match(following)
        if underline and len(line.strip()) <= _LONGEST_HEADING:
            # The first kind of underline is the outermost heading, and so on.
            if underline.group(1) not in marks:
                marks.append(underline.group(1))
            level = min(marks.index(underline.group(1)) + 1, 6)
            yield Block("heading", clean_line(line), level=level)
            position += 2
        elif _is_heading(lines, position):
            level = min(len(marks) + 1, 6)
            yield Block("heading", clean_line(line), level=level)
            position += 1
        else:
            end = _end_of_paragraph(lines, position)
            yield from _iter_paragraph(lines[position:end])
            position = end


def _is_heading(lines: list[str], position: int) -> bool:
    """Tell whether a line alone is a heading: capitals, or a number and a name."""
    line = lines[position].strip()
    before = lines[position - 1].strip() if position else ""
    after = lines[position + 1].strip() if position + 1 < len(lines) else ""
    if before or len(line) > _LONGEST_HEADING or line.endswith((".", ";", ",")):
        return False
    letters = [character for character in line if character.isalpha()]
    if len(letters) < 3:
        return False
    if all(character.isupper() for character in letters):
        return not after or not after.isupper()
    return not after and bool(_NUMBERED.match(line)) and not line.endswith((":", "?"))


def _end_of_paragraph(lines: list[str], start: int) -> int:
    end = start + 1
    while end < len(lines):
        line = lines[end]
        if not line.strip() or _UNDERLINE.match(line) or _ITEM.match(line):
            break
        following = lines[end + 1] if end + 1 < len(lines) else ""
        if _UNDERLINE.match(following) and len(line.strip()) <= _LONGEST_HEADING:
            break
        end += 1
    return end


def _iter_paragraph(lines: list[str]) -> Iterator[Block]:
    if (
        sum(bool(_COLUMN_GAP.search(line.strip())) for line in lines) * 2
        > len(lines)
        > 1
    ):
        # Columns made of blanks: the lines are the structure.
        yield Block("text", "\n".join(clean_line(line) for line in lines))
        return
    text = clean_line(" ".join(_unhyphenated(lines)))
    if _ITEM.match(lines[0]):
        yield Block("item", _BULLET.sub("- ", text, count=1))
    elif text:
        yield Block("text", text)


def _unhyphenated(lines: list[str]) -> Iterator[str]:
    """Yield the lines; a hyphen at a line's end stays, as reduplication needs it."""
    for line in lines:
        yield line.strip()
