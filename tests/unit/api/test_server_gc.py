"""When the collector works by hand."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from api.server_gc import CollectorTuner


class Clock:
    """Time that the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def runs() -> list[float]:
    return []


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tuner(clock: Clock, runs: list[float]) -> CollectorTuner:
    def collect() -> int:
        runs.append(clock.now)
        return 0

    return CollectorTuner(clock, collect)


@pytest.fixture
def thresholds() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


def test_an_idle_worker_collects_after_a_pause(
    tuner: CollectorTuner, clock: Clock, runs: list[float]
) -> None:
    clock.now += 31

    assert tuner.tick(busy=False, served=5)
    assert len(runs) == 1
    clock.now += 10
    assert not tuner.tick(busy=False, served=6)


def test_a_busy_worker_waits_for_a_quiet_moment(
    tuner: CollectorTuner, clock: Clock
) -> None:
    clock.now += 60
    assert not tuner.tick(busy=True, served=5)
    clock.now += 0.5
    assert not tuner.tick(busy=False, served=5)
    clock.now += 1
    assert tuner.tick(busy=False, served=5)


def test_a_worker_that_is_never_idle_collects_in_the_end(
    tuner: CollectorTuner, clock: Clock
) -> None:
    clock.now += 599
    assert not tuner.tick(busy=True, served=5)
    clock.now += 1

    assert tuner.tick(busy=True, served=5)


def test_a_worker_that_served_nobody_has_nothing_to_collect(
    tuner: CollectorTuner, clock: Clock
) -> None:
    clock.now += 3600

    assert not tuner.tick(busy=False, served=0)


@pytest.mark.usefixtures("thresholds")
def test_the_start_freezes_and_ends_automatic_full_collections(
    tuner: CollectorTuner, runs: list[float]
) -> None:
    tuner.start()

    assert gc.get_threshold()[2] >= 1_000_000
    assert gc.get_freeze_count() > 0
    assert len(runs) == 1
