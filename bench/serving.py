"""
What the bridge costs: `python -m bench.serving [--rounds N] [--usual]`.

Flask behind the bridge, and beside it the same routes on native Starlette under
uvicorn's stock worker, in one run and in turns, one worker each. Ratios above 1 are in
our favour. `--usual` adds the usual recipe (`WsgiToAsgi` alone), which takes minutes
because it answers one request at a time.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench.http_load import LoadResult, run_load
from tests.service import RunningService, start_service

_TICKS = os.sysconf("SC_CLK_TCK")
_STOCK = "--worker-class=uvicorn_worker.UvicornWorker"


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of request at one number at once."""

    name: str
    path: str
    at_once: int
    requests: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One case on one arrangement in one round."""

    per_second: float
    per_cpu_second: float
    first_byte_ms: float
    failed: int


CASES = (
    Case("JSON bare", "/json", 1, 600),
    Case("JSON bare", "/json", 50, 3000),
    Case("JSON bare", "/json", 200, 3000),
    Case("JSON 50 ms", "/json?seconds=0.05", 50, 2000),
    Case("JSON 50 ms", "/json?seconds=0.05", 200, 3000),
    Case("SSE", "/sse", 1, 4),
    Case("SSE", "/sse", 50, 200),
    Case("SSE", "/sse", 200, 600),
)
_USUAL_CASES = (
    Case("JSON 50 ms", "/json?seconds=0.05", 50, 100),
    Case("SSE", "/sse", 50, 50),
)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--usual", action="store_true")
    options = parser.parse_args()
    with (
        start_service(app="bench.reference_app:bridge_app") as ours,
        start_service(
            app="bench.reference_app:starlette_app", arguments=[_STOCK]
        ) as ref,
    ):
        _compare({"bridge": ours, "starlette": ref}, CASES, options.rounds)
        if options.usual:
            app = "bench.reference_app:usual_app"
            with start_service(app=app, arguments=[_STOCK]) as usual:
                _compare({"bridge": ours, "usual": usual}, _USUAL_CASES, 1)


def _compare(
    services: dict[str, RunningService], cases: tuple[Case, ...], rounds: int
) -> None:
    first, second = services
    for service in services.values():
        _measure(service, Case("warm", "/json", 8, 200))
    heads = (
        "req/s",
        "of ref",
        "per CPU s",
        "of ref",
        "added CPU us",
        "first ms",
        "bad",
    )
    print(f"{f'{first} / {second}':<22}" + "".join(f"{head:>14}" for head in heads))
    for case in cases:
        samples: dict[str, list[Sample]] = defaultdict(list)
        for turn in range(rounds):
            order = list(services) if turn % 2 == 0 else list(services)[::-1]
            for name in order:
                samples[name].append(_measure(services[name], case))
        _print_row(case, samples[first], samples[second])


def _measure(service: RunningService, case: Case) -> Sample:
    pid = int(httpx.get(f"{service.url}/health").text)
    before = _cpu_seconds(pid)
    result = asyncio.run(
        run_load(service.port, case.path, at_once=case.at_once, requests=case.requests)
    )
    cpu = max(_cpu_seconds(pid) - before, 1 / _TICKS)
    return Sample(
        per_second=result.answered / result.seconds,
        per_cpu_second=result.answered / cpu,
        first_byte_ms=_median_ms(result),
        failed=result.failed,
    )


def _print_row(case: Case, ours: list[Sample], ref: list[Sample]) -> None:
    rate, ref_rate = _median(ours, "per_second"), _median(ref, "per_second")
    cpu, ref_cpu = _median(ours, "per_cpu_second"), _median(ref, "per_cpu_second")
    first, ref_first = _median(ours, "first_byte_ms"), _median(ref, "first_byte_ms")
    added = (1 / cpu - 1 / ref_cpu) * 1e6 if cpu and ref_cpu else 0.0
    bad = f"{sum(s.failed for s in ours)}/{sum(s.failed for s in ref)}"
    cells = (
        f"{rate:.0f}",
        f"{rate / ref_rate:.2f}" if ref_rate else "-",
        f"{cpu:.0f}",
        f"{cpu / ref_cpu:.2f}" if ref_cpu else "-",
        f"{added:.0f}",
        f"{first:.0f}/{ref_first:.0f}",
        bad,
    )
    name = f"{case.name}, {case.at_once}"
    print(f"{name:<22}" + "".join(f"{cell:>14}" for cell in cells), flush=True)


def _median(samples: list[Sample], name: str) -> float:
    return float(statistics.median(getattr(sample, name) for sample in samples))


def _median_ms(result: LoadResult) -> float:
    return statistics.median(result.first_bytes or [0.0]) * 1000


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


if __name__ == "__main__":
    main()
