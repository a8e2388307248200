from __future__ import annotations

import pytest

from auth.passes import Passes

DIGESTS = ("a" * 64, "b" * 64)


def test_a_pass_is_known_by_every_process_of_a_deployment() -> None:
    made = Passes(DIGESTS).new()

    assert Passes(reversed(DIGESTS)).made(made)
    assert Passes(digest.upper() for digest in DIGESTS).made(made)


def test_no_two_are_the_same() -> None:
    passes = Passes(DIGESTS)

    assert len({passes.new() for _ in range(100)}) == 100


def test_another_deployment_makes_other_ones() -> None:
    assert not Passes(DIGESTS[:1]).made(Passes(DIGESTS).new())


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-1],
        lambda text: text + "0",
        lambda text: text.removeprefix("visit_"),
        lambda text: "visit_" + text,
        lambda text: text.replace(".", ""),
        lambda text: text.partition(".")[0],
        lambda text: text[:6] + "A" + text[7:] if text[6] != "A" else "",
        lambda text: text[:-1] + "é",
        lambda text: text[:10] + "\ud800" + text[11:],
        lambda _: "",
        lambda _: "tanya_" + "A" * 43,
    ],
)
def test_what_was_changed_was_not_made_here(change: object) -> None:
    assert callable(change)
    passes = Passes(DIGESTS)

    assert not passes.made(change(passes.new()))
