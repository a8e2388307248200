from __future__ import annotations

from stores.breaker import Breaker


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_new_breaker_is_closed_and_asks_for_no_probe() -> None:
    breaker = Breaker()

    assert breaker.closed
    assert not breaker.due()


def test_a_failure_opens_it_once() -> None:
    breaker = Breaker()

    assert [breaker.trip(), breaker.trip()] == [True, False]
    assert not breaker.closed


def test_one_probe_is_due_for_each_cooldown() -> None:
    clock = Clock()
    breaker = Breaker(cooldown_seconds=2, first_seconds=1, clock=clock)
    breaker.trip()

    due = [breaker.due()]
    for _ in range(5):
        clock.now += 1
        due.append(breaker.due())
        breaker.trip()

    assert due == [False, True, False, True, False, True]


def test_a_good_answer_closes_it() -> None:
    breaker = Breaker()
    breaker.trip()

    assert [breaker.reset(), breaker.reset()] == [True, False]
    assert breaker.closed
    assert breaker.seconds_left() == 0


def test_it_tells_when_the_next_probe_comes() -> None:
    clock = Clock()
    breaker = Breaker(cooldown_seconds=2, first_seconds=1, clock=clock)
    breaker.trip()
    clock.now += 0.25

    assert breaker.seconds_left() == 0.75
