"""Node, and packages that `npm ci` puts into the user's cache, for the tests."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

CLIENTS = Path(__file__).resolve().parents[1] / "clients"
INSTALL_SECONDS = 170
RUN_SECONDS = 120


def run_script(name: str, env: Mapping[str, str]) -> Any:
    """Run `tests/clients/{name}` with *env* and return the JSON that it prints."""
    folder = _install()
    script = folder / name
    shutil.copyfile(CLIENTS / name, script)
    done = subprocess.run(
        [_program("node"), str(script)],
        env={"PATH": os.environ["PATH"], **env},
        capture_output=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return json.loads(done.stdout)


def _install() -> Path:
    """Return the folder with the locked packages, made once for each lock."""
    lock = (CLIENTS / "package-lock.json").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "tanya" / "clients" / hashlib.sha256(lock).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        if not (folder / ".done").exists():
            for file in ("package.json", "package-lock.json"):
                shutil.copyfile(CLIENTS / file, folder / file)
            subprocess.run(
                [_program("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                cwd=folder,
                check=True,
                capture_output=True,
                timeout=INSTALL_SECONDS,
            )
            (folder / ".done").touch()
    return folder


def _program(name: str) -> str:
    found = shutil.which(name)
    assert found, f"{name} is missing: run `make system`"
    return found
