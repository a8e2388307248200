"""
Open streams on one worker: how fast `/health` answers, and what leavers leave behind.

    python -m tests.load.streams --streams 500 --leavers 200

`/health` must stay under 250 ms (99 of 100), and the upstream call of everybody who
left must be cancelled within a second.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.fakes.fault_stage import Stage, set_stage

HEALTH_SECONDS = 0.25
CANCEL_SECONDS = 1.0
TOKEN_SECONDS = 3.0
_PROBER = """
import http.client, json, sys, time
times = []
for _ in range(int(sys.argv[2])):
    began = time.perf_counter()
    client = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=30)
    client.request("GET", "/health")
    assert client.getresponse().status == 200
    client.close()
    times.append(time.perf_counter() - began)
    time.sleep(0.02)
print(json.dumps(times))
"""
_QUESTION = "Pukul berapa perahu dayung Kenari disewakan?"


@dataclass
class Outcome:
    """Figures of one campaign."""

    opened: int = 0
    health: list[float] = field(default_factory=list)
    left: int = 0
    cancelled: int = 0
    cancel_seconds: float = 0.0
    completed: int = 0
    refused: int = 0

    @property
    def health_p99(self) -> float:
        """Seconds within which 99 of 100 probes were answered."""
        return sorted(self.health)[int(len(self.health) * 0.99)]

    def lines(self) -> list[str]:
        """Return the figures as text."""
        middle = sorted(self.health)[len(self.health) // 2] * 1000
        slowest = self.health_p99 * 1000
        return [
            f"streams open at once {self.opened}, refused {self.refused}",
            (
                f"/health p50 {middle:.0f} ms, p99 {slowest:.0f} ms"
                f" of {len(self.health)}"
            ),
            (
                f"left {self.left}, upstream calls cancelled {self.cancelled},"
                f" the last after {self.cancel_seconds:.2f} s"
            ),
            f"the others read to their end {self.completed}",
        ]


def run(
    folder: Path, *, streams: int, leavers: int, seconds: float, probes: int = 200
) -> Outcome:
    """
    Open *streams*, probe, let *leavers* leave at once, read the others to their end.

    Args:
        seconds: About how long each stream would last; more than the opening takes.
    """
    options = {"token_delay": TOKEN_SECONDS}
    # Longer than any stream: they are to end by their text.
    env = {"TURN_TIMEOUT": "600", "LLM_TIMEOUT": "600"}
    with set_stage(
        folder, model="good", model_options=options, proxied_model=False, env=env
    ) as stage:
        assert stage.model is not None
        words = max(2, int(seconds / TOKEN_SECONDS))
        stage.model.script["good"] = " ".join(["06.15"] * words)
        return asyncio.run(_campaign(stage, streams, leavers, probes))


async def _campaign(stage: Stage, streams: int, leavers: int, probes: int) -> Outcome:
    outcome = Outcome()
    opening = asyncio.Semaphore(50)
    found = await asyncio.gather(
        *(_open(stage, number, opening) for number in range(streams))
    )
    held = [one for one in found if one is not None]
    outcome.opened, outcome.refused = len(held), streams - len(held)
    outcome.health = await _probe(stage, probes)
    await _leave(stage, held[:leavers], outcome)
    ends = await asyncio.gather(*(_read_on(reader) for reader, _ in held[leavers:]))
    outcome.completed = sum(ends)
    for _, writer in held[leavers:]:
        writer.close()
    return outcome


_Held = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _open(stage: Stage, number: int, opening: asyncio.Semaphore) -> _Held | None:
    """Return an open stream after its first text, None when it was refused."""
    body = json.dumps({"message": f"{_QUESTION} {number}", "stream": True}).encode()
    head = (
        f"POST /v1/chat HTTP/1.1\r\nHost: t\r\nX-API-Key: {stage.service.key}\r\n"
        f"X-Conversation-Id: s{number}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    async with opening:
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.service.port)
        writer.write(head.encode() + body)
        await writer.drain()
        async with asyncio.timeout(60):
            line = await reader.readline()
            if b" 200 " not in line:
                writer.close()
                return None
            while b"retrieval.completed" not in line:
                line = await reader.readline()
    return reader, writer


async def _probe(stage: Stage, probes: int) -> list[float]:
    """Return how long `/health` took, measured by a process that does nothing else."""
    port = str(stage.service.port)
    prober = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _PROBER, port, str(probes)),
        stdout=asyncio.subprocess.PIPE,
    )
    told, _ = await prober.communicate()
    times: list[float] = json.loads(told)
    return times


async def _leave(stage: Stage, leaving: list[_Held], outcome: Outcome) -> None:
    assert stage.model is not None
    stats = stage.model.stats
    before = stats.cancelled
    outcome.left = len(leaving)
    began = time.monotonic()
    for _, writer in leaving:
        writer.transport.abort()
    goal, until = before + len(leaving), began + 10
    # The model counts in a thread of its own.
    while stats.cancelled < goal and time.monotonic() < until:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    outcome.cancel_seconds = time.monotonic() - began
    outcome.cancelled = stats.cancelled - before


async def _read_on(reader: asyncio.StreamReader) -> bool:
    async with asyncio.timeout(180):
        rest = await _until_end(reader)
    return b"answer.completed" in rest


async def _until_end(reader: asyncio.StreamReader) -> bytes:
    """Return the last lines up to the end of the chunked body."""
    kept = b""
    while line := await reader.readline():
        kept = (kept + line)[-4096:]
        if line == b"0\r\n":
            break
    return kept


def main() -> int:
    """Run from the command line; 1 when a promise was not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--leavers", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=90.0)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tanya-streams-") as folder:
        outcome = run(
            Path(folder),
            streams=chosen.streams,
            leavers=chosen.leavers,
            seconds=chosen.seconds,
        )
    print("\n".join(outcome.lines()))
    kept = (
        outcome.health_p99 < HEALTH_SECONDS
        and outcome.cancelled == outcome.left
        and outcome.cancel_seconds < CANCEL_SECONDS
        and outcome.completed == outcome.opened - outcome.left
    )
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
