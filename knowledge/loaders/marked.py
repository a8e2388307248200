"""Markdown: headings, paragraphs, lists, tables, code, with front matter."""

from __future__ import annotations

import re
from collections.abc import Iterator

from knowledge.hygiene import clean_line, clean_text
from knowledge.loaders.blocks import Block, Extract
from knowledge.loaders.decoding import decode
from knowledge.loaders.front_matter import split_front_matter
from knowledge.loaders.tables import iter_rows
from knowledge.loaders.web import iter_html_blocks

_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
_SETEXT = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_ITEM = re.compile(r"(\s*)([-*+]|\d{1,9}[.)])[ \t]+(.*)$")
_RULE = re.compile(r" {0,3}([-*_])[ \t]*(?:\1[ \t]*){2,}$")
_TABLE_RULE = re.compile(
    r"[ \t]*+\|?[ \t]*+:?-++:?[ \t]*+(?:\|[ \t]*+:?-*+:?[ \t]*+)*+$"
)
_ATTRIBUTES = re.compile(r"(?:(?<!\s)\s++)?\{[#.:][^{}]*+\}\s*+$")
_RUN_OF_BLANKS = re.compile(r"( {2,})")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,2000}>")
_REFERENCE = re.compile(r" {0,3}\[[^\]]{1,200}\]:\s+\S+")

# Inline marks. Bounded, so that a long line of brackets stays linear.
_IMAGE = re.compile(
    r"!\[([^\]\[]{0,500})\](?:\([^()\s]{0,2000}(?:\s+\"[^\"]{0,500}\")?\)|\[[^\]\[]{0,200}\])"
)
_LINK = re.compile(
    r"\[([^\]\[]{1,1000})\](?:\([^()\s]{0,2000}(?:\([^()\s]{0,500}\))?[^()\s]{0,500}(?:\s+\"[^\"]{0,500}\")?\)|\[[^\]\[]{0,200}\])"
)
_AUTOLINK = re.compile(r"<((?:https?://|mailto:)?[^<>\s@]{1,500}(?:@[^<>\s]{1,200})?)>")
_STRONG = re.compile(r"(\*\*|__)(?=\S)(.{1,2000}?)(?<=\S)\1")
_EMPHASIS = re.compile(
    r"(?<![\w*])\*(?=[^\s*])([^*\n]{1,1000}?)(?<=\S)\*(?![\w*])|(?<![\w_])_(?=[^\s_])([^_\n]{1,1000}?)(?<=\S)_(?![\w_])"
)
_CODE = re.compile(r"(`{1,3})(?!`)(.{1,1000}?)(?<!`)\1(?!`)")
_ESCAPE = re.compile(r"\\([\\`*_{}\[\]()#+\-.!|<>~])")


def load_markdown(content: bytes) -> Extract:
    """Return the blocks of a Markdown file; raises `DocumentUnreadable`."""
    fields, text = split_front_matter(clean_text_lines(decode(content)))
    blocks = tuple(_iter_blocks(_COMMENT.sub("", text)))
    title = fields.pop("title", None)
    language = fields.pop("language", None) or fields.pop("lang", None)
    if not title:
        title = next(
            (b.text for b in blocks if b.kind == "heading" and b.level == 1), None
        )
    return Extract(
        blocks=blocks,
        title=str(title) if title else None,
        language=str(language)[:2].lower() if language else None,
        metadata=fields,
    )


def clean_text_lines(text: str) -> str:
    """Return *text* with newlines only and tabs as blanks, runs of blanks kept."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").expandtabs(4).split("\n")
    return "\n".join(
        "".join(part if part[:2] == "  " else clean_text(part) for part in gaps(line))
        for line in lines
    )


def gaps(line: str) -> list[str]:
    """Return *line* in pieces, its runs of blanks apart: they may be columns."""
    return _RUN_OF_BLANKS.split(line)


def plain_inline(text: str) -> str:
    """Return a line of Markdown without its inline marks."""
    text = _IMAGE.sub(r"\1", text)
    text = _LINK.sub(r"\1", text)
    text = _AUTOLINK.sub(lambda match: match.group(1).removeprefix("mailto:"), text)
    text = _CODE.sub(r"\2", text)
    text = _STRONG.sub(r"\2", text)
    text = _EMPHASIS.sub(lambda match: match.group(1) or match.group(2), text)
    return clean_line(_ESCAPE.sub(r"\1", text))


def _iter_blocks(text: str) -> Iterator[Block]:
    lines = text.split("\n")
    position = tables = 0
    while position < len(lines):
        line = lines[position]
        heading = _ATX.match(line)
        fence = _FENCE.match(line)
        if not line.strip() or _RULE.match(line) or _REFERENCE.match(line):
            position += 1
        elif heading:
            name = plain_inline(_ATTRIBUTES.sub("", heading.group(2) or ""))
            if name:
                yield Block("heading", name, level=len(heading.group(1)))
            position += 1
        elif fence:
            position, code = _take_fence(lines, position, fence.group(1))
            if code:
                yield Block("text", code)
        elif _starts_table(lines, position):
            end = _end_of_table(lines, position)
            rows = [_cells(row) for row in lines[position:end]]
            tables += 1
            yield from iter_rows(rows[2:], number=tables, header=rows[0])
            position = end
        else:
            end = _end_of_paragraph(lines, position)
            underline = _SETEXT.match(lines[end]) if end < len(lines) else None
            if underline:
                name = plain_inline(" ".join(lines[position:end]))
                level = 1 if underline.group(1).startswith("=") else 2
                yield Block("heading", name, level=level)
            else:
                for block in _iter_paragraph(lines[position:end], first_table=tables):
                    tables = max(tables, block.table or 0)
                    yield block
            position = end + bool(underline)


def _iter_paragraph(lines: list[str], *, first_table: int) -> Iterator[Block]:
    """Yield a paragraph: plain text, a list item, a heading underlined, or HTML."""
    joined = "\n".join(line.strip() for line in lines)
    if _TAG.search(joined):
        yield from iter_html_blocks(joined, first_table=first_table)
        return
    item = _ITEM.match(lines[0])
    if item:
        mark = item.group(2) if item.group(2)[0].isdigit() else "-"
        rest = " ".join([item.group(3), *lines[1:]])
        text = plain_inline(rest)
        if text:
            yield Block("item", f"{mark} {text}")
        return
    text = plain_inline(" ".join(line.strip().lstrip(">").strip() for line in lines))
    if text:
        yield Block("text", text)


def _take_fence(lines: list[str], start: int, mark: str) -> tuple[int, str]:
    end = start + 1
    while end < len(lines) and not lines[end].strip().startswith(mark):
        end += 1
    return end + 1, "\n".join(lines[start + 1 : end]).strip("\n")


def _starts_table(lines: list[str], position: int) -> bool:
    return (
        "|" in lines[position]
        and position + 1 < len(lines)
        and "-" in lines[position + 1]
        and "|" in lines[position + 1]
        and _TABLE_RULE.match(lines[position + 1]) is not None
    )


def _end_of_table(lines: list[str], start: int) -> int:
    end = start
    while end < len(lines) and "|" in lines[end]:
        end += 1
    return end


def _cells(line: str) -> list[str]:
    row = line.strip().removeprefix("|")
    if row.endswith("|") and not row.endswith("\\|"):
        row = row[:-1]
    cells = re.split(r"(?<!\\)\|", row)
    return [
        plain_inline(cell.replace("\\|", "|").replace("<br>", " ")) for cell in cells
    ]


def _end_of_paragraph(lines: list[str], start: int) -> int:
    end = start + 1
    while end < len(lines):
        line = lines[end]
        if (
            not line.strip()
            or _ATX.match(line)
            or _FENCE.match(line)
            or _ITEM.match(line)
            or _starts_table(lines, end)
            or _SETEXT.match(line)
        ):
            break
        end += 1
    return end
