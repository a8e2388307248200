"""Blocks to passages: structure first, a cut only where a block is too long."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from knowledge.loaders.blocks import Block
from language.sentences import split_sentences

# Characters. Blocks under one heading are joined up to JOIN; a block is cut above CUT.
JOIN_CHARACTERS = 1_000
CUT_CHARACTERS = 1_200
# Share of a cut piece that its successor repeats.
OVERLAP = 0.15


@dataclass(frozen=True, slots=True)
class Piece:
    """
    A passage before it belongs to a document.

    Attributes:
        start, end: Offsets into the extracted text (`join_blocks`); for a piece of
            several blocks, from the first character to the last.
    """

    ordinal: int
    text: str
    headings: tuple[str, ...]
    page: int | None
    start: int
    end: int
    table: bool


@dataclass(frozen=True, slots=True)
class _Placed:
    block: Block
    start: int
    headings: tuple[str, ...]
    section: int

    @property
    def end(self) -> int:
        return self.start + len(self.block.text)


def join_blocks(blocks: Sequence[Block]) -> str:
    """Return the text that offsets point into; blank blocks count for nothing."""
    blocks = _filled(blocks)
    parts: list[str] = []
    for position, block in enumerate(blocks):
        if position:
            parts.append(separator(blocks[position - 1], block))
        parts.append(block.text)
    return "".join(parts)


def separator(before: Block, after: Block) -> str:
    """Return what stands between two blocks: list items and rows are lines."""
    if before.kind == after.kind == "item":
        return "\n"
    if before.table is not None and before.table == after.table:
        return "\n"
    return "\n\n"


def split_blocks(blocks: Sequence[Block], *, title: str | None = None) -> list[Piece]:
    """
    Return the passages of a document in reading order.

    A heading equal to *title* is left out of the heading paths.
    """
    pieces: list[Piece] = []
    for group in _iter_groups(_place(_filled(blocks), title)):
        for start, end, text in _iter_texts(group):
            first = next((item for item in group if item.end > start), group[0])
            pieces.append(
                Piece(
                    ordinal=len(pieces),
                    text=text,
                    headings=first.headings,
                    page=first.block.page,
                    start=start,
                    end=end,
                    table=first.block.kind in ("row", "record"),
                )
            )
    return pieces


def _filled(blocks: Sequence[Block]) -> list[Block]:
    return [block for block in blocks if block.text.strip()]


def _place(blocks: Sequence[Block], title: str | None) -> Iterator[_Placed]:
    """Yield the blocks that hold text, with place and heading path."""
    path: list[tuple[int, str]] = []
    used = True
    heading: _Placed | None = None
    start = section = 0
    for position, block in enumerate(blocks):
        if position:
            start += len(separator(blocks[position - 1], block))
        if block.kind == "heading":
            if not used and heading is not None and block.level <= heading.block.level:
                # Nothing stands under the heading before: then it is text itself.
                yield heading
            path = [entry for entry in path if entry[0] < block.level]
            above = tuple(name for _, name in path if name)
            section += 1
            heading = _Placed(block, start, above, section)
            used = _same(block.text, title)
            path.append((block.level, "" if used else block.text))
        else:
            used = True
            names = tuple(name for _, name in path if name)
            yield _Placed(block, start, names, section)
        start += len(block.text)
    if not used and heading is not None:
        yield heading


def _same(text: str, title: str | None) -> bool:
    return title is not None and text.casefold() == title.casefold()


def _iter_groups(placed: Iterator[_Placed]) -> Iterator[list[_Placed]]:
    """Yield blocks that become one passage, or one long block to be cut."""
    group: list[_Placed] = []
    size = 0
    for item in placed:
        added = len(item.block.text)
        if group and (size + added > JOIN_CHARACTERS or not _fit(group[-1], item)):
            yield group
            group, size = [], 0
        group.append(item)
        size += added + 2
    if group:
        yield group


def _fit(before: _Placed, after: _Placed) -> bool:
    """Tell whether two blocks may share a passage."""
    one, two = before.block, after.block
    if before.section != after.section or "record" in (one.kind, two.kind):
        return False
    if "heading" in (one.kind, two.kind):
        return False
    return one.table == two.table


def _iter_texts(group: Sequence[_Placed]) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and text of the passages of a group."""
    if len(group) == 1 and len(group[0].block.text) > CUT_CHARACTERS:
        only = group[0]
        for begin, end in cut(only.block.text):
            yield only.start + begin, only.start + end, only.block.text[begin:end]
        return
    text = join_blocks([item.block for item in group])
    yield group[0].start, group[-1].end, text


def cut(text: str) -> Iterator[tuple[int, int]]:
    """
    Yield extents of *text* of at most `CUT_CHARACTERS`, whole sentences where possible.

    Each begins with the last sentences of the one before, up to `OVERLAP` of it.
    """
    units = _units(text)
    first = 0
    while first < len(units):
        last = first
        begin = units[first][0]
        while last + 1 < len(units) and units[last + 1][1] - begin <= JOIN_CHARACTERS:
            last += 1
        end = units[last][1]
        yield begin, end
        if last + 1 >= len(units):
            return
        first = _overlapping(units, first, last)


def _overlapping(units: Sequence[tuple[int, int]], first: int, last: int) -> int:
    """Return the unit the next passage begins with."""
    room = int((units[last][1] - units[first][0]) * OVERLAP)
    following = last + 1
    while (
        following - 1 > first
        and units[last][1] - units[following - 1][0] <= room
        and units[last + 1][1] - units[following - 1][0] <= JOIN_CHARACTERS
    ):
        following -= 1
    return following


def _units(text: str) -> list[tuple[int, int]]:
    """Return sentences, the too long ones cut between words, or anywhere at worst."""
    units: list[tuple[int, int]] = []
    for sentence in split_sentences(text):
        begin = sentence.start
        while sentence.end - begin > JOIN_CHARACTERS:
            space = text.rfind(
                " ", begin + JOIN_CHARACTERS // 2, begin + JOIN_CHARACTERS
            )
            end = space if space > 0 else begin + JOIN_CHARACTERS
            units.append((begin, end))
            begin = end + (space > 0)
        if sentence.end > begin:
            units.append((begin, sentence.end))
    return units or [
        (begin, min(begin + JOIN_CHARACTERS, len(text)))
        for begin in range(0, len(text), JOIN_CHARACTERS)
    ]
