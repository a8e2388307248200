"""The real worker with deadlines short enough for a test."""

from __future__ import annotations

from api.server import DeadlineH11, DrainWorker


class HastyH11(DeadlineH11):
    """Headers within a second, readers that stall for a second are cut."""

    header_seconds = 1.0
    stall_seconds = 1.0


class HastyWorker(DrainWorker):
    """For `--worker-class=tests.fakes.toy_worker.HastyWorker`."""

    CONFIG_KWARGS = {**DrainWorker.CONFIG_KWARGS, "http": HastyH11}  # noqa: RUF012
