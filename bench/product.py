"""
What a whole turn costs: `python -m bench.product [--rounds N] [--burst]`.

The product with everything on (key, limit, lock, store, retrieval, check of citations)
beside `bench.reference_rag`: a bare FastAPI chat, and one that does the same work with
standard parts. One worker each, one model (`bench.model_stub`) for all, in one run and
in turns. Costs are CPU seconds of the worker and of its Redis. Ratios above 1 are in
our favour. The clients begin within the time of one answer, as people come.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.http_load import Ask, LoadResult, run_load
from bench.model_stub import ANSWER, FIRST_TOKEN_SECONDS, SENTENCES, TOKENS
from stores.embedded_redis import EmbeddedRedis
from tests.service import RunningService, free_port, start_service

_TICKS = os.sysconf("SC_CLK_TCK")
_STOCK = "--worker-class=uvicorn_worker.UvicornWorker"
TOKEN_SECONDS = 0.025
QUESTION = '"message": "When does the library open?"'


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of turn at one number at once, and the targets of its CPU ratios."""

    name: str
    at_once: int
    turns: int
    bare: float
    worked: float = 2.5

    @property
    def streamed(self) -> bool:
        """Whether answers are streams."""
        return self.name == "SSE"


CASES = (
    Case("JSON", 50, 200, bare=1.5),
    Case("SSE", 50, 200, bare=1.5),
    Case("SSE", 200, 400, bare=2.3),
    Case("SSE", 500, 750, bare=2.8),
)


@dataclass(frozen=True, slots=True)
class Arrangement:
    """A running service with the processes that work for it."""

    service: RunningService
    pids: tuple[int, ...]

    def ask(self, case: Case, *, run: str) -> Ask:
        """Return what to send; every turn begins a conversation of its own."""
        stream = "true" if case.streamed else "false"
        return Ask(
            "/v1/chat",
            body=f'{{{QUESTION}, "stream": {stream}}}'.encode(),
            headers=f"X-API-Key: {self.service.key}\r\n"
            f"X-Conversation-Id: {run}-{{number}}\r\n",
            text_mark=b"event: answer.delta",
        )


@dataclass(frozen=True, slots=True)
class Sample:
    """One case on one arrangement in one round; times in seconds."""

    per_second: float
    cpu: float
    first_text: float
    p50: float
    p99: float
    memory_mb: float
    failed: int


def measure(
    arrangement: Arrangement, case: Case, *, run: str, spread_seconds: float
) -> Sample:
    """Run one case; its clients begin within *spread_seconds*."""
    before = sum(map(_cpu_seconds, arrangement.pids))
    result = asyncio.run(
        run_load(
            arrangement.service.port,
            arrangement.ask(case, run=run),
            at_once=case.at_once,
            requests=case.turns,
            spread_seconds=spread_seconds,
        )
    )
    spent = sum(map(_cpu_seconds, arrangement.pids)) - before
    return Sample(
        per_second=result.answered / result.seconds,
        cpu=spent / max(1, result.answered),
        first_text=statistics.median(result.first_texts or [0.0]),
        p50=statistics.median(result.whole or [0.0]),
        p99=_share(result, 0.99),
        memory_mb=_memory_mb(arrangement.pids[0]),
        failed=result.failed,
    )


def _share(result: LoadResult, share: float) -> float:
    times = sorted(result.whole) or [0.0]
    return times[min(len(times) - 1, int(share * len(times)))]


def compare(
    arrangements: dict[str, Arrangement],
    *,
    rounds: int,
    most: int,
    spread_seconds: float,
) -> bool:
    """Print a line for each case and arrangement; True when the targets are met."""
    met = True
    for case in (one for one in CASES if one.at_once <= most):
        samples: dict[str, list[Sample]] = defaultdict(list)
        for turn in range(rounds):
            order = list(arrangements) if turn % 2 == 0 else list(arrangements)[::-1]
            for name in order:
                run = f"{name}-{case.name}-{case.at_once}-{turn}"
                samples[name].append(
                    measure(
                        arrangements[name],
                        case,
                        run=run,
                        spread_seconds=spread_seconds,
                    )
                )
        print(f"{case.name}, {case.at_once} at once", flush=True)
        ours = _median(samples["product"], "cpu")
        for name, found in samples.items():
            ratio = _median(found, "cpu") / ours if ours else 0.0
            target = {"bare": case.bare, "worked": case.worked}.get(name)
            told = f"{ratio:5.2f} x" + (f" (target {target})" if target else "")
            print(_line(name, found) + f"  CPU a turn / product's {told}")
            met = met and (target is None or ratio >= target)
        speed = _median(samples["product"], "per_second") / max(
            1e-9, _median(samples["bare"], "per_second")
        )
        first = _median(samples["product"], "first_text") - FIRST_TOKEN_SECONDS
        note = f"  turns/s {speed:.2f} of bare"
        if case.streamed:
            note += f"; first text {1000 * first:.0f} ms after the model's"
        print(note, flush=True)
    return met


def _line(name: str, found: list[Sample]) -> str:
    return (
        f"  {name:8} {_median(found, 'per_second'):7.1f} turns/s"
        f"  p50 {_median(found, 'p50'):5.2f} s  p99 {_median(found, 'p99'):5.2f} s"
        f"  first text {1000 * _median(found, 'first_text'):5.0f} ms"
        f"  CPU {1000 * _median(found, 'cpu'):6.2f} ms a turn"
        f"  {_median(found, 'memory_mb'):4.0f} MB"
        f"  failed {sum(sample.failed for sample in found)}"
    )


def _median(samples: list[Sample], name: str) -> float:
    return float(statistics.median(getattr(sample, name) for sample in samples))


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _memory_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024 / 1024


def worker_of(service: RunningService) -> int:
    """Return the process id of the one worker of *service*."""
    tasks = Path(f"/proc/{service.pid}/task/{service.pid}/children")
    return int(tasks.read_text().split()[0])


@contextlib.contextmanager
def _model() -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "bench.model_stub", str(port), str(TOKEN_SECONDS)]
    process = subprocess.Popen(command)
    try:
        time.sleep(1)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(10)


def _fill(service: RunningService) -> None:
    text = ". ".join(SENTENCES) + "."
    with service.client() as client:
        client.post("/v1/documents", json={"title": "Library", "text": text})
        while any(
            one["status"] not in {"ready", "failed"}
            for one in client.get("/v1/documents").json()["items"]
        ):
            time.sleep(0.1)
        reply = client.post(
            "/v1/chat",
            json={"message": "When does the library open?"},
            headers={"X-Conversation-Id": "first"},
        ).json()
    if reply.get("answer") != ANSWER:
        raise SystemExit(f"the product did not give the model's answer: {reply}")


def _pid_of_redis(folder: Path) -> int:
    found = EmbeddedRedis(folder).find_pid()
    if found is None:
        raise SystemExit("no embedded Redis is running")
    return found


def main() -> int:
    """Measure and print; 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--most", type=int, default=500, help="most turns at once")
    parser.add_argument(
        "--burst", action="store_true", help="all clients begin in the same instant"
    )
    given = parser.parse_args()
    print(f"answers of {len(TOKENS)} tokens, one every {1000 * TOKEN_SECONDS:.0f} ms")
    with contextlib.ExitStack() as stack:
        model = stack.enter_context(_model())
        settings = {
            "LLM_BASE_URL": model,
            "LLM_MODEL": "stub",
            "RATE_LIMIT_PER_HOUR": "10000000",
            "STT_ENGINE": "off",
            "TTS_ENGINE": "off",
            "LOG_LEVEL": "INFO",
        }
        ours = stack.enter_context(start_service(settings))
        _fill(ours)
        folder = Path(tempfile.mkdtemp(prefix="tanya-bench-"))
        redis = EmbeddedRedis(folder)
        stack.callback(redis.stop)
        theirs = {"MODEL_URL": model, "REDIS_URL": redis.start()}
        bare = stack.enter_context(
            start_service(
                theirs, app="bench.reference_rag:make_bare_app()", arguments=[_STOCK]
            )
        )
        worked = stack.enter_context(
            start_service(
                theirs, app="bench.reference_rag:make_worked_app()", arguments=[_STOCK]
            )
        )
        met = compare(
            {
                "product": Arrangement(
                    ours, (worker_of(ours), _pid_of_redis(ours.data_dir / "redis"))
                ),
                "bare": Arrangement(bare, (worker_of(bare),)),
                "worked": Arrangement(
                    worked, (worker_of(worked), _pid_of_redis(folder))
                ),
            },
            rounds=given.rounds,
            most=given.most,
            spread_seconds=0.0 if given.burst else TOKEN_SECONDS * len(TOKENS),
        )
    print("targets met" if met else "TARGETS MISSED")
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
