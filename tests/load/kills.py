"""
`kill -9` of workers and of Redis during turns, clients that try again with their key.

    python -m tests.load.kills --kills 200 --redis server     # appendfsync always
    python -m tests.load.kills --kills 200 --redis embedded   # the embedded one

Counts promised turns that are lost, doubled or half stored: all three must be 0.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.fakes.fault_stage import Stage, find_workers, set_stage, wait_until
from tests.fakes.redis_server import RedisServer
from tests.load.askers import (
    PATIENCE_SECONDS,
    Asker,
    Report,
    check_conversations,
)

WORKERS = 2
# Turns that are answered between two kills.
PROGRESS = 3


@dataclass
class Outcome:
    """Figures of one campaign."""

    report: Report = field(default_factory=Report)
    killed: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def lines(self) -> list[str]:
        """Return the figures as text."""
        report = self.report
        spent = sorted(one.seconds for one in report.promises)
        worst = spent[-1] if spent else 0.0
        middle = spent[len(spent) // 2] if spent else 0.0
        return [
            f"killed {dict(self.killed)} in {self.seconds:.0f} s",
            f"turns promised {len(report.promises)}, of them retried {report.retried}",
            f"attempts {dict(report.outcomes)}",
            f"seconds a turn, retries included: median {middle:.2f}, worst {worst:.2f}",
            f"faults {len(report.faults)}",
            *report.faults[:20],
        ]


def run(
    folder: Path,
    *,
    kills: int,
    embedded: bool = False,
    askers: int = 6,
    redis_share: float = 0.2,
    pause: float = 1.0,
    seed: int = 1,
) -> Outcome:
    """
    Run a campaign and return what it found.

    Args:
        redis_share: Of the kills, how many hit Redis.
        pause: Most seconds between the first turns after a kill and the next kill.
    """
    outcome = Outcome()
    chance = random.Random(seed)
    began = time.monotonic()
    stop = threading.Event()
    with _stage(folder, embedded=embedded) as stage:
        threads = [
            Asker(stage, outcome.report, name=f"a{n}", stop=stop, seed=seed)
            for n in range(askers)
        ]
        for thread in threads:
            thread.start()
        for _ in range(kills):
            _wait_for_progress(outcome.report)
            time.sleep(chance.uniform(0, pause))
            kind = "redis" if chance.random() < redis_share else "worker"
            if kind == "redis":
                _kill_redis(stage, chance)
            else:
                _kill_worker(stage, chance)
            outcome.killed[kind] += 1
        stop.set()
        for thread in threads:
            thread.join()
        _wait_until_settled(stage)
        check_conversations(stage, outcome.report)
    outcome.seconds = time.monotonic() - began
    return outcome


@contextlib.contextmanager
def _stage(folder: Path, *, embedded: bool) -> Iterator[Stage]:
    options = {"first_delay": 0.05}
    with contextlib.ExitStack() as stack:
        server = None
        if not embedded:
            server = stack.enter_context(RedisServer(folder / "redis"))
        yield stack.enter_context(
            set_stage(
                folder,
                workers=WORKERS,
                redis=server,
                model="good",
                model_options=options,
            )
        )


def _wait_for_progress(report: Report) -> None:
    """Wait until turns are answered again, so that every kill meets some."""
    goal = len(report.promises) + PROGRESS
    with contextlib.suppress(AssertionError):
        wait_until(lambda: len(report.promises) >= goal, seconds=PATIENCE_SECONDS / 3)


def _kill_worker(stage: Stage, chance: random.Random) -> None:
    workers: list[int] = []

    def found() -> bool:
        workers[:] = find_workers(stage.service)
        return bool(workers)

    wait_until(found)
    with contextlib.suppress(ProcessLookupError):
        os.kill(chance.choice(workers), signal.SIGKILL)


def _kill_redis(stage: Stage, chance: random.Random) -> None:
    if stage.redis is not None:
        stage.redis.kill()
        time.sleep(chance.uniform(0, 1.5))
        stage.redis.start()
        return
    # The service starts its own server again by itself.
    journal = stage.service.data_dir / "redis" / "redis.pid"

    def alive() -> int | None:
        try:
            return int(journal.read_text())
        except (OSError, ValueError):
            return None

    wait_until(lambda: alive() is not None)
    pid = alive()
    with contextlib.suppress(ProcessLookupError):
        if pid is not None:
            os.kill(pid, signal.SIGKILL)


def _wait_until_settled(stage: Stage) -> None:
    """Wait until Redis is in use again and holds what the file took in."""
    with stage.guest() as guest:
        wait_until(
            lambda: guest.health()["redis"] in {"ok", "embedded"}, seconds=60, pause=0.2
        )
    # Both workers look after the file once a second.
    time.sleep(3)


def main() -> int:
    """Run from the command line; 1 when something was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--redis", choices=("server", "embedded"), default="server")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tanya-kills-") as folder:
        outcome = run(
            Path(folder),
            kills=chosen.kills,
            embedded=chosen.redis == "embedded",
            seed=chosen.seed,
        )
    print("\n".join(outcome.lines()))
    return 1 if outcome.report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
