"""When a server is worth asking."""

from __future__ import annotations

import logging

import pytest

from speech.outage import COOLDOWN_SECONDS, Outage


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def outage(clock: Clock) -> Outage:
    return Outage("test", clock=clock)


def test_a_server_that_answers_is_always_asked(outage: Outage) -> None:
    outage.succeeded()

    assert outage.may_try()
    assert outage.may_try()
    assert not outage.on


def test_a_server_that_failed_is_left_alone_for_half_a_minute(
    outage: Outage, clock: Clock
) -> None:
    outage.failed()

    assert outage.on
    assert not outage.may_try()
    clock.now += COOLDOWN_SECONDS - 0.1
    assert not outage.may_try()
    clock.now += 0.2
    assert outage.may_try()


def test_one_caller_tries_while_the_others_go_elsewhere(
    outage: Outage, clock: Clock
) -> None:
    outage.failed()
    clock.now += COOLDOWN_SECONDS

    assert [outage.may_try() for _ in range(3)] == [True, False, False]
    clock.now += COOLDOWN_SECONDS
    assert outage.may_try()


def test_it_is_over_when_the_server_answers(outage: Outage, clock: Clock) -> None:
    outage.failed()
    clock.now += COOLDOWN_SECONDS
    assert outage.may_try()

    outage.succeeded()

    assert not outage.on
    assert outage.may_try()


def test_an_outage_is_logged_once_when_it_begins_and_once_when_it_ends(
    outage: Outage, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            outage.failed()
        for _ in range(3):
            outage.succeeded()

    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
