"""No text keeps a pattern of the product busy: time stays linear in the text."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.service import ROOT

LENGTH = 100_000
# CPU time for 100 kB; a pattern that takes the square of them needs minutes.
MOST_SECONDS = 1.0


def test_no_pattern_is_slow_on_a_text_made_against_it() -> None:
    command = [sys.executable, "-m", "tests.fakes.patterns", str(LENGTH), "1.0"]

    child = subprocess.run(
        command, check=True, cwd=ROOT, capture_output=True, timeout=170
    )

    measured = json.loads(child.stdout)
    assert len(measured) > 200
    assert [line for line in measured if line[0] >= MOST_SECONDS] == []
