"""Which elements of a page nobody sees."""

from __future__ import annotations

import re
from collections.abc import Iterable

import soupsieve
from bs4 import BeautifulSoup
from bs4.element import Tag

_HIDING = re.compile(
    r"display:none|visibility:(?:hidden|collapse)|opacity:0(?:\.0+)?%?(?:;|!|$)"
    r"|font-size:0(?:\.\d+)?(?:px|pt|r?em|%)?(?:;|!|$)|font-size:1(?:px|pt)(?:;|!|$)"
    r"|(?:^|;)color:transparent|clip:rect\(0|clip-path:inset\((?:50|100)%"
    r"|text-indent:-\d{3}|(?:left|top|right|bottom|margin-left):-\d{4}"
    r"|(?:^|;)(?:max-)?(?:height|width):0(?:px)?(?:;|!|$)[^}]*overflow:hidden"
    r"|overflow:hidden[^}]*(?:;|^)(?:max-)?(?:height|width):0(?:px)?(?:;|!|$)"
)
_COLOURS = re.compile(r"(?:^|;)(background(?:-color)?|color):([^;!]+)")
_UNSEEN_CLASSES = frozenset(
    {"sr-only", "visually-hidden", "screen-reader-text", "visuallyhidden", "d-none"}
)
_RULE = re.compile(r"([^{}]{1,500})\{([^{}]{0,5000})\}")
_AT_RULE = re.compile(
    r"@[^{};]{0,300}\{(?:[^{}]{0,5000}\{[^{}]{0,5000}\})*[^{}]{0,5000}\}"
)
_CSS_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_MOST_RULES = 200
_WHITE = frozenset({"white", "#fff", "#ffffff", "rgb(255,255,255)"})


def is_hidden(tag: Tag) -> bool:
    """Tell whether *tag* hides itself: an attribute, its style, or its class."""
    if tag.has_attr("hidden") or tag.get("aria-hidden") == "true":
        return True
    if tag.name == "input" or _UNSEEN_CLASSES.intersection(
        tag.get_attribute_list("class")
    ):
        return True
    style = tag.get("style")
    return isinstance(style, str) and hides(style)


def hides(style: str) -> bool:
    """Tell whether a declaration list makes its element invisible."""
    plain = "".join(style.lower().split())[:5000]
    if _HIDING.search(plain):
        return True
    colours = dict(_COLOURS.findall(plain))
    ground = colours.get("background-color") or colours.get("background")
    ink = colours.get("color")
    return ink is not None and (ink == ground or (ink in _WHITE and ground in _WHITE))


def drop_styled_away(soup: BeautifulSoup) -> None:
    """Remove what the page's own style sheets hide on every screen."""
    for selector in _iter_hiding_selectors(style.get_text() for style in soup("style")):
        try:
            for tag in soupsieve.select(selector, soup):
                if tag.name not in ("html", "body", "main"):
                    tag.decompose()
        except (soupsieve.SelectorSyntaxError, NotImplementedError, ValueError):
            continue


def _iter_hiding_selectors(sheets: Iterable[str]) -> Iterable[str]:
    for sheet in sheets:
        # What is hidden for print or small screens only is visible to a reader.
        plain = _AT_RULE.sub("", _CSS_COMMENT.sub("", sheet[:500_000]))
        for number, match in enumerate(_RULE.finditer(plain)):
            if number >= _MOST_RULES:
                break
            if hides(match.group(2)) and ":" not in match.group(1):
                yield match.group(1).strip()
