"""The documents open when the database is there, and keep nothing else from it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from domain.errors import ConfigurationError, StoreUnavailable
from knowledge.shelf import Shelf


class FakeDatabase:
    """Is away for the first *failures* calls."""

    def __init__(self, failures: int) -> None:
        self.failures = failures

    def migrate(self) -> None:
        if self.failures > 0:
            self.failures -= 1
            raise StoreUnavailable

    def close(self) -> None:
        pass


def make_shelf(failures: int, started: asyncio.Event) -> Shelf:
    loop = asyncio.get_running_loop()
    library = SimpleNamespace(
        start=lambda: loop.call_soon_threadsafe(started.set),
        close=lambda *, grace_seconds: None,
    )
    passages = SimpleNamespace(open=lambda: None, close=lambda: None)
    return Shelf(
        cast("Any", FakeDatabase(failures)),
        cast("Any", passages),
        cast("Any", library),
        cast("Any", None),
        retry_seconds=0.01,
    )


@pytest.mark.parametrize("failures", [0, 3])
async def test_the_library_starts_once_the_database_is_there(failures: int) -> None:
    started = asyncio.Event()
    shelf = make_shelf(failures, started)

    await shelf.start()

    await asyncio.wait_for(started.wait(), 5)
    await shelf.close()


async def test_a_shelf_whose_database_stays_away_can_be_closed() -> None:
    started = asyncio.Event()
    shelf = make_shelf(1_000_000, started)

    await shelf.start()
    await shelf.close()

    assert not started.is_set()


async def test_passages_that_cannot_be_opened_stop_the_start() -> None:
    shelf = make_shelf(0, asyncio.Event())

    def refuse() -> None:
        raise ConfigurationError("owned by another process")

    cast("Any", shelf.passages).open = refuse

    with pytest.raises(ConfigurationError):
        await shelf.start()
