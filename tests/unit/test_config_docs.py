"""Fields, the page about them and the sample file say the same."""

from __future__ import annotations

import ast
import re
from itertools import pairwise
from pathlib import Path

import pytest

from config import Settings

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
SAMPLE = (ROOT / ".env.sample").read_text(encoding="utf-8")
NAMES = [name.upper() for name in Settings.model_fields]


def rows() -> dict[str, str]:
    """Return default by variable, as the page has it."""
    return dict(re.findall(r"^\| `([A-Z0-9_]+)` \| (.*?) \|", PAGE, re.MULTILINE))


def sampled() -> dict[str, str]:
    """Return default by variable, as the sample file has it."""
    return dict(re.findall(r"^# ?([A-Z0-9_]+)=(.*)$", SAMPLE, re.MULTILINE))


def shown(value: object) -> str:
    """Return a default as people write it."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def test_the_page_lists_every_variable_in_order_and_no_other() -> None:
    assert list(rows()) == NAMES


def test_the_sample_lists_every_variable_in_order_and_no_other() -> None:
    assert list(sampled()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_default_is_the_same_in_all_three(name: str) -> None:
    default = shown(Settings.model_fields[name.lower()].default)

    assert rows()[name].strip("`").replace("-", "", 1 if not default else 0) == default
    assert sampled()[name] == default


def test_the_sample_sets_nothing() -> None:
    lines = [line for line in SAMPLE.splitlines() if line.strip()]

    assert all(line.startswith("#") for line in lines)


def test_every_field_has_a_line_under_it() -> None:
    tree = ast.parse((ROOT / "config.py").read_text(encoding="utf-8"))
    (settings,) = [
        node
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name == "Settings"
    ]
    for field, line in pairwise(settings.body):
        if isinstance(field, ast.AnnAssign):
            assert isinstance(line, ast.Expr), ast.unparse(field)
            assert isinstance(line.value, ast.Constant), ast.unparse(field)
