"""`python -m bench [NAME [OPTIONS]]`: one measurement, or all of speed."""

from __future__ import annotations

import subprocess
import sys

SPEED: dict[str, tuple[str, ...]] = {
    "boot": (),
    "product": (),
    "serving": (),
    "checkpoints": (),
    "retrieval": (),
    "ingestion": (),
    "audio": ("--only", "first"),
    "realtime": ("--rounds", "1"),
}
"""What `python -m bench` runs, with the options that leave quality out."""

NAMES = (*SPEED, "eval", "voice")


def main(arguments: list[str]) -> int:
    """Run what is named, each in a process of its own; return the worst status."""
    if arguments and arguments[0] not in NAMES:
        sys.stderr.write(f"usage: python -m bench [{'|'.join(NAMES)}] [OPTIONS]\n")
        return 2
    runs = {arguments[0]: tuple(arguments[1:])} if arguments else SPEED
    status = 0
    for name, options in runs.items():
        print(f"== {name}", flush=True)
        command = [sys.executable, "-m", f"bench.{name}", *options]
        status = max(status, subprocess.run(command, check=False).returncode)
    return status


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
