from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from prompts import answering, rag

TEXTS = {
    f"{module.__name__}.{name}": value
    for module in (answering, rag)
    for name, value in vars(module).items()
    if name.isupper() and isinstance(value, Mapping)
}


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_every_text_exists_in_both_languages(name: str) -> None:
    assert set(TEXTS[name]) == {"en", "id"}


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_both_languages_have_the_same_placeholders(name: str) -> None:
    english, indonesian = (
        set(re.findall(r"{(\w+)}", TEXTS[name][language])) for language in ("en", "id")
    )

    assert english == indonesian


def test_a_refusal_speaks_both_languages() -> None:
    for text in rag.REFUSALS.values():
        assert "Maaf" in text
        assert "Sorry" in text
