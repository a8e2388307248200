"""
A real Redis Cluster and a real Sentinel below the service, with nodes that die.

    python -m tests.load.topologies --kills 10

Turns go on over all slots while nodes are killed; every promised turn must be there at
the end, once, or its loss must have been said (`history_gap`).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.fakes.fault_stage import Stage, set_stage, wait_until
from tests.fakes.redis_topologies import (
    Watched,
    running_cluster,
    running_sentinel,
)
from tests.load.askers import Asker, Report, check_conversations

WORKERS = 2


@dataclass
class Outcome:
    """Figures of one campaign."""

    name: str
    report: Report = field(default_factory=Report)
    killed: int = 0
    seconds: float = 0.0

    def lines(self) -> list[str]:
        """Return the figures as text."""
        report = self.report
        return [
            f"{self.name}: nodes killed {self.killed} in {self.seconds:.0f} s",
            (
                f"turns promised {len(report.promises)}, retried {report.retried},"
                f" said to have a gap {report.gaps}"
            ),
            f"attempts {dict(report.outcomes)}",
            f"faults {len(report.faults)}",
            *report.faults[:20],
        ]


def run_cluster(folder: Path, *, kills: int, askers: int = 4) -> Outcome:
    """Kill one node after the other, each back after two seconds."""
    outcome = Outcome("cluster")
    began = time.monotonic()
    with running_cluster(folder) as nodes:
        env = {"REDIS_URL": nodes[0].url, "REDIS_CLUSTER": "true"}
        with set_stage(folder, workers=WORKERS, env=env) as stage:
            with _asking(stage, outcome.report, askers=askers):
                for number in range(kills):
                    _wait_for_turns(outcome.report)
                    node = nodes[number % len(nodes)]
                    node.kill()
                    time.sleep(2)
                    node.start()
                    outcome.killed += 1
                    _wait_until_back(stage)
            _wait_until_back(stage)
            check_conversations(stage, outcome.report)
    outcome.seconds = time.monotonic() - began
    return outcome


def run_sentinel(folder: Path, *, kills: int, askers: int = 4) -> Outcome:
    """Kill the primary, again and again; the dead one comes back as a replica."""
    outcome = Outcome("sentinel")
    began = time.monotonic()
    with running_sentinel(folder) as watched:
        env = {"REDIS_SENTINEL": watched.setting}
        with set_stage(folder, workers=WORKERS, env=env) as stage:
            with _asking(stage, outcome.report, askers=askers):
                for _ in range(kills):
                    _wait_for_turns(outcome.report)
                    _fail_over(watched)
                    outcome.killed += 1
                    _wait_until_back(stage)
            _wait_until_back(stage)
            check_conversations(stage, outcome.report)
    outcome.seconds = time.monotonic() - began
    return outcome


def _fail_over(watched: Watched) -> None:
    """Kill the primary, wait for the next one, and for the dead one to follow it."""
    dead = watched.primary()
    dead.kill()
    wait_until(lambda: watched.primary() is not dead, seconds=60, pause=0.2)
    dead.start()
    wait_until(
        lambda: b"master_link_status:up" in dead.command("INFO", "replication"),
        seconds=60,
        pause=0.2,
    )


class _asking:  # noqa: N801 - used like a function
    """Ask in the background for the length of the block."""

    def __init__(self, stage: Stage, report: Report, *, askers: int) -> None:
        self._stop = threading.Event()
        self._threads = [
            Asker(stage, report, name=f"t{n}", stop=self._stop) for n in range(askers)
        ]

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def _wait_for_turns(report: Report, *, turns: int = 6) -> None:
    goal = len(report.promises) + turns
    wait_until(lambda: len(report.promises) >= goal, seconds=90, pause=0.1)


def _wait_until_back(stage: Stage) -> None:
    """Wait until both workers say so, several times over."""
    with stage.guest() as guest:
        for _ in range(4):
            wait_until(lambda: guest.health()["redis"] == "ok", seconds=60, pause=0.2)
            time.sleep(0.8)


def main() -> int:
    """Run from the command line; 1 when something was lost in silence."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=10)
    chosen = parser.parse_args()
    failed = False
    for run in (run_cluster, run_sentinel):
        with tempfile.TemporaryDirectory(prefix="tanya-topologies-") as folder:
            outcome = run(Path(folder), kills=chosen.kills)
        print("\n".join(outcome.lines()))
        failed = failed or bool(outcome.report.faults)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
