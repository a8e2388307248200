"""The published document and the running service say the same."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.e2e.hostile_service import hostile_service
from tests.e2e.schema_tool import DOCUMENT, count_cases, run_schema_tool, shorten
from tests.service import RunningService

# For a run in the suite; `python -m tests.e2e.schema_tool 200` takes longer.
EXAMPLES = "3"


@pytest.fixture(scope="module")
def service() -> Iterator[RunningService]:
    with hostile_service() as running:
        with running.client() as client:
            client.post("/v1/documents", json=DOCUMENT)
        yield running


@pytest.mark.timeout(600)
def test_a_schema_driven_tool_finds_no_mismatch(service: RunningService) -> None:
    run = run_schema_tool(service, "--max-examples", EXAMPLES)

    assert run.returncode == 0, shorten(run.stdout)[-20_000:] + run.stderr[-2000:]
    with service.client() as client:
        operations = sum(
            len(methods.keys() & {"get", "post", "patch", "put", "delete"})
            for methods in client.get("/openapi.json").json()["paths"].values()
        )
    assert f"Tested: {operations}" in run.stdout
    assert count_cases(run.stdout) > 300
    assert not re.search(r'"status":5\d\d', service.log())
