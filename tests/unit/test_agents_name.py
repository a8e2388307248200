"""`agents` is ours, whatever packages of that name are installed beside us."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import agents

ROOT = Path(__file__).resolve().parents[2]


def test_agents_is_the_room_of_this_repository() -> None:
    assert agents.__file__ is not None
    assert Path(agents.__file__).resolve() == ROOT / "agents" / "__init__.py"


@pytest.mark.parametrize("rival_first", [False, True])
def test_agents_is_ours_in_a_process_of_the_root(
    tmp_path: Path, *, rival_first: bool
) -> None:
    rival = tmp_path / "agents"
    rival.mkdir()
    (rival / "__init__.py").write_text("raise ImportError('the rival')\n")
    order = [str(tmp_path), str(ROOT)] if rival_first else [str(ROOT), str(tmp_path)]

    done = subprocess.run(
        [sys.executable, "-c", "import agents; print(agents.__file__)"],
        # The root is the working directory, as for every entry point of ours.
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(order)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()) == ROOT / "agents" / "__init__.py"


def test_agents_is_ours_from_any_folder(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import agents; print(agents.__file__)"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert Path(done.stdout.strip()) == ROOT / "agents" / "__init__.py"
