"""
Schemathesis over the published document of a running service.

By hand, with more examples: `python -m tests.e2e.schema_tool 200`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.e2e.hostile_service import hostile_service
from tests.service import RunningService

CONFIG = Path(__file__).with_name("schemathesis.toml")
PROGRAM = Path(sys.executable).with_name("schemathesis")
DOCUMENT = {
    "title": "Panduan PMB",
    "text": "Pendaftaran mahasiswa baru dibuka pada 1 Maret 2026.",
}


def run_schema_tool(
    service: RunningService, *arguments: str, key: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run every check in every phase with *key*, deterministically; return the end."""
    command: Sequence[str] = (
        *(str(PROGRAM), "--config-file", str(CONFIG), "run"),
        *(f"{service.url}/openapi.json", "--no-color", "--checks", "all"),
        *("--generation-deterministic", "--request-timeout", "30"),
        # More than one thread breaks the parser that the tool reads sources with.
        *("--workers", "1", "--header", f"X-API-Key: {key or service.key}"),
        *arguments,
    )
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": folder, "NO_PROXY": "*"},
        )


def count_cases(output: str) -> int:
    """Return how many requests the tool says it made."""
    found = re.search(r"(\d+) generated", output)
    return int(found[1]) if found else 0


def shorten(output: str) -> str:
    """Return *output* without long runs of one character."""
    return re.sub(r"(.)\1{80,}", r"\1...", output)


def main(examples: str) -> int:
    """Run with so many examples of each operation and say what was found."""
    with hostile_service() as service:
        with service.client() as client:
            client.post("/v1/documents", json=DOCUMENT)
        run = run_schema_tool(service, "--max-examples", examples)
    sys.stdout.write(shorten(run.stdout + run.stderr))
    return run.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:] or ["100"]))
