"""What must hold with nothing configured, and whether it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.eval_figures import Figures
from bench.retrieval import Figures as Ranks


@dataclass(frozen=True, slots=True)
class Bar:
    """A figure with the least (or, with *most*, the highest) value it may have."""

    name: str
    value: float
    bar: float
    most: bool = False

    @property
    def holds(self) -> bool:
        """The value is on the right side."""
        return self.value <= self.bar if self.most else self.value >= self.bar


_SETS = {
    "en": (0.84, 0.84),
    "id": (0.76, 0.82),
    "facqa": (0.87, 0.82),
}
"""Least containment and first source of each reading set."""

_RETRIEVAL = {
    "en": ("ndcg", 0.925),
    "id": ("ndcg", 0.915),
    "xling": ("recall_1", 0.55),
}


def find_bars(
    rows: Mapping[str, Figures],
    absent: Mapping[str, tuple[float, float]],
    retrieval: Mapping[str, Ranks],
) -> list[Bar]:
    """Return every bar that can be told from what was measured."""
    bars: list[Bar] = []
    for name, (contained, first) in _SETS.items():
        if name in rows:
            bars += [
                Bar(f"{name}: containment", rows[name].containment or 0.0, contained),
                Bar(f"{name}: first source", rows[name].first_source or 0.0, first),
            ]
    demo = rows["demo"]
    bars += [
        Bar("demo: containment", demo.containment or 0.0, 0.80),
        Bar("demo: one language", demo.one_language[0] or 0.0, 0.92),
        Bar("demo: follow-ups", demo.follow_ups or 0.0, 0.80),
        Bar("demo: refusals", demo.refusals or 0.0, 0.70),
        Bar("demo: false refusals", demo.false_refusals or 0.0, 0.12, most=True),
    ]
    bars += [
        Bar(f"{name}: AUROC, absent topics", auroc, 0.95)
        for name, (auroc, _) in absent.items()
    ]
    bars += [
        Bar(f"retrieval {name}: {metric}", getattr(retrieval[name], metric), least)
        for name, (metric, least) in _RETRIEVAL.items()
        if name in retrieval
    ]
    faults = sum(one.faults for one in rows.values())
    return [
        *bars,
        Bar("answer p95, demo, ms", demo.p95, 60.0, most=True),
        Bar("faults of any kind", faults, 0, most=True),
    ]


def print_bars(bars: Sequence[Bar]) -> None:
    """Print each bar and whether it holds."""
    for one in bars:
        sign = "<=" if one.most else ">="
        mark = "ok  " if one.holds else "MISS"
        print(f"{mark} {one.name}: {one.value:.3f} {sign} {one.bar:g}")
