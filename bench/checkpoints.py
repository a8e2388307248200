"""
What a turn costs when its conversation is long: our saver beside LangGraph's own.

    python -m bench.checkpoints [--turns 1000] [--durability exit|async]

A turn: a question of 100 characters, four passages of 800, an answer of 600, no model.
The cost at N turns is the median of the turns around N, each worker alone on a real
server over TCP; the graph without a saver is subtracted nowhere.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages

from stores.checkpoints import RedisCheckpointer
from stores.redis_client import RedisConnection
from tests.fakes.redis_server import RedisServer

POINTS = (1, 10, 100, 1000)
# Turns on each side of a point that its median is taken over.
AROUND = 10


class _State(TypedDict, total=False):
    messages: Annotated[list[BaseMessage], add_messages]
    question: str
    documents: list[dict[str, str]]


@dataclass(slots=True)
class Measured:
    """One saver's turns: seconds, CPU seconds and bytes sent, by turn number."""

    name: str
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)
    stored: dict[int, int] = field(default_factory=dict)
    last_turn: int = 0

    def at(self, values: list[Any], turn: int) -> float | None:
        """Return the median of *values* around *turn*, None when it was not reached."""
        if turn > len(values):
            return None
        around = min(AROUND, max(1, turn // 2))
        start, end = max(0, turn - 1 - around), turn + around
        return float(statistics.median(values[start:end]))


class Text:
    """Words that compress as real text does, the same in every run."""

    def __init__(self) -> None:
        self._random = random.Random(7)
        letters = "aeioutnrskmlpdgbyhjw"
        self._words = [
            "".join(self._random.choices(letters, k=self._random.randint(2, 10)))
            for _ in range(4000)
        ]

    def take(self, length: int) -> str:
        """Return *length* characters."""
        parts: list[str] = []
        while sum(map(len, parts)) + len(parts) < length:
            parts.append(self._random.choice(self._words))
        return " ".join(parts)[:length]


def build_graph(text: Text, saver: Any) -> Any:
    """Return the graph of one turn."""

    def retrieve(state: _State) -> _State:
        del state
        return {"documents": [{"text": text.take(800)} for _ in range(4)]}

    def answer(state: _State) -> _State:
        usage = {"input_tokens": 900, "output_tokens": 150, "total_tokens": 1050}
        reply = AIMessage(
            text.take(600),
            response_metadata={"model_name": "stub", "finish_reason": "stop"},
            usage_metadata=usage,
        )
        return {"messages": [HumanMessage(state["question"]), reply]}

    graph = StateGraph(_State)
    graph.add_node("retrieve", retrieve)
    graph.add_node("answer", answer)
    graph.add_edge(START, "retrieve")
    graph.add_edge("retrieve", "answer")
    graph.add_edge("answer", END)
    return graph.compile(checkpointer=saver)


async def measure(
    measured: Measured,
    saver: Any,
    *,
    turns: int,
    durability: str,
    received: Callable[[], int] = lambda: 0,
    stored: Callable[[], int] = lambda: 0,
) -> Measured:
    """Run *turns* turns of one conversation on *saver*."""
    text = Text()
    graph = build_graph(text, saver)
    config = {"configurable": {"thread_id": "acme/bench"}}
    for number in range(1, turns + 1):
        question = text.take(100)
        before, cpu, wall = received(), time.process_time(), time.perf_counter()
        options = {"durability": durability} if saver else {}
        await graph.ainvoke({"question": question}, config, **options)
        measured.wall.append(time.perf_counter() - wall)
        measured.cpu.append(time.process_time() - cpu)
        measured.sent.append(received() - before)
        if number in POINTS:
            measured.stored[number] = stored()
    measured.last_turn = turns
    return measured


@contextmanager
def running_server() -> Iterator[RedisServer]:
    """Run a Redis server for the measurement."""
    with (
        tempfile.TemporaryDirectory() as folder,
        RedisServer(Path(folder)) as server,
    ):
        server.command("CONFIG", "SET", "appendfsync", "everysec")
        yield server


async def measure_ours(turns: int, durability: str, **options: Any) -> Measured:
    """Measure our saver."""
    name = "ours, all history" if options.get("history", 1) is None else "ours"
    if options.get("cache_conversations") == 0:
        name = "ours, no cache"
    with running_server() as server:
        connection = RedisConnection(url=server.url)
        raw: Any = connection.sync_client()
        key = "tanya:cp:{acme%2Fbench}"
        result = await measure(
            Measured(name),
            RedisCheckpointer(connection, **options),
            turns=turns,
            durability=durability,
            received=lambda: int(raw.info("stats")["total_net_input_bytes"]),
            stored=lambda: int(raw.memory_usage(key, samples=0)),
        )
        await connection.aclose()
        connection.close()
    return result


async def measure_sqlite(turns: int, durability: str) -> Measured:
    """Measure LangGraph's SQLite saver, where it is installed."""
    # Not among our dependencies, so neither known to the type checker.
    library: Any = import_module("langgraph.checkpoint.sqlite.aio")
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        path = Path(folder) / "bench.sqlite3"
        saver = await stack.enter_async_context(
            library.AsyncSqliteSaver.from_conn_string(str(path))
        )
        return await measure(
            Measured("SQLite saver"),
            saver,
            turns=turns,
            durability=durability,
            stored=lambda: sum(entry.stat().st_size for entry in path.parent.iterdir()),
        )


def report(results: list[Measured]) -> None:
    """Print the tables and the ratios."""
    points = [point for point in POINTS if point <= results[0].last_turn]
    head = "".join(f"{point:>16}" for point in points)
    print(f"\n{'ms (CPU ms) at turn':<24}{head}")
    for one in results:
        cells = []
        for point in points:
            wall, cpu = one.at(one.wall, point), one.at(one.cpu, point)
            cells.append(f"{wall * 1e3:.2f} ({cpu * 1e3:.2f})" if wall and cpu else "-")
        print(f"{one.name:<24}" + "".join(f"{cell:>16}" for cell in cells))
    print(f"\n{'kB sent at turn':<24}{head}")
    for one in results:
        if any(one.sent):
            row = [one.at(one.sent, point) or 0 for point in points]
            print(f"{one.name:<24}" + "".join(f"{v / 1000:>16.1f}" for v in row))
    print(f"\n{'kB stored at turn':<24}{head}")
    for one in results:
        if any(one.stored.values()):
            row = [one.stored.get(point, 0) for point in points]
            print(f"{one.name:<24}" + "".join(f"{v / 1000:>16.1f}" for v in row))
    ours = next(one for one in results if one.name == "ours")
    last, base = points[-1], points[min(1, len(points) - 1)]
    for one in results:
        wall, own = one.at(one.wall, last), ours.at(ours.wall, last)
        first, late = one.at(one.cpu, base), one.at(one.cpu, last)
        if wall and own and first and late:
            print(
                f"{one.name:<24}{wall / own:6.1f} x ours at turn {last};"
                f" CPU {late / first:.1f} x that at turn {base}"
            )


async def main(turns: int, durability: str) -> None:
    """Measure every saver there is."""
    results = [
        await measure(Measured("no saver"), None, turns=turns, durability=durability),
        await measure(
            Measured("InMemorySaver"),
            InMemorySaver(),
            turns=turns,
            durability=durability,
        ),
        await measure_ours(turns, durability),
        await measure_ours(turns, durability, cache_conversations=0),
        await measure_ours(turns, durability, history=None),
    ]
    if find_spec("langgraph.checkpoint.sqlite"):
        results.append(await measure_sqlite(turns, durability))
    report(results)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--turns", type=int, default=1000)
    parser.add_argument("--durability", choices=("exit", "async"), default="exit")
    arguments = parser.parse_args()
    sys.exit(asyncio.run(main(arguments.turns, arguments.durability)))
