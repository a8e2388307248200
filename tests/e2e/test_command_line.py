"""The command line finds the service of its data folder, whatever port that took."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.service import start_service

ROOT = Path(__file__).resolve().parents[2]


def run_knowledge(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "knowledge", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATA_DIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_documents_go_in_through_the_running_service(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    file = ROOT / "samples" / "documents" / "08-student-housing.md"
    with start_service({"API_KEY": ""}, data_dir=folder):
        added = run_knowledge(folder, "add", str(file))
        listed = run_knowledge(folder, "list")

    assert added.returncode == 0, added.stderr
    assert "Student Housing Handbook" in listed.stdout
