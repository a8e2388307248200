"""
Child processes for work that is dangerous (decoding) or holds the GIL (recognition).

A child reads one request at a time from its standard input and answers on its standard
output. Frame: 4 bytes big-endian length of a JSON object, the object, then as many
bytes as its `bytes` field says. `speech.child` is the other end.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import struct
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from domain import errors
from domain.errors import AppError, SpeechEngineUnavailable

log = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parent.parent
MAX_REPLY_BYTES = 64 * 1024 * 1024
_BY_CODE = {
    kind.code: kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, AppError)
}


class Worker:
    """One child process; answers one call after the other."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._asked = False

    @property
    def alive(self) -> bool:
        """The process runs."""
        return self._process.returncode is None

    @property
    def clean(self) -> bool:
        """No call was left in its middle: the next reply belongs to the next call."""
        return not self._asked

    async def call(
        self, request: Mapping[str, object], payload: bytes = b""
    ) -> tuple[dict[str, object], bytes]:
        """
        Send one request and return the reply with its bytes.

        Raises:
            AppError: What the child said, by its code.
            SpeechEngineUnavailable: The child died.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise SpeechEngineUnavailable
        header = json.dumps({**request, "bytes": len(payload)}).encode()
        self._asked = True
        try:
            stdin.write(struct.pack(">I", len(header)) + header + payload)
            await stdin.drain()
            size = struct.unpack(">I", await stdout.readexactly(4))[0]
            reply: dict[str, object] = json.loads(await stdout.readexactly(size))
            length = int(str(reply.get("bytes", 0)))
            if length > MAX_REPLY_BYTES:
                raise SpeechEngineUnavailable
            body = await stdout.readexactly(length)
        except (OSError, EOFError, ValueError) as exc:
            raise SpeechEngineUnavailable from exc
        self._asked = False
        if "error" in reply:
            kind = _BY_CODE.get(str(reply["error"]), SpeechEngineUnavailable)
            raise kind(str(reply["detail"]) if reply.get("detail") else None)
        return reply, body

    async def kill(self) -> None:
        """End the process at once."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        await self._process.wait()


class WorkerPool:
    """
    A few equal children, started on first use, replaced when they die.

    Args:
        program: Module run by each child (`python -m`).
        size: Calls that may run at once; further ones wait.
        memory_mb: Address space of a child.
        options: Start options, handed over as one JSON argument.
    """

    def __init__(
        self,
        program: str,
        *,
        size: int,
        memory_mb: int,
        options: Mapping[str, object] | None = None,
    ) -> None:
        self._arguments = [
            "-m",
            program,
            json.dumps({"memory_mb": memory_mb, **(options or {})}),
        ]
        self._slots = asyncio.Semaphore(size)
        self._idle: list[Worker] = []
        self._closed = False

    async def warm(self) -> None:
        """Start one child ahead of the first call."""
        async with self.lease():
            pass

    async def call(
        self,
        request: Mapping[str, object],
        payload: bytes = b"",
        *,
        timeout_seconds: float,
    ) -> tuple[dict[str, object], bytes]:
        """
        Run one request on any child.

        Raises:
            AppError: What the child said.
            SpeechEngineUnavailable: It died, or the time ran out; it was replaced.
        """
        try:
            async with asyncio.timeout(timeout_seconds), self.lease() as worker:
                return await worker.call(request, payload)
        except TimeoutError as exc:
            log.warning("speech_worker_timed_out", extra={"seconds": timeout_seconds})
            raise SpeechEngineUnavailable from exc

    @contextlib.asynccontextmanager
    async def lease(self) -> AsyncIterator[Worker]:
        """Lend one child for several calls; one left in the middle is ended."""
        async with self._slots:
            worker = await self._take()
            try:
                yield worker
            finally:
                if worker.clean and worker.alive and not self._closed:
                    self._idle.append(worker)
                else:
                    await asyncio.shield(worker.kill())

    async def drain(self) -> None:
        """End the children that nobody uses; later calls start new ones."""
        while self._idle:
            await self._idle.pop().kill()

    async def close(self) -> None:
        """End every child."""
        self._closed = True
        await self.drain()

    async def _take(self) -> Worker:
        while self._idle:
            worker = self._idle.pop()
            if worker.alive:
                return worker
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *self._arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                cwd=ROOT,
                # Of the service's environment only what finds programs and packages.
                env={
                    "PATH": os.environ.get("PATH", ""),
                    "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
                    "OMP_NUM_THREADS": "1",
                },
                limit=MAX_REPLY_BYTES,
                start_new_session=True,
            )
        except OSError as exc:
            raise SpeechEngineUnavailable from exc
        return Worker(process)
