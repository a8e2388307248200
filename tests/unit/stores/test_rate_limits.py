from __future__ import annotations

import pytest

from stores.rate_limits import SharedRateLimiter


class Clock:
    """Unix seconds at the start of an hour, moved by hand."""

    def __init__(self) -> None:
        self.now = 3600.0 * 480_000

    def __call__(self) -> float:
        return self.now


async def allowed(
    limiter: SharedRateLimiter, times: int, subject: str = "key:a"
) -> int:
    outcomes = [await limiter.hit(subject) for _ in range(times)]
    return sum(all(one.allowed for one in outcome) for outcome in outcomes)


async def test_an_hour_allows_its_limit_and_no_more() -> None:
    limiter = SharedRateLimiter(None, per_hour=100, clock=Clock())

    assert await allowed(limiter, 150) == 100


async def test_the_shorter_limit_refuses_first_and_costs_the_longer_one_nothing() -> (
    None
):
    clock = Clock()
    limiter = SharedRateLimiter(None, per_hour=15, per_minute=10, clock=clock)

    first = await allowed(limiter, 50)
    clock.now += 120
    second = await allowed(limiter, 50)

    assert (first, second) == (10, 5)


async def test_two_subjects_do_not_share_a_limit() -> None:
    limiter = SharedRateLimiter(None, per_hour=3, clock=Clock())

    counts = [await allowed(limiter, 5, f"key:{name}") for name in "ab"]

    assert counts == [3, 3]


async def test_the_turn_of_an_hour_does_not_double_the_limit() -> None:
    clock = Clock()
    limiter = SharedRateLimiter(None, per_hour=100, clock=clock)
    clock.now += 3599
    await allowed(limiter, 100)

    clock.now += 2

    assert await allowed(limiter, 100) <= 1


async def test_room_comes_back_evenly() -> None:
    clock = Clock()
    limiter = SharedRateLimiter(None, per_hour=100, clock=clock)
    await allowed(limiter, 100)

    clock.now += 3600 * 1.5

    assert await allowed(limiter, 100) == 50


async def test_who_keeps_asking_is_not_locked_out() -> None:
    clock = Clock()
    limiter = SharedRateLimiter(None, per_hour=100, clock=clock)

    served = 0
    for _ in range(4 * 3600 // 10):
        served += await allowed(limiter, 1)
        clock.now += 10

    assert 395 <= served <= 500


@pytest.mark.parametrize("elapsed", [0, 1, 600, 1800, 3599])
@pytest.mark.parametrize("before", [0, 40, 100])
async def test_after_the_announced_wait_a_request_is_allowed(
    elapsed: int, before: int
) -> None:
    clock = Clock()
    limiter = SharedRateLimiter(None, per_hour=100, clock=clock)
    await allowed(limiter, before)
    clock.now += 3600 + elapsed
    await allowed(limiter, 100)
    refused = (await limiter.hit("key:a"))[0]

    clock.now += refused.reset_seconds

    assert not refused.allowed
    assert refused.remaining == 0
    assert (await limiter.hit("key:a"))[0].allowed


async def test_the_announced_wait_is_not_longer_than_needed() -> None:
    clock = Clock()
    limiter = SharedRateLimiter(None, per_hour=100, clock=clock)
    await allowed(limiter, 100)
    refused = (await limiter.hit("key:a"))[0]

    clock.now += refused.reset_seconds - 2

    assert not (await limiter.hit("key:a"))[0].allowed


async def test_an_allowance_says_how_it_stands() -> None:
    clock = Clock()
    clock.now += 60
    limiter = SharedRateLimiter(None, per_hour=100, per_minute=10, clock=clock)

    hour, minute = await limiter.hit("key:a")

    assert (hour.name, hour.limit, hour.remaining) == ("hour", 100, 99)
    assert (hour.window_seconds, hour.reset_seconds) == (3600, 3540)
    assert (minute.name, minute.limit, minute.remaining) == ("minute", 10, 9)
    assert (minute.window_seconds, minute.reset_seconds) == (60, 60)


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("unknown", "unknown", True),
    ],
)
async def test_addresses_count_by_whom_they_belong_to(
    one: str, other: str, shared: bool
) -> None:
    limiter = SharedRateLimiter(None, per_hour=1, clock=Clock())
    await limiter.hit(f"address:{one}")

    assert (await allowed(limiter, 1, f"address:{other}")) == (0 if shared else 1)


async def test_many_subjects_take_bounded_memory() -> None:
    limiter = SharedRateLimiter(None, per_hour=1, clock=Clock())

    for number in range(25_000):
        await limiter.hit(
            f"address:10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        )

    assert len(limiter._seen) <= 20_000
