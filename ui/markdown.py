"""Text from people, documents and models, made harmless for `st.markdown`."""

from __future__ import annotations

import re

# ASCII punctuation that Markdown, Streamlit's directives (`:red[...]`), formulas (`$`)
# or emoji names may take as a command.
_PUNCTUATION = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:@^=&\"'])")

# A fence opens and closes exactly where CommonMark (section 4.5) says, at the top
# level only; what lies between is written anew inside a longer fence.
_FENCE_OPEN = re.compile(r"```[ \t]*+[A-Za-z0-9+#-]*+[ \t]*")
_FENCE_CLOSE = re.compile(r" {0,3}`{3,}[ \t]*")

_LINK = re.compile(r"!?\[([^\[\]\n]*)\]\([ \t]*+<?+([^\s()<>]*+)>?+[^()\n]*+\)")
_HEADING = re.compile(r"[ \t]{0,3}#{1,6}[ \t]++([^\n]+)")
_UNDERLINE = re.compile(r"[ \t>]*(=+|-+)[ \t]*")
_CODE = re.compile(r"`([A-Za-z0-9 _./=,-]+)`")
_WEB = re.compile(r"https?://[^\s<>()\[\]\"'`\\|]+", re.IGNORECASE)
_KEPT = re.compile(f"(?:{_WEB.pattern})|{_CODE.pattern}", re.IGNORECASE)
# Streamlit replaces `:smile:`, `:material/home:` and `:streamlit:` after Markdown was
# read, when backslashes are gone; an invisible word joiner keeps the name apart.
_ICON = re.compile(r":(?=(?:(?![A-Za-z+])[\w/-])*+[A-Za-z+][\w+/-]*+:|-1:|100:|1234:)")
_JOINER = "\u2060"
_COMMAND = re.compile(r"([\\`~<>&$#\[\]]|:(?=[A-Za-z0-9_+]|-1))")


def plain(text: str) -> str:
    """Return Markdown that shows *text* letter by letter, line breaks included."""
    escaped = _PUNCTUATION.sub(r"\\\1", _ICON.sub(f":{_JOINER}", text))
    return "  \n".join(line.strip(" \t") for line in _lines(escaped))


def plain_line(text: str) -> str:
    """Return Markdown that shows *text* in one line."""
    return plain(" ".join(text.split()))


def answer(text: str) -> str:
    """
    Return *text* with its lists, tables and emphasis, and nothing that loads or hides.

    Images and links become their words and the address they lead to; HTML, formulas
    and Streamlit's directives appear as they are written; headings become bold lines,
    because an answer is no page.
    """
    lines: list[str] = []
    code: list[str] | None = None
    for line in _lines(text):
        if code is None and _FENCE_OPEN.fullmatch(line):
            code = []
        elif code is None:
            lines.append(_prose(line))
        elif _FENCE_CLOSE.fullmatch(line):
            lines += _fenced(code)
            code = None
        else:
            code.append(line)
    return "\n".join(lines + _fenced(code or []))


def web_link(label: str, url: str | None) -> str:
    """Return a link in Markdown, or just *label* when *url* is no web address."""
    if url and _WEB.fullmatch(url):
        return f"[{plain_line(label)}]({url})"
    return plain_line(label)


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _fenced(code: list[str]) -> list[str]:
    if not code:
        return []
    longest = max(map(len, re.findall("`+", "\n".join(code))), default=0)
    fence = "`" * (max(longest, 3) + 1)
    return ["", fence + "text", *code, fence, ""]


def _prose(line: str) -> str:
    if _UNDERLINE.fullmatch(line):
        return ""
    if heading := _HEADING.fullmatch(line):
        title = heading[1][0] + heading[1][1:].rstrip(" \t#")
        line = f"**{title.strip('* ')}**"
    line = _LINK.sub(lambda found: " ".join(filter(None, found.groups())), line)
    pieces: list[str] = []
    position = 0
    for kept in _KEPT.finditer(line):
        pieces += [_escaped(line[position : kept.start()]), kept[0]]
        position = kept.end()
    return "".join(pieces) + _escaped(line[position:])


def _escaped(text: str) -> str:
    return _COMMAND.sub(r"\\\1", _ICON.sub(f":{_JOINER}", text))
