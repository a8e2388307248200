"""Starting in order, closing in reverse, failing with one line."""

from __future__ import annotations

from flask import Flask

from api.bridge import Bridge
from domain.errors import ConfigurationError
from tests.fakes.asgi import run_lifespan


class Part:
    """Notes when it starts and closes."""

    def __init__(
        self, name: str, log: list[str], fail: Exception | None = None
    ) -> None:
        self._name = name
        self._log = log
        self._fail = fail

    async def start(self) -> None:
        if self._fail is not None:
            raise self._fail
        self._log.append(f"start {self._name}")

    async def close(self) -> None:
        self._log.append(f"close {self._name}")
        if self._name == "bad":
            raise ZeroDivisionError


def make_bridge(*parts: Part) -> Bridge:
    return Bridge(
        Flask("lifespan"),
        starters=[part.start for part in parts],
        closers=[part.close for part in parts],
    )


async def test_parts_start_in_order_and_close_in_reverse() -> None:
    log: list[str] = []

    said = await run_lifespan(make_bridge(Part("a", log), Part("b", log)))

    assert log == ["start a", "start b", "close b", "close a"]
    assert [m["type"] for m in said] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]


async def test_a_closer_that_fails_stops_no_other() -> None:
    log: list[str] = []

    await run_lifespan(make_bridge(Part("a", log), Part("bad", log), Part("c", log)))

    assert log[3:] == ["close c", "close bad", "close a"]


async def test_a_starter_that_fails_is_named_without_its_message() -> None:
    log: list[str] = []
    fail = ConnectionError("redis://user:secret@host")

    said = await run_lifespan(make_bridge(Part("a", log), Part("b", log, fail)))

    assert [m["type"] for m in said] == ["lifespan.startup.failed"]
    assert said[0]["message"] == "start failed: Part.start: ConnectionError"
    assert "close a" in log


async def test_our_own_errors_say_what_is_wrong() -> None:
    fail = ConfigurationError("REDIS_URL: cannot be reached")

    said = await run_lifespan(make_bridge(Part("a", [], fail)))

    assert said[0]["message"].endswith("REDIS_URL: cannot be reached")
