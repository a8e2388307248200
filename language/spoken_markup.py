"""Markdown, links, tables and line breaks of a written answer made plain prose."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from itertools import zip_longest

from language.sentences import is_table_row

# Every pattern either begins at a token (a look behind) or stops at its own opening
# mark, so that no text makes one of them read the same characters again and again.
_TAG = re.compile(r"</?[a-zA-Z!][^<>\n]*>")
_AUTOLINK = re.compile(r"<(?:https?://|mailto:)[^<>\s]*>")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\n]*(?:\([^()\n]*\)[^()\n]*)?\)")
_REFERENCE_DEFINITION = re.compile(r"^\s{0,3}\[[^\[\]\n]+\]:[ \t]*\S.*$", re.MULTILINE)
_CITATION = re.compile(
    r"[ \t]?(?<!\[)\[\^?\d{1,3}(?:\s?[,;\u2013-]\s?\d{1,3})*\]"
    r"|[ \t]?\u3010[^\u3010\u3011]*\u3011"
)
_PREPOSITION = (
    r"(?:\b(?:di|ke|pada|melalui|lewat|via|at|on|from|dari|see|lihat)\b:?[ \t]+)?"
)
_URL = re.compile(
    rf"{_PREPOSITION}(?<![\w])(?:https?://|ftp://|mailto:|www\.)([^\s<>\"]*)",
    re.IGNORECASE,
)
_SHORTCODE = re.compile(r"(?<![\w:]):[a-z][a-z_]*:(?![\w:])")
_NOTE_MARK = re.compile(r"(?<=[^\W\d_]{4})[\u00b9\u00b2\u00b3\u2070-\u2079]+")
_FENCE = re.compile(r"\s*(?:```|~~~)")
_BULLET = re.compile(
    r"\s*(?:>+\s*)*(?:#{1,6}\s+|[-*+\u2022\u25aa\u25e6\u2023\u2013\u2014\u00b7]\s+"
    r"(?:\[[ xX]\]\s+)?)?"
)
_NUMBERED = re.compile(r"\(?(\d{1,3})[.)]\s+(?=\S)")


def plain_text(text: str) -> str:
    """
    Return *text* as one line of prose without markup, citation marks and addresses.

    The text of a link stays; a list item, a heading and a row end with a full stop;
    the lines of a paragraph are joined.
    """
    text = _NOTE_MARK.sub("", html.unescape(text))
    text = unicodedata.normalize("NFKC", text)
    text = _REFERENCE_DEFINITION.sub("", _AUTOLINK.sub(" ", text))
    text = _TAG.sub(" ", _LINK.sub(r"\1", text))
    text = _CITATION.sub("", text)
    text = _SHORTCODE.sub(" ", _URL.sub(_keep_end, text))
    return _join_blocks(list(_iter_blocks(text)))


def _keep_end(match: re.Match[str]) -> str:
    """Return the punctuation after an address: it belongs to the sentence."""
    address = match.group(1)
    return address[len(address.rstrip(".,;:!?)]*_")) :]


def _iter_blocks(text: str) -> Iterator[str]:
    """Yield paragraphs, items and rows, each as one line."""
    gathered: list[str] = []
    table: list[str] = []
    for raw in text.splitlines():
        stripped = raw.strip()
        if stripped.startswith("|"):
            yield from _gathered(gathered)
            table.append(stripped)
            continue
        yield from _read_table(table)
        if _FENCE.match(raw):
            continue
        marker = _BULLET.match(raw)
        line = raw[marker.end() if marker else 0 :].strip()
        numbered = _NUMBERED.match(line)
        # Lines join until an empty one, as in Markdown; what has a mark stands alone.
        if line != stripped or numbered or is_table_row(line) or not _is_spoken(line):
            yield from _gathered(gathered)
        if numbered:
            line = f"{numbered.group(1)}, {line[numbered.end() :]}"
        if _is_spoken(line):
            gathered.append(_speak_row(line))
        if stripped.startswith("#") or is_table_row(line):
            yield from _gathered(gathered)
    yield from _gathered(gathered)
    yield from _read_table(table)


def _gathered(lines: list[str]) -> Iterator[str]:
    """Yield the block of *lines*, if any, and empty the list."""
    block = " ".join(lines).strip()
    lines.clear()
    if block:
        yield block


def _read_table(rows: list[str]) -> Iterator[str]:
    """Yield the rows of a piped table as `column: value, ...` and empty the list."""
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    rows.clear()
    # The line of dashes under the head tells a head from a first row.
    ruled = len(cells) > 1 and not any(map(_is_spoken, cells[1]))
    names = cells.pop(0) if ruled else []
    for row in cells:
        pairs = zip_longest(names[: len(row)], row, fillvalue="")
        yield from filter(
            _is_spoken,
            [
                ", ".join(
                    f"{name}: {cell}" if _is_spoken(name) else cell
                    for name, cell in pairs
                    if _is_spoken(cell)
                )
            ],
        )


def _is_spoken(text: str) -> bool:
    return any(character.isalnum() for character in text)


def _speak_row(line: str) -> str:
    return line.replace("; ", ", ") if is_table_row(line) else line


def _join_blocks(blocks: list[str]) -> str:
    """Join blocks to one line; each but the last gets a mark that ends it."""
    ended = [
        block if _is_ended(block) else f"{block.rstrip(',;')}." for block in blocks[:-1]
    ]
    return " ".join([*ended, *blocks[-1:]])


def _is_ended(block: str) -> bool:
    return block.rstrip("\"'*_`)\u201d\u2019")[-1:] in set(".!?:\u2026")
