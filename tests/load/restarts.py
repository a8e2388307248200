"""
Restarts under load, clients without retry: reloads (SIGHUP) and recycled workers.

    python -m tests.load.restarts --restarts 20 --requests 20000

Every request is a turn, a read or a probe of the product itself; none may fail.
"""

from __future__ import annotations

import argparse
import http.client
import json
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.fakes.fault_stage import QUESTION, Stage, find_workers, set_stage, wait_until
from tests.fakes.redis_server import RedisServer

WORKERS = 2


@dataclass
class Outcome:
    """Figures of one campaign."""

    statuses: Counter[str] = field(default_factory=Counter)
    restarts: int = 0
    recycled: int = 0
    seconds: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, kind: str) -> None:
        """Count one request by its status, or by what failed."""
        with self._lock:
            self.statuses[kind] += 1

    @property
    def total(self) -> int:
        """Requests so far."""
        return sum(self.statuses.values())

    def reached(self, goal: int) -> bool:
        """Return whether *goal* requests were made."""
        return self.total >= goal

    @property
    def failed(self) -> dict[str, int]:
        """Everything that was not a 200."""
        return {kind: n for kind, n in self.statuses.items() if kind != "200"}

    def lines(self) -> list[str]:
        """Return the figures as text."""
        return [
            f"requests {self.total} in {self.seconds:.0f} s, failed {self.failed}",
            f"reloads {self.restarts}, workers recycled {self.recycled}",
        ]


class _Client(threading.Thread):
    """Keep-alive, no retry: turns of one conversation, reads of it, probes."""

    def __init__(
        self, stage: Stage, outcome: Outcome, number: int, stop: threading.Event
    ) -> None:
        super().__init__(daemon=True)
        self._service = stage.service
        self._outcome = outcome
        self._name = f"r{number}"
        self._stop_now = stop

    def run(self) -> None:
        port = self._service.port
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        turn = 0
        while not self._stop_now.is_set():
            turn += 1
            self._outcome.count(self._once(client, turn))
        client.close()

    def _once(self, client: http.client.HTTPConnection, turn: int) -> str:
        headers = {"X-API-Key": self._service.key, "X-Conversation-Id": self._name}
        try:
            if turn % 10 == 1:
                # Conversations of about a hundred turns, then a new one.
                name = f"{self._name}-{turn // 1000}"
                headers |= {"X-Conversation-Id": name}
                body = json.dumps({"message": f"{QUESTION} {turn}"})
                headers["Content-Type"] = "application/json"
                client.request("POST", "/v1/chat", body, headers)
            elif turn % 10 == 5:
                client.request("GET", "/v1/conversations?limit=5", headers=headers)
            else:
                client.request("GET", "/health")
            response = client.getresponse()
            response.read()
        except (OSError, http.client.HTTPException) as exc:
            client.close()
            return type(exc).__name__
        return str(response.status)


def run(
    folder: Path,
    *,
    restarts: int,
    requests: int,
    clients: int = 8,
    max_requests: int = 300,
) -> Outcome:
    """
    Reload *restarts* times under load, and until *requests* were made.

    Args:
        max_requests: After so many requests a worker is recycled as well.
    """
    outcome = Outcome()
    stop = threading.Event()
    began = time.monotonic()
    env = {"MAX_REQUESTS": str(max_requests)}
    with (
        RedisServer(folder / "redis") as redis,
        set_stage(folder, workers=WORKERS, redis=redis, env=env) as stage,
    ):
        threads = [_Client(stage, outcome, n, stop) for n in range(clients)]
        for thread in threads:
            thread.start()
        share = requests // max(1, restarts)
        for number in range(restarts):
            _reload(stage)
            outcome.restarts += 1
            goal = share * (number + 1)
            wait_until(partial(outcome.reached, goal), seconds=600, pause=0.2)
        stop.set()
        for thread in threads:
            thread.join()
        booted = stage.service.log().count("Booting worker")
        # All but the first ones and those of the reloads came after a recycled one.
        outcome.recycled = booted - WORKERS * (1 + restarts)
    outcome.seconds = time.monotonic() - began
    return outcome


def _reload(stage: Stage) -> None:
    old = set(find_workers(stage.service))
    stage.service.send_signal(signal.SIGHUP)
    wait_until(lambda: not old & set(find_workers(stage.service)), seconds=90)


def main() -> int:
    """Run from the command line; 1 when a request failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--restarts", type=int, default=20)
    parser.add_argument("--requests", type=int, default=20_000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tanya-restarts-") as folder:
        outcome = run(Path(folder), restarts=chosen.restarts, requests=chosen.requests)
    print("\n".join(outcome.lines()))
    return 1 if outcome.failed else 0


if __name__ == "__main__":
    sys.exit(main())
