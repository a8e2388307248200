"""The YAML at the head of a Markdown file."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping

import yaml

from knowledge.hygiene import clean_line

# Longer than any honest front matter.
_LONGEST = 20_000
_FENCE = re.compile(
    r"---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*$\n?", re.DOTALL | re.MULTILINE
)
_DEEPEST = 4


class _PlainLoader(yaml.SafeLoader):
    """YAML without anchors: a few lines of them can stand for gigabytes."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not read")
        return super().compose_node(parent, index)


def split_front_matter(text: str) -> tuple[dict[str, object], str]:
    """Return the fields at the head of *text*, lower-cased names, and the rest."""
    fence = _FENCE.match(text[: _LONGEST + 10])
    if not fence:
        return {}, text
    try:
        fields = yaml.load(fence.group(1), Loader=_PlainLoader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, RecursionError, ValueError):
        return {}, text
    if not isinstance(fields, dict):
        return {}, text
    plain = {
        clean_line(str(name)).lower().replace("-", "_").replace(" ", "_"): value
        for name, value in fields.items()
    }
    return {name: _plain(value) for name, value in plain.items() if name}, text[
        fence.end() :
    ]


def _plain(value: object, depth: int = 0) -> object:
    """Return *value* as JSON: dates in ISO form, text cleaned, not too deep."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    if depth < _DEEPEST and isinstance(value, list | tuple | set):
        return [_plain(item, depth + 1) for item in value]
    if depth < _DEEPEST and isinstance(value, Mapping):
        return {
            clean_line(str(key)): _plain(item, depth + 1) for key, item in value.items()
        }
    return clean_line(str(value))
