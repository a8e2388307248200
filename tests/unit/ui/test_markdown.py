"""What people, documents and models write cannot command the page."""

from __future__ import annotations

import re

import pytest

from ui.markdown import answer, plain, plain_line, web_link


def _visible(markdown: str) -> str:
    """Undo backslash escapes, as a Markdown reader does; joiners are invisible."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", markdown).replace("\u2060", "")


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "![x](https://example.org/a.png)",
        "$x^2$ and Rp $5",
        ":red[danger] :material/home: :smile:",
        "# Heading",
        "1. one",
        "- [ ] task",
        "a_b_c *d* `e` ~f~ [1]",
        "&lt;b&gt;",
        "\\*",
    ],
)
def test_plain_text_is_shown_letter_by_letter(text: str) -> None:
    shown = plain(text)

    assert _visible(shown) == text
    assert not re.search(r"(?<!\\)[<$&`\[:!#*_]", shown.replace("\\\\", ""))


def test_plain_text_keeps_its_lines() -> None:
    assert plain("one\r\n  two") == "one  \ntwo"
    assert plain_line("one\n two") == "one two"


def test_an_answer_keeps_emphasis_lists_and_tables() -> None:
    text = "**Bold** and *soft*\n\n- one\n- two\n\n| a | b |\n|:--|--:|\n| 1 | 2 |"

    assert answer(text) == text


def test_an_image_is_never_loaded() -> None:
    shown = answer("See ![logo](https://evil.example/p.png?q=1) here")

    assert shown == "See logo https://evil.example/p.png?q=1 here"


def test_a_link_shows_where_it_leads() -> None:
    shown = answer("[Your bank](https://evil.example/login)")

    assert shown == "Your bank https://evil.example/login"


@pytest.mark.parametrize(
    "text",
    [
        "`![x](https://evil.example/a.png)`",
        r"\`![x](https://evil.example/a.png)\`",
        "``![x](https://evil.example/a.png)``",
        "| a `b | ![x](https://evil.example/a.png)` | c |",
        "[![x](https://evil.example/a.png)](https://evil.example)",
        "![x][1]\n\n[1]: https://evil.example/a.png",
        "![x]\n\n[x]: https://evil.example/a.png",
        "<img src=https://evil.example/a.png>",
        "![a\nb](https://evil.example/a.png)",
        "![a]( <https://evil.example/a.png> 'title')",
        "````\n```\n![x](https://evil.example/a.png)\n```\n````",
        "```\ncode\n   ````\n![x](https://evil.example/a.png)",
        "~~~\n```\n~~~\n![x](https://evil.example/a.png)",
        "- ```\n![x](https://evil.example/a.png)",
    ],
)
def test_no_way_of_writing_an_image_survives(text: str) -> None:
    shown = _outside_fences(answer(text))

    assert not re.search(r"(?<!\\)(?:\\\\)*!\[", shown)
    assert not re.search(r"(?<!\\)(?:\\\\)*\]\s*[(\[:]", shown)
    assert not re.search(r"(?<!\\)(?:\\\\)*<", shown)


def _outside_fences(markdown: str) -> str:
    return re.sub(r"(?ms)^(`{4,})text\n.*?^\1$", "", markdown)


def test_a_fence_is_written_anew_and_longer_than_what_it_holds() -> None:
    assert answer("```python\nprint('<b>')\n```\nafter") == (
        "\n````text\nprint('<b>')\n````\n\nafter"
    )
    assert "`````text" in answer("```\na ```` b\n```")


def test_an_unfinished_fence_of_a_stream_is_closed() -> None:
    assert answer("```\ncode") == "\n````text\ncode\n````\n"


def test_headings_and_rules_do_not_break_the_page() -> None:
    assert answer("# Title #\ntext\n===\nmore\n---") == "**Title**\ntext\n\nmore\n"


def test_formulas_and_directives_are_shown_as_written() -> None:
    text = "Rp $5 :red[x] :material/home: :smile: 10:30 10:30:45"

    shown = answer(text)

    assert _visible(shown) == text
    assert "\\$5" in shown
    assert "\\:red\\[x\\]" in shown
    assert shown.endswith("10\\:30 10\\:30\\:45")


@pytest.mark.parametrize("icon", [":smile:", ":material/home:", ":streamlit:", ":+1:"])
def test_the_name_of_an_icon_stays_a_name(icon: str) -> None:
    for shown in (answer(icon), plain(icon)):
        text = shown.replace("\\", "")
        assert icon not in text
        assert text.replace("\u2060", "") == icon


def test_an_address_stays_whole() -> None:
    text = "https://example.ac.id/a_b?x=1&y=:red"

    assert answer(text) == text


def test_short_code_stays_code() -> None:
    assert answer("run `make run` now") == "run `make run` now"


@pytest.mark.parametrize(
    "url", [None, "", "javascript:alert(1)", "file:///etc/passwd", "guide.pdf#page=3"]
)
def test_only_a_web_address_becomes_a_link(url: str | None) -> None:
    assert web_link("Guide [1]", url) == "Guide \\[1\\]"


def test_a_link_cannot_be_closed_from_within() -> None:
    assert web_link("a](b", "https://x.example/a") == (
        "[a\\]\\(b](https://x.example/a)"
    )
    assert "](" not in web_link("a", "https://x.example/a) ![i](https://e.example/p)")
