"""Hundreds of requests nobody means well with, each answered as the contract says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.e2e.hostile_cases import Case
from tests.e2e.hostile_cases_bodies import body_cases
from tests.e2e.hostile_cases_framing import framing_cases
from tests.e2e.hostile_cases_paths import path_cases
from tests.e2e.hostile_service import assert_serves, check, hostile_service
from tests.service import RunningService

CASES = [*framing_cases(), *path_cases(), *body_cases()]


@pytest.fixture(scope="module")
def service() -> Iterator[RunningService]:
    with hostile_service() as running:
        yield running
        log = running.log()
    assert "Traceback" not in log
    assert not re.search(r'"status":5\d\d|"level":"(ERROR|CRITICAL)"', log)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_hostile_request_gets_its_answer_and_harms_nobody(
    service: RunningService, case: Case
) -> None:
    check(service, case)

    assert_serves(service)


def test_there_are_enough_cases_and_no_two_are_called_the_same() -> None:
    names = Counter(case.name for case in CASES)

    assert max(names.values()) == 1, names.most_common(3)
    assert sum(case.status >= 400 for case in CASES) >= 300
