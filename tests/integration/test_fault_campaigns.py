"""The campaigns of `tests/load`, each in a few minutes' worth less."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.load import kills, laws, restarts, streams, topologies

pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize("embedded", [False, True], ids=["server", "embedded"])
def test_kills_of_workers_and_redis_lose_double_and_halve_no_turn(
    tmp_path: Path, embedded: bool
) -> None:
    outcome = kills.run(tmp_path, kills=10, embedded=embedded, askers=4, pause=0.3)

    assert outcome.report.faults == []
    assert len(outcome.report.promises) >= 10 * kills.PROGRESS


def test_restarts_under_load_fail_no_request(tmp_path: Path) -> None:
    outcome = restarts.run(
        tmp_path, restarts=3, requests=900, clients=6, max_requests=80
    )

    assert outcome.failed == {}
    assert outcome.total >= 900
    assert outcome.recycled >= 1


def test_open_streams_delay_no_probe_and_leavers_leave_nothing(tmp_path: Path) -> None:
    outcome = streams.run(tmp_path, streams=60, leavers=30, seconds=20, probes=30)

    assert (outcome.opened, outcome.refused) == (60, 0)
    # The campaign holds the promised 250 ms; here others share the machine.
    assert outcome.health_p99 < 1
    assert outcome.cancelled == outcome.left == 30
    assert outcome.cancel_seconds < 2
    assert outcome.completed == 30


def test_four_processes_on_two_conversations_keep_every_turn(tmp_path: Path) -> None:
    report = laws.run(tmp_path, turns=80)

    assert report.faults == []
    assert len(report.promises) >= 80


def test_turns_survive_the_death_of_a_clusters_node(tmp_path: Path) -> None:
    outcome = topologies.run_cluster(tmp_path, kills=1)

    assert outcome.report.faults == []


def test_turns_survive_the_death_of_the_primary_that_sentinel_watched(
    tmp_path: Path,
) -> None:
    outcome = topologies.run_sentinel(tmp_path, kills=1)

    assert outcome.report.faults == []
