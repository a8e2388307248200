"""
Engines whose models people bring along: one child process that loads and runs them.

What is missing is known before anybody asks, and named by its setting, never by a path.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

from domain.deadlines import Deadline
from domain.errors import (
    AppError,
    AudioUnreadable,
    SpeechEngineUnavailable,
    TurnTimeout,
)
from speech.workers import WorkerPool

log = logging.getLogger(__name__)

ATTEMPTS = 2
LOAD_SECONDS = 60.0
RETRY_SECONDS = 60.0
"""Before a model that could not be loaded is tried again."""
# Address space: a large model is mapped and copied, and the runtimes reserve much.
MEMORY_MB = 12_288

FindMissing = Callable[[Path], str | None]
"""Names what a folder or file lacks to be a model; None: nothing."""


class ChildLost(Exception):
    """The child died twice over one request, or was too slow."""


class ModelChild:
    """
    The child of one engine.

    Args:
        program: Module run by the child.
        package: Name of the optional package, as it is installed.
        module: Name of the optional package, as it is imported.
        setting: Variable that names the model.
        path: Its value.
        find_missing: What *path* lacks.
        processes: Utterances at once; each has its own copy of the model.
    """

    def __init__(
        self,
        program: str,
        *,
        package: str,
        module: str,
        setting: str,
        path: Path | None,
        find_missing: FindMissing,
        processes: int = 1,
    ) -> None:
        self._package = package
        self._module = module
        self._setting = setting
        self._path = path
        self._find_missing = find_missing
        self._pool = WorkerPool(program, size=processes, memory_mb=MEMORY_MB)
        self._loaded = False
        self._broken: str | None = None
        self._try_at = 0.0

    def missing(self) -> str | None:
        """Return one sentence about what keeps the engine from working, or None."""
        if find_spec(self._module) is None:
            return f"The package {self._package} is not installed."
        if self._path is None:
            return f"{self._setting} is not set."
        lacking = self._find_missing(self._path)
        if lacking is not None:
            return f"{self._setting} has no {lacking}."
        return self._broken

    def state(self) -> str:
        """Return `embedded`, or `unavailable` when something is missing."""
        return "unavailable" if self.missing() else "embedded"

    def check(self) -> None:
        """Raise `SpeechEngineUnavailable` when something is missing."""
        missing = self.missing()
        if missing is not None:
            raise SpeechEngineUnavailable(missing)

    async def start(self) -> None:
        """Load the model; what goes wrong is told by `state` from then on."""
        missing = self.missing()
        if missing is None:
            with contextlib.suppress(SpeechEngineUnavailable):
                await self._load(LOAD_SECONDS)
        else:
            log.warning("speech_model_missing", extra={"engine": self._package})

    async def call(
        self, request: Mapping[str, object], payload: bytes, *, deadline: Deadline
    ) -> tuple[Mapping[str, object], bytes]:
        """
        Run one request; a child that died is replaced once.

        Raises:
            ChildLost: It died twice, or was too slow.
            SpeechEngineUnavailable: The package or the model is missing or unreadable.
        """
        if not self._loaded:
            if self._broken is None or time.monotonic() < self._try_at:
                self.check()
            await self._load(_remaining(deadline))
        for _ in range(ATTEMPTS):
            try:
                return await self._call(request, payload, seconds=_remaining(deadline))
            # A child out of memory answers as if the recording were at fault.
            except (SpeechEngineUnavailable, AudioUnreadable):
                log.warning("speech_model_lost", extra={"engine": self._package})
        raise ChildLost

    async def close(self) -> None:
        """End the child."""
        await self._pool.close()

    async def _load(self, seconds: float) -> None:
        try:
            await self._call({"op": "load"}, b"", seconds=seconds)
        except AppError as exc:
            # Some libraries end their process over a model they cannot read.
            self._broken = f"{self._setting} cannot be loaded by {self._package}."
            self._try_at = time.monotonic() + RETRY_SECONDS
            log.warning("speech_model_broken", extra={"engine": self._package})
            raise SpeechEngineUnavailable(self._broken) from exc
        self._loaded, self._broken = True, None

    async def _call(
        self, request: Mapping[str, object], payload: bytes, *, seconds: float
    ) -> tuple[Mapping[str, object], bytes]:
        full = {**request, "path": str(self._path and self._path.absolute())}
        return await self._pool.call(full, payload, timeout_seconds=seconds)


def _remaining(deadline: Deadline) -> float:
    try:
        return deadline.remaining()
    except TurnTimeout as exc:
        raise ChildLost from exc
