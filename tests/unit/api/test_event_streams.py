from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import TypeVar

import pytest

from api.event_streams import Silence, StepQueue
from domain.errors import UpstreamError

Item = TypeVar("Item")


async def take(items: AsyncGenerator[Item], count: int) -> list[Item]:
    """Return the first *count* items, and close."""
    found = []
    async for item in items:
        found.append(item)
        if len(found) == count:
            break
    await items.aclose()
    return found


async def test_items_come_in_order_to_one_reader_after_another() -> None:
    queue: StepQueue[int] = StepQueue()
    for number in range(4):
        queue.put(number)
    queue.end()

    first = await take(queue.read(silence_seconds=60), 1)
    rest = [item async for item in queue.read(silence_seconds=60)]

    assert first + rest == [0, 1, 2, 3]


async def test_an_end_stays_an_end() -> None:
    queue: StepQueue[int] = StepQueue()
    queue.end()

    for _ in range(2):
        assert [item async for item in queue.read(silence_seconds=60)] == []


async def test_a_failure_comes_after_the_items() -> None:
    queue: StepQueue[int] = StepQueue()
    queue.put(1)
    queue.end(UpstreamError())
    items = queue.read(silence_seconds=60)

    assert await anext(items) == 1
    with pytest.raises(UpstreamError):
        await anext(items)


async def test_silence_is_told_again_and_again() -> None:
    queue: StepQueue[int] = StepQueue()

    found = await take(queue.read(silence_seconds=0.01), 3)

    assert found == [Silence()] * 3


async def test_what_comes_in_time_is_no_silence() -> None:
    queue: StepQueue[int] = StepQueue()
    items = queue.read(silence_seconds=2)

    async def make() -> None:
        for number in range(5):
            await asyncio.sleep(0.01)
            queue.put(number)
        queue.end()

    making = asyncio.create_task(make())

    assert [item async for item in items] == [0, 1, 2, 3, 4]
    await making


async def test_who_reads_slowly_finds_no_silence_among_what_waits() -> None:
    queue: StepQueue[int] = StepQueue()
    for number in range(3):
        queue.put(number)
    queue.end()
    found = []

    async for item in queue.read(silence_seconds=0.01):
        found.append(item)
        await asyncio.sleep(0.05)

    assert found == [0, 1, 2]


async def test_a_reader_that_left_leaves_no_timer() -> None:
    queue: StepQueue[int] = StepQueue()
    queue.put(1)
    await take(queue.read(silence_seconds=0.01), 1)

    await asyncio.sleep(0.05)
    queue.put(2)

    assert await take(queue.read(silence_seconds=60), 1) == [2]
