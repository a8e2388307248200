"""Small tables in place of the recogniser's big ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from speech.pronunciation import Pronouncer

WORDS = "the DH AH\nthe(2) DH IY\ncard K AA R D\nlibrary L AY B R EH R IY\n"


@pytest.fixture
def pronouncer(tmp_path: Path) -> Pronouncer:
    path = tmp_path / "words.dict"
    path.write_text(WORDS, encoding="utf-8")
    return Pronouncer.load(path)
