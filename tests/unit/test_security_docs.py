"""`docs/security.md` names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_test_it_names_is_there() -> None:
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")

    named = set(re.findall(r"tests/[\w/]+(?:\.py)?", text))
    assert len(named) > 30
    missing = {
        name
        for name in named
        if not (ROOT / name).is_file() and not (ROOT / name).is_dir()
    }
    assert missing == set()
