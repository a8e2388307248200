"""Hostile files are one failed document each: bounded in time, memory and effect."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.documents import Upload
from domain.errors import DocumentTypeUnsupported
from tests.fakes.bombs import Bomb, all_bombs
from tests.fakes.shelves import TestShelf, open_shelf

BOMBS = all_bombs()
# The sandbox bounds wall time by size; a loaded machine needs a little more.
MOST_SECONDS = 90.0
MOST_GROWTH_MB = 200


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestShelf]:
    with open_shelf(tmp_path_factory.mktemp("bombs")) as opened:
        yield opened


def own_memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@pytest.mark.parametrize("bomb", BOMBS, ids=lambda bomb: bomb.name)
def test_a_hostile_file_is_contained(shelf: TestShelf, bomb: Bomb) -> None:
    before, begun = own_memory_mb(), time.monotonic()

    try:
        document, _ = shelf.library.submit("t", Upload(bomb.content, bomb.file))
    except DocumentTypeUnsupported:
        return
    shelf.settle()

    document = shelf.library.load_document("t", document.id)
    assert time.monotonic() - begun < MOST_SECONDS
    assert own_memory_mb() - before < MOST_GROWTH_MB
    if bomb.refused:
        assert document.status == "failed", document
        assert document.error
        assert str(Path.cwd()) not in document.error
    else:
        assert document.status in {"failed", "ready"}
    for passage in shelf.passages.iter_passages("t", document.id):
        assert "root:" not in passage.text


def test_after_all_of_them_an_honest_file_is_taken_in(shelf: TestShelf) -> None:
    document, _ = shelf.library.submit("t", Upload(b"The pool opens at nine.", "p.txt"))
    shelf.settle()

    assert shelf.library.load_document("t", document.id).status == "ready"
