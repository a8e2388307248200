"""HTML: what a reader sees of a page, without its navigation."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bs4 import BeautifulSoup
from bs4.element import Comment, NavigableString, PageElement, PreformattedString, Tag

from knowledge.hygiene import clean_line, clean_text
from knowledge.loaders.blocks import Block, DocumentUnreadable, Extract
from knowledge.loaders.decoding import decode
from knowledge.loaders.hidden import drop_styled_away, is_hidden
from knowledge.loaders.web_tables import is_layout, iter_table

_NEVER = frozenset(
    [
        "script",
        "style",
        "noscript",
        "template",
        "head",
        "iframe",
        "object",
        "embed",
        "svg",
        "canvas",
        "audio",
        "video",
        "select",
        "option",
        "button",
        "input",
        "textarea",
        "datalist",
        "dialog",
        "map",
    ]
)
_FRAME = frozenset({"nav", "header", "footer", "aside"})
_FRAME_ROLES = frozenset(
    {"navigation", "banner", "contentinfo", "complementary", "search", "dialog", "menu"}
)
_BLOCKS = frozenset(
    [
        "p",
        "div",
        "section",
        "article",
        "main",
        "body",
        "html",
        "ul",
        "ol",
        "li",
        "dl",
        "dt",
        "dd",
        "blockquote",
        "pre",
        "figure",
        "figcaption",
        "table",
        "caption",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "address",
        "details",
        "summary",
        "fieldset",
        "form",
        "legend",
        "nav",
        "header",
        "footer",
        "aside",
        "center",
        "hgroup",
    ]
)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
# Meta elements worth keeping, by what they are called here.
_META = {
    "description": "description",
    "keywords": "keywords",
    "author": "author",
    "date": "date",
    "dc.date": "date",
    "article:published_time": "date",
    "valid_from": "valid_from",
    "valid_until": "valid_until",
    "status": "status",
    "module": "module",
    "week": "week",
}
# Deeper nesting is no document; the walk below is recursive.
_DEEPEST = 180
# Elements that nest, and how deep a parser may be asked to go. Their end tags are not
# optional but for a table's, which pages leave out rarely and never thousands of times.
_NESTING = re.compile(
    r"<(/?)(?:div|table|span|b|i|em|strong|font|center|section|article|ul|ol|blockquote"
    r"|a|main|nav|aside|header|footer|form|fieldset|details|figure|small|big|u|s)\b",
    re.IGNORECASE,
)
_DEEPEST_PAGE = 5_000


def load_html(content: bytes) -> Extract:
    """Return the blocks of a page; raises `DocumentUnreadable`."""
    page = decode_page(content)
    _check_depth(page)
    soup = BeautifulSoup(page, "lxml")
    title = clean_line(soup.title.get_text()) if soup.title else ""
    html = soup.find("html")
    declared = html.get("lang") if isinstance(html, Tag) else None
    metadata = _read_meta(soup)
    blocks = tuple(_iter_page(soup))
    return Extract(
        blocks=blocks,
        title=_best_title(title, blocks),
        language=declared[:2].lower()
        if isinstance(declared, str) and declared
        else None,
        metadata=metadata,
    )


def decode_page(content: bytes) -> str:
    """Return the text of a page: by UTF-8 or its mark, else by its meta element."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        from bs4.dammit import EncodingDetector  # noqa: PLC0415 - rare path

        named = EncodingDetector.find_declared_encoding(content[:4096], is_html=True)
        try:
            return (
                content.decode(named or "", errors="replace")
                if named
                else decode(content)
            )
        except LookupError:
            return decode(content)


def iter_html_blocks(fragment: str, *, first_table: int = 0) -> Iterator[Block]:
    """Yield what a reader sees of an HTML *fragment*; tables count on from a number."""
    _check_depth(fragment)
    soup = BeautifulSoup(fragment, "lxml")
    yield from _Walk(frame=False, tables=first_table).iter_blocks(soup)


def _check_depth(page: str) -> None:
    """Refuse a tower of elements before a tree is built of it."""
    depth = 0
    for match in _NESTING.finditer(page):
        depth = max(0, depth - 1) if match.group(1) else depth + 1
        if depth > _DEEPEST_PAGE:
            raise DocumentUnreadable("The page is nested too deeply.")


def _iter_page(soup: BeautifulSoup) -> Iterator[Block]:
    drop_styled_away(soup)
    root = soup.find("main") or soup.select_one("[role=main]") or soup.body or soup
    blocks = list(_Walk(frame=True).iter_blocks(root))
    if not blocks:
        # Everything sits in what looks like a frame: then that is the page.
        blocks = list(_Walk(frame=False).iter_blocks(soup))
    yield from blocks


def _read_meta(soup: BeautifulSoup) -> dict[str, object]:
    found: dict[str, object] = {}
    for meta in soup("meta"):
        name = str(meta.get("name") or meta.get("property") or "").lower()
        value = clean_line(str(meta.get("content") or ""))[:2000]
        if name in _META and value:
            found.setdefault(_META[name], value)
    link = soup.find("link", rel="canonical")
    if isinstance(link, Tag) and str(link.get("href", "")).startswith(
        ("http://", "https://")
    ):
        found["url"] = str(link["href"])[:2000]
    return found


def _best_title(title: str, blocks: tuple[Block, ...]) -> str | None:
    """Return the first heading when the page's title only adds the site's name."""
    heading = next((b.text for b in blocks if b.kind == "heading"), None)
    if heading and (not title or heading.lower() in title.lower()):
        return heading
    return title or heading


class _Walk:
    """One walk over a tree; *frame*: leave out navigation, header, footer, aside."""

    def __init__(self, *, frame: bool, tables: int = 0) -> None:
        self._skip_frame = frame
        self._tables = tables
        self._inline: list[str] = []

    def iter_blocks(self, root: PageElement) -> Iterator[Block]:
        """Yield the blocks under *root*."""
        yield from self._visit(root, depth=0, inside=False)
        yield from self._flush()

    def _visit(self, node: PageElement, *, depth: int, inside: bool) -> Iterator[Block]:
        if isinstance(node, NavigableString):
            if not isinstance(node, Comment | PreformattedString):
                self._inline.append(" ".join(_kept_edges(node)))
            return
        if not isinstance(node, Tag) or self._is_dropped(node, inside=inside):
            return
        if depth > _DEEPEST:
            self._inline.append(node.get_text(" "))
            return
        if node.name == "br":
            self._inline.append("\n")
        elif node.name in _BLOCKS:
            yield from self._flush()
            yield from self._visit_block(node, depth=depth, inside=inside)
            yield from self._flush()
        else:
            yield from self._visit_children(node, depth=depth, inside=inside)

    def _visit_children(
        self, node: Tag, *, depth: int, inside: bool
    ) -> Iterator[Block]:
        inside = inside or node.name in ("main", "article")
        for child in node.children:
            yield from self._visit(child, depth=depth + 1, inside=inside)

    def _visit_block(self, node: Tag, *, depth: int, inside: bool) -> Iterator[Block]:
        level = _HEADINGS.get(node.name)
        if level:
            text = clean_line(self._text_of(node))
            if text:
                yield Block("heading", text, level=level)
        elif node.name == "pre":
            text = clean_text(self._text_of(node)).strip("\n")
            if text.strip():
                yield Block("text", text)
        elif node.name == "table" and not is_layout(node):
            self._tables += 1
            yield from iter_table(node, number=self._tables, dropped=self._is_dropped)
        elif node.name in ("ul", "ol"):
            yield from self._visit_list(node, depth=depth, inside=inside)
        elif node.name == "dl":
            yield from self._visit_terms(node)
        else:
            yield from self._visit_children(node, depth=depth, inside=inside)

    def _visit_list(self, node: Tag, *, depth: int, inside: bool) -> Iterator[Block]:
        number = 0
        for child in node.children:
            if isinstance(child, Tag) and child.name == "li":
                if self._is_dropped(child, inside=inside):
                    continue
                number += 1
                mark = f"{number}." if node.name == "ol" else "-"
                first = True
                found = list(
                    self._visit_children(child, depth=depth + 1, inside=inside)
                )
                found.extend(self._flush())
                for block in found:
                    if first and block.kind == "text":
                        yield Block("item", f"{mark} {clean_line(block.text)}")
                    else:
                        yield block
                    first = False
            else:
                yield from self._visit(child, depth=depth + 1, inside=inside)

    def _visit_terms(self, node: Tag) -> Iterator[Block]:
        term = ""
        for child in node.find_all(["dt", "dd"]):
            if not isinstance(child, Tag) or self._is_dropped(child, inside=True):
                continue
            text = clean_line(self._text_of(child))
            if child.name == "dt":
                term = text
            elif text:
                yield Block("item", f"- {term}: {text}" if term else f"- {text}")

    def _text_of(self, node: Tag) -> str:
        """Return the visible text of *node* as one run."""
        parts: list[str] = []
        for item in node.descendants:
            if isinstance(item, Tag) and item.name == "br":
                parts.append("\n")
            if not isinstance(item, NavigableString) or isinstance(
                item, PreformattedString
            ):
                continue
            around = item.parents
            unseen = False
            for parent in around:
                if parent is node:
                    break
                if self._is_dropped(parent, inside=True):
                    unseen = True
                    break
            if not unseen:
                parts.append(str(item))
        return "".join(parts)

    def _is_dropped(self, tag: Tag, *, inside: bool = True) -> bool:
        if tag.name in _NEVER or is_hidden(tag):
            return True
        if not self._skip_frame:
            return False
        if tag.name in ("header", "footer") and inside:
            # The header of an article holds its title.
            return tag.name == "footer"
        return tag.name in _FRAME or tag.get("role") in _FRAME_ROLES

    def _flush(self) -> Iterator[Block]:
        text, self._inline = "".join(self._inline), []
        lines = [clean_line(line) for line in text.split("\n")]
        joined = "\n".join(line for line in lines if line)
        if joined:
            yield Block("text", joined)


def _kept_edges(text: str) -> list[str]:
    """Return the words of *text* with an empty one where a blank touches its edge."""
    words = text.split()
    if not words:
        return ["", ""] if text else []
    before = [""] if text[0].isspace() else []
    after = [""] if text[-1].isspace() else []
    return [*before, *words, *after]
