"""Parsing of strangers' files in a child process with limits."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from knowledge.loaders.blocks import DocumentUnreadable, Extract, unpack_extract
from knowledge.loaders.formats import Format
from knowledge.sandbox_child import (
    DONE,
    OUT_OF_MEMORY,
    TOO_MUCH_TEXT,
    UNREADABLE,
    Order,
)

log = logging.getLogger(__name__)

_ROOT = Path(__file__).resolve().parent.parent
_MEGABYTE = 1_000_000

_TOO_SLOW = "The file took too long to read."
_TOO_LARGE = "The file needs too much memory to read."
_TOO_MUCH = "The file holds too much text."
_CRASHED = "The file could not be read: it made its parser crash."


@dataclass(frozen=True, slots=True)
class Limits:
    """
    What one document may use; each grows with its size in megabytes.

    Attributes:
        wall_factor: Wall time as a multiple of processor time, for busy machines.
    """

    cpu_seconds: float = 10.0
    cpu_seconds_per_megabyte: float = 3.0
    wall_factor: float = 2.0
    memory_megabytes: float = 512.0
    memory_megabytes_per_megabyte: float = 16.0
    output_megabytes: float = 16.0
    output_megabytes_per_megabyte: float = 4.0
    most_output_megabytes: float = 120.0

    def order(self, kind: Format, size_bytes: int) -> Order:
        """Return the limits of a document of *size_bytes*."""
        size = size_bytes / _MEGABYTE
        cpu = self.cpu_seconds + self.cpu_seconds_per_megabyte * size
        memory = self.memory_megabytes + self.memory_megabytes_per_megabyte * size
        output = self.output_megabytes + self.output_megabytes_per_megabyte * size
        output = min(output, self.most_output_megabytes)
        return Order(
            kind=kind,
            cpu_seconds=max(1, round(cpu)),
            wall_seconds=max(1, round(cpu * self.wall_factor)),
            memory_bytes=round(memory * _MEGABYTE),
            output_bytes=round(output * _MEGABYTE),
        )


class Sandbox:
    """
    Parses one document at a time, each in its own child. Thread-safe.

    A nursery with the parsers imported is started at first use and forks the
    children: a document costs milliseconds, not the import of its parser.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._lock = threading.Lock()
        self._nursery: subprocess.Popen[bytes] | None = None
        self._door: socket.socket | None = None

    def parse(self, content: bytes, kind: Format) -> Extract:
        """
        Return the text of *content*.

        Raises:
            DocumentUnreadable: Damaged, hostile, or beyond the limits; says which.
        """
        order = self._limits.order(kind, len(content))
        with self._lock, _scratch_file() as source, _scratch_file() as target:
            source.write(content)
            source.flush()
            source.seek(0)
            begun = time.monotonic()
            status = self._run(order, source.fileno(), target.fileno())
            log.info(
                "document_parsed",
                extra={
                    "format": kind,
                    "bytes": len(content),
                    "status": status,
                    "duration_ms": round((time.monotonic() - begun) * 1000, 1),
                },
            )
            target.seek(0)
            raw = target.read(order["output_bytes"] + 1)
        return _read_result(status, raw)

    def close(self) -> None:
        """End the nursery; the next document starts a new one."""
        with self._lock:
            self._stop()

    def _run(self, order: Order, source: int, target: int) -> int:
        """Return the wait status of the child; raise when time is over."""
        try:
            reply = self._ask(order, source, target)
        except (BrokenPipeError, ConnectionResetError, EOFError):
            # An idle nursery went away, or was killed: a new one, once.
            self._stop()
            os.ftruncate(target, 0)
            try:
                reply = self._ask(order, source, target)
            except (OSError, EOFError) as exc:
                self._stop()
                raise DocumentUnreadable(_CRASHED) from exc
        return int(json.loads(reply)["status"])

    def _ask(self, order: Order, source: int, target: int) -> bytes:
        door = self._door or self._start()
        # A moment more than the child's own alarm, which ends it more gently.
        door.settimeout(order["wall_seconds"] + 2)
        try:
            socket.send_fds(door, [json.dumps(order).encode()], [source, target])
            reply = b""
            while not reply.endswith(b"\n"):
                part = door.recv(4096)
                if not part:
                    raise EOFError
                reply += part
        except TimeoutError as exc:
            self._stop()
            raise DocumentUnreadable(_TOO_SLOW) from exc
        return reply

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        # Its own session: all of it can be killed at once. No secrets in its
        # environment, nothing inherited but the socket.
        self._nursery = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "knowledge.sandbox_child", str(theirs.fileno())],
            cwd=_ROOT,
            env={"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"},
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        theirs.close()
        self._door = ours
        return ours

    def _stop(self) -> None:
        door, self._door = self._door, None
        nursery, self._nursery = self._nursery, None
        if door is not None:
            door.close()
        if nursery is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(nursery.pid, signal.SIGKILL)
            nursery.wait()


def _scratch_file() -> BinaryIO:
    """Return a file without a name, in memory where the system can do that."""
    if hasattr(os, "memfd_create"):
        return open(os.memfd_create("document"), "w+b")  # noqa: PTH123 - a descriptor
    return tempfile.TemporaryFile()


def _read_result(status: int, raw: bytes) -> Extract:
    if os.WIFSIGNALED(status):
        slow = os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGALRM, signal.SIGKILL)
        raise DocumentUnreadable(_TOO_SLOW if slow else _CRASHED)
    code = os.WEXITSTATUS(status)
    if code == OUT_OF_MEMORY:
        raise DocumentUnreadable(_TOO_LARGE)
    if code == TOO_MUCH_TEXT:
        raise DocumentUnreadable(_TOO_MUCH)
    if code not in (DONE, UNREADABLE):
        raise DocumentUnreadable(_CRASHED)
    try:
        values = json.loads(raw)
    except ValueError as exc:
        raise DocumentUnreadable(_CRASHED) from exc
    if code == UNREADABLE:
        raise DocumentUnreadable(str(values.get("reason", _CRASHED))[:300])
    return unpack_extract(values)
