"""
Four processes on shared conversations: nothing missing, nothing doubled, pairs kept.

    python -m tests.load.laws --turns 640

The law of concurrency of the state, end to end: HTTP, four workers, one Redis, several
clients in each conversation at the same time.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.fakes.fault_stage import set_stage, wait_until
from tests.fakes.redis_server import RedisServer
from tests.load.askers import Asker, Report, check_conversations

WORKERS = 4


def run(folder: Path, *, turns: int, askers: int = 8, conversations: int = 2) -> Report:
    """Let *askers* ask in the same *conversations* until there are *turns* turns."""
    report = Report()
    stop = threading.Event()
    names = [f"law-{number}" for number in range(conversations)]
    with (
        RedisServer(folder / "redis") as redis,
        set_stage(folder, workers=WORKERS, redis=redis) as stage,
    ):
        threads = [
            Asker(stage, report, name=f"a{n}", stop=stop, shared=names)
            for n in range(askers)
        ]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(report.promises) >= turns, seconds=900, pause=0.1)
        stop.set()
        for thread in threads:
            thread.join()
        check_conversations(stage, report, ordered=False)
    return report


def main() -> int:
    """Run from the command line; 1 when a law was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=640)
    chosen = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tanya-laws-") as folder:
        report = run(Path(folder), turns=chosen.turns)
    print(f"turns promised {len(report.promises)} in {time.monotonic() - began:.0f} s")
    print(f"attempts {dict(report.outcomes)}")
    print(f"faults {len(report.faults)}")
    print("\n".join(report.faults[:20]))
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
