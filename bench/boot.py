"""
How long a start takes: `python -m bench.boot [--app MODULE:NAME]`.

From the command to the first healthy answer, from the fork to readiness of a worker
that replaces another, and the imports of the product by CPU time.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import httpx

from tests.service import ROOT, RunningService, start_service

_ROUNDS = 3
_SHOWN = 12


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--app", default="wsgi:app")
    app = parser.parse_args().app
    starts, boots, memory = [], [], []
    for _ in range(_ROUNDS):
        begin = time.perf_counter()
        with start_service(app=app) as service:
            starts.append(time.perf_counter() - begin)
            boots.append(_replace_worker(service))
            memory.append(_resident_mb(service))
    print(f"start to healthy   {statistics.median(starts):.2f} s")
    print(f"worker, fork to up {statistics.median(boots):.2f} s")
    print(f"worker at rest     {statistics.median(memory):.0f} MB")
    _print_imports(app.partition(":")[0])


def _replace_worker(service: RunningService) -> float:
    """Kill the worker; return how long its successor took from fork to readiness."""
    started = service.log().count("Application startup complete")
    children = _children(service.pid)
    for pid in children:
        os.kill(pid, signal.SIGKILL)
    while not set(_children(service.pid)) - set(children):
        time.sleep(0.005)
    begin = time.perf_counter()
    while service.log().count("Application startup complete") == started:
        time.sleep(0.01)
    seconds = time.perf_counter() - begin
    httpx.get(f"{service.url}/health", timeout=30).raise_for_status()
    return seconds


def _children(pid: int) -> list[int]:
    found = subprocess.run(
        ["ps", "--ppid", str(pid), "-o", "pid="], capture_output=True, check=False
    )
    return [int(word) for word in found.stdout.split()]


def _resident_mb(service: RunningService) -> float:
    pages = [
        int(word)
        for pid in _children(service.pid)
        for word in re.findall(r"VmRSS:\s+(\d+)", _status(pid))
    ]
    return max(pages) / 1024


def _status(pid: int) -> str:
    return Path(f"/proc/{pid}/status").read_text(encoding="utf-8")


def _print_imports(module: str) -> None:
    profile = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", f"import {module}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = re.findall(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)", profile.stderr)
    own: Counter[str] = Counter()
    for microseconds, name in lines:
        own[name.partition(".")[0]] += int(microseconds)
    print(f"imports            {sum(own.values()) / 1e6:.2f} s, {len(lines)} modules")
    for name, microseconds in own.most_common(_SHOWN):
        print(f"  {name:<22}{microseconds / 1000:>8.0f} ms")


if __name__ == "__main__":
    main()
