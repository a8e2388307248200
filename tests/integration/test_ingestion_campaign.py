"""A small ingestion campaign: worker processes, one of them killed in its job."""

from __future__ import annotations

from pathlib import Path

from tests.load.ingestion import PASSAGES_A_DOCUMENT, run


def test_nothing_is_lost_or_doubled_when_workers_are_killed(tmp_path: Path) -> None:
    # So many that both workers still have some to do when one is caught at work.
    passages = 24 * PASSAGES_A_DOCUMENT

    outcome = run(tmp_path, passages=passages, workers=2, kills=1)

    assert outcome.faults == []
    assert outcome.killed == 1
    assert outcome.documents == 24
    assert outcome.passages == passages
