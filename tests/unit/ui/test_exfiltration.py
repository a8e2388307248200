"""What the web chat renders of 120 spellings: no image, no link with other words."""

from __future__ import annotations

import re

import pytest
from markdown_it import MarkdownIt

from tests.fakes.injections import spellings
from ui.markdown import answer

RENDER = MarkdownIt("commonmark", {"html": True}).enable("table")


@pytest.mark.parametrize("spelling", spellings())
def test_nothing_loads_and_no_link_hides_its_address(spelling: str) -> None:
    page = RENDER.render(answer(f"Dibuka pukul 8 [1]. {spelling}"))

    assert not re.search(r"<(img|script|iframe|link|svg|style|form|video|meta)\b", page)
    assert not re.search(r"href=\"(?!https?:)", page)
    for address, words in re.findall(r"<a href=\"([^\"]*)\"[^>]*>(.*?)</a>", page):
        assert words == address
