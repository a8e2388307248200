"""What is known of the parts, without asking them."""

from __future__ import annotations

import asyncio

from domain.conversations import StateMode
from domain.errors import StoreUnavailable
from stores.health import COMPONENTS, HealthBoard, Watch


def board(state: StateMode = "ok") -> HealthBoard:
    return HealthBoard(state=lambda: state, parts={"qdrant": lambda: "embedded"})


def test_a_part_nobody_speaks_for_is_off() -> None:
    components = board().components()

    assert set(components) == set(COMPONENTS)
    assert components["qdrant"] == "embedded"
    assert components["model"] == "off"


def test_a_turn_needs_somewhere_to_keep_it() -> None:
    assert board("ok").not_ready_reasons() == []
    assert board("file").not_ready_reasons() == []
    assert board("unavailable").not_ready_reasons() == ["state_unavailable"]


def test_others_may_say_why_not() -> None:
    ready = board()
    reason: list[str | None] = [None]
    ready.watch(lambda: reason[0])

    before = list(ready.not_ready_reasons())
    reason[0] = "saturated"

    assert before == []
    assert ready.not_ready_reasons() == ["saturated"]


async def test_a_watch_notices_that_a_part_went_and_came_back() -> None:
    away, asked = False, asyncio.Event()
    loop = asyncio.get_running_loop()

    def check() -> None:
        loop.call_soon_threadsafe(asked.set)
        if away:
            raise StoreUnavailable

    async def until(state: str) -> None:
        async with asyncio.timeout(5):
            while watch.state() != state:
                asked.clear()
                await asked.wait()
                await asyncio.sleep(0)

    watch = Watch(check, pause_seconds=0.001)
    await watch.start()
    away = True
    await until("unavailable")
    away = False
    await until("ok")
    await watch.close()

    assert watch.state() == "ok"
