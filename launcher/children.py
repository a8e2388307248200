"""Programs that live and end with the one that started them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO

from config import ROOT

# Longer than the service's own drain (gunicorn.conf.py, graceful_timeout).
STOP_SECONDS = 35.0
LOOK_SECONDS = 0.1
LAST_LINES_SECONDS = 1.0

# The level of a line in both forms of `LOG_FORMAT`.
_CHATTER = re.compile(rb"\b(?:INFO|DEBUG)\b")


@dataclass(slots=True)
class Children:
    """
    Programs that live and end with this one.

    Attributes:
        stopping: Set when all of it is to end.
        hurrying: Set when it is to end without waiting for turns that are running.
        hushed: While set, what programs say is passed on from WARNING upwards only.
    """

    stopping: threading.Event = field(default_factory=threading.Event)
    hurrying: threading.Event = field(default_factory=threading.Event)
    hushed: threading.Event = field(default_factory=threading.Event)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _heard: list[threading.Thread] = field(default_factory=list)

    def start(
        self,
        name: str,
        command: Sequence[str],
        *,
        environ: Mapping[str, str],
        silent: bool = False,
    ) -> None:
        """Start a program of this application; *silent* drops its standard output."""
        child = subprocess.Popen(  # noqa: S603 - our own programs
            [sys.executable, *command],
            cwd=ROOT,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if silent else None,
            stderr=subprocess.PIPE,
            # Ctrl-C reaches this process alone, which ends the others in order.
            start_new_session=True,
        )
        self.running[name] = child
        if child.stderr:
            heard = threading.Thread(target=self._pass_on, args=(child.stderr,))
            heard.daemon = True
            heard.start()
            self._heard.append(heard)

    def _pass_on(self, lines: IO[bytes]) -> None:
        """Hand the log lines of a program to our own standard error."""
        with lines:
            for line in lines:
                if not (self.hushed.is_set() and _CHATTER.search(line[:120])):
                    sys.stderr.buffer.write(line)
                    sys.stderr.buffer.flush()

    def hear_out(self) -> None:
        """Wait a moment for the last lines of those that ended."""
        for heard in self._heard:
            heard.join(LAST_LINES_SECONDS)

    def find_ended(self) -> tuple[str, int] | None:
        """Return the name and exit status of a program that ended by itself."""
        for name, child in self.running.items():
            status = child.poll()
            if status is not None:
                return name, status
        return None

    def wait_for(self, what: Callable[[], bool], *, seconds: float) -> bool:
        """Return True when *what* holds, False when something ended or time is up."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.find_ended():
            if what():
                return True
            if self.stopping.wait(LOOK_SECONDS):
                return False
        return False

    def run(self, command: Sequence[str], *, environ: Mapping[str, str]) -> int | None:
        """
        Run a program to its end, its progress bar on our own terminal.

        Returns:
            Its exit status; None when we were told to stop, or another one ended.
        """
        child = subprocess.Popen(  # noqa: S603 - our own programs
            [sys.executable, *command],
            cwd=ROOT,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        while child.poll() is None:
            if self.stopping.wait(LOOK_SECONDS) or self.find_ended():
                self._end(child)
                return None
        return child.returncode

    def tell_to_stop(self) -> None:
        """Note a signal: the first one asks, the next one insists."""
        (self.hurrying if self.stopping.is_set() else self.stopping).set()

    def stop(self) -> None:
        """End them by their ids, all at once, and wait for each."""
        for child in self.running.values():
            if child.poll() is None:
                child.terminate()
        for child in self.running.values():
            self._end(child)
        self.hear_out()

    def _end(self, child: subprocess.Popen[bytes]) -> None:
        if child.poll() is None:
            child.terminate()
        until = time.monotonic() + STOP_SECONDS
        while child.poll() is None:
            if time.monotonic() > until or self.hurrying.wait(LOOK_SECONDS):
                # It leads a group of its own: its workers go with it.
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
