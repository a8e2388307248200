"""Counters: no label comes from a caller."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from utils.metrics import Metrics

ROOT = Path(__file__).resolve().parents[3]


def test_unknown_stages_and_parts_share_one_label() -> None:
    metrics = Metrics()
    metrics.count_turn(
        answered=True,
        stages={"retrieve": 0.1, "Kapan pendaftaran?": 0.2},
        degraded=("state", "canary"),
        supported=(True, False),
        words=7,
    )

    text = metrics.render().decode()
    assert 'stage="retrieve"' in text
    assert 'stage="other"' in text
    assert 'tanya_turns_degraded_total{part="state"} 1.0' in text
    assert "Kapan" not in text
    assert "canary" not in text
    assert "tanya_answer_words_total 7.0" in text


def test_streams_are_counted_in_and_out() -> None:
    metrics = Metrics()
    metrics.stream_opened()
    metrics.stream_opened()
    metrics.stream_closed()

    assert b"tanya_open_streams 1.0" in metrics.render()


def test_two_instances_do_not_share_counts() -> None:
    one, two = Metrics(), Metrics()
    one.count_rate_limited("key")

    assert b'tanya_rate_limited_total{subject="key"} 1.0' in one.render()
    assert b'tanya_rate_limited_total{subject="key"} 1.0' not in two.render()


def test_workers_are_added_up(tmp_path: Path) -> None:
    program = (
        "from utils.metrics import Metrics; import sys;"
        "m = Metrics(); m.count_rate_limited('key');"
        "sys.stdout.write(m.render().decode())"
    )
    environ = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PATH": "/usr/bin"}

    outputs = [
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env=environ,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for _ in range(2)
    ]

    assert 'tanya_rate_limited_total{subject="key"} 1.0' in outputs[0]
    assert 'tanya_rate_limited_total{subject="key"} 2.0' in outputs[1]
