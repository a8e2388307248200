"""`streamlit.py` in the root never hides the library of the same name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = "import streamlit; print(streamlit.__file__); print(streamlit.__version__)"


Done = subprocess.CompletedProcess[str]


def _run(*arguments: str, folder: Path, **environ: str) -> Done:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def _is_library(path: str) -> bool:
    return path.endswith(f"site-packages{os.sep}streamlit{os.sep}__init__.py")


@pytest.mark.parametrize("folder", [ROOT, ROOT / "ui", Path("/")])
def test_importing_streamlit_gives_the_library(folder: Path) -> None:
    done = _run("-c", LIBRARY, folder=folder)

    assert done.returncode == 0, done.stderr
    assert _is_library(done.stdout.split()[0])


def test_a_part_of_the_library_can_be_the_first_import() -> None:
    code = "from streamlit.testing.v1 import AppTest; import streamlit as st"

    done = _run("-c", f"{code}; print(st.__file__)", folder=ROOT)

    assert done.returncode == 0, done.stderr
    assert _is_library(done.stdout.strip())


def test_the_root_first_on_the_path_does_not_matter(tmp_path: Path) -> None:
    done = _run("-c", LIBRARY, folder=tmp_path, PYTHONPATH=str(ROOT))

    assert _is_library(done.stdout.split()[0])


def test_importing_leaves_the_path_as_it_was() -> None:
    code = "import sys; before = list(sys.path); import streamlit"

    done = _run("-c", f"{code}; print(before == sys.path)", folder=ROOT)

    assert done.stdout.strip() == "True"


def test_the_library_is_imported_once() -> None:
    code = (
        "import streamlit as one; from streamlit import runtime;"
        "import streamlit as two, sys;"
        "print(one is two is sys.modules['streamlit'], runtime.exists())"
    )

    done = _run("-c", code, folder=ROOT)

    assert done.stdout.strip() == "True False"


def test_without_the_library_the_import_fails_as_an_import() -> None:
    code = (
        "import sys; sys.path = [p for p in sys.path if 'site-packages' not in p]\n"
        "try: import streamlit\n"
        "except ModuleNotFoundError as exc: print('streamlit' in sys.modules, exc)"
    )

    done = _run("-c", code, folder=ROOT)

    assert done.stdout.startswith("False The Streamlit library is not installed")


def test_python_m_streamlit_in_the_root_is_the_command_of_the_library() -> None:
    done = _run("-m", "streamlit", "version", folder=ROOT)

    assert done.returncode == 0, done.stderr
    assert "version" in done.stdout


def test_python_streamlit_py_with_a_bad_setting_names_it() -> None:
    done = _run("streamlit.py", folder=ROOT, UI_PORT="many")

    assert done.returncode == 2
    assert done.stderr.startswith("UI_PORT: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("folder", [ROOT, Path("/")])
def test_a_test_of_the_page_runs_from_any_folder(folder: Path) -> None:
    code = (
        "from streamlit.testing.v1 import AppTest\n"
        f"page = AppTest.from_file({str(ROOT / 'streamlit.py')!r}).run(timeout=30)\n"
        "print(len(page.exception), page.title[0].value)"
    )

    nobody = {"SERVICE_URL": "http://127.0.0.1:9", "API_KEY": "k"}
    done = _run("-c", code, folder=folder, **nobody)

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "0 Tanya"


def test_pytest_runs_from_any_folder(tmp_path: Path) -> None:
    test = ROOT / "tests" / "unit" / "test_agents_name.py"

    done = _run("-m", "pytest", "-q", str(test), folder=tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr


def test_a_child_process_that_reads_the_main_file_again_starts_nothing() -> None:
    code = "import runpy; runpy.run_path('streamlit.py', run_name='__mp_main__')"

    done = _run("-c", code, folder=ROOT)

    assert (done.returncode, done.stdout) == (0, "")
