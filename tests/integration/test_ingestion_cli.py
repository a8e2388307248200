"""`python -m knowledge` as people run it: alone, and beside a running service."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service import RunningService, start_service

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "samples" / "documents"


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    kept = {
        name: os.environ[name]
        for name in ("PATH", "HOME", "LANG")
        if name in os.environ
    }
    return subprocess.run(
        [sys.executable, "-m", "knowledge", *arguments],
        cwd=ROOT,
        env={**kept, **environ},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )


def test_it_works_on_the_store_of_its_data_folder(tmp_path: Path) -> None:
    folder = str(tmp_path / "data")
    (tmp_path / "hours.md").write_text("# Hours\n\nThe pool opens at seven.\n")
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.7 nothing")

    added = run(
        "add", str(tmp_path / "hours.md"), str(tmp_path / "bad.pdf"), DATA_DIR=folder
    )
    found = run("search", "When does the pool open?", DATA_DIR=folder)
    exported = run("export", DATA_DIR=folder)
    removed = run("remove", str(tmp_path / "hours.md"), DATA_DIR=folder)

    assert (added.returncode, added.stdout.split(" in ")[0]) == (
        1,
        "1 added (1 passages), 1 failed",
    )
    assert "bad.pdf: The PDF is damaged." in added.stderr
    assert found.returncode == 0
    assert "The pool opens at seven." in found.stdout
    titles = [
        json.loads(line)["document"]["title"] for line in exported.stdout.splitlines()
    ]
    assert "Hours" in titles
    assert removed.returncode == 0


def test_help_and_a_wrong_setting_answer_at_once(tmp_path: Path) -> None:
    helped = run("--help")
    wrong = run("list", DATA_DIR=str(tmp_path), PORT="many")

    assert helped.returncode == 0
    assert "Exit status" in helped.stdout
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("PORT:")
    assert len(wrong.stderr.splitlines()) == 1


def test_work_needs_servers(tmp_path: Path) -> None:
    done = run("work", DATA_DIR=str(tmp_path))

    assert done.returncode == 2
    assert "REDIS_URL" in done.stderr


@pytest.fixture(scope="module")
def service() -> Iterator[RunningService]:
    with start_service({}) as running:
        yield running


def test_beside_a_running_service_it_speaks_to_it(service: RunningService) -> None:
    environ = {
        "DATA_DIR": str(service.data_dir),
        "PORT": service.url.rsplit(":", 1)[1],
        "API_KEY": service.key,
    }
    sample = str(SAMPLES / "08-student-housing.md")

    added = run("add", sample, **environ)
    again = run("add", sample, **environ)
    listed = run("list", **environ)
    refused = run("reindex", **environ)
    removed = run("remove", sample, **environ)

    assert added.returncode == 0, added.stderr
    assert added.stdout.startswith("1 added (12 passages)")
    assert "1 unchanged" in again.stdout
    assert "Student Housing Handbook" in listed.stdout
    assert refused.returncode == 1
    assert "stop the service" in refused.stderr
    assert removed.returncode == 0
    assert run("list", **environ).stdout == "No documents.\n"


def test_a_wrong_key_is_said_in_one_sentence(service: RunningService) -> None:
    done = run(
        "list",
        DATA_DIR=str(service.data_dir),
        PORT=service.url.rsplit(":", 1)[1],
        API_KEY="wrong",
    )

    assert done.returncode == 1
    assert done.stderr == "A valid API key is required.\n"
