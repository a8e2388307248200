"""`python -m bench [NAME [OPTIONS]]`: one measurement, or all that need no data set."""

from __future__ import annotations

import subprocess
import sys

NAMES = ("boot", "serving", "checkpoints", "retrieval", "ingestion", "eval")


def main(arguments: list[str]) -> int:
    """Run what is named, each in a process of its own; return the worst status."""
    if arguments and arguments[0] not in NAMES:
        sys.stderr.write(f"usage: python -m bench [{'|'.join(NAMES)}] [OPTIONS]\n")
        return 2
    names, options = (arguments[:1], arguments[1:]) if arguments else (NAMES, [])
    status = 0
    for name in names:
        print(f"== {name}", flush=True)
        command = [sys.executable, "-m", f"bench.{name}", *options]
        status = max(status, subprocess.run(command, check=False).returncode)
    return status


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
