"""
The gunicorn worker: starts fast, drains before it stops.

A stock worker that is recycled or reloaded under load drops requests, because it
closes idle connections at the moment a client sends the next one. This one stops
accepting, says `Connection: close` for a while, and only then shuts down; the
arbiter is told all the time that it is alive.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import resource
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from gunicorn.arbiter import Arbiter
from uvicorn import Config, Server
from uvicorn_worker import UvicornWorker

from api.server_gc import CollectorTuner
from api.server_protocol import DeadlineH11, connection_limit
from api.server_websocket import MAX_MESSAGE_BYTES, PatientWebSocket

__all__ = ["DeadlineH11", "DrainServer", "DrainWorker"]

log = logging.getLogger(__name__)

DRAIN_SECONDS = 1.5
"""How long answers say `Connection: close` before idle connections are closed."""

CUT_SECONDS = 2.0
"""What streams have for their last bytes, and the rest to be cancelled."""

ALONE_SECONDS = 8.0
"""Of the grace, what a worker without siblings keeps for those it took meanwhile."""

WANTED_FILES = 16_384


class Drainable(Protocol):
    """What the server asks of the application while it stops."""

    def begin_drain(self) -> None:
        """Answer with `Connection: close` from now on."""
        ...

    @property
    def left_over(self) -> int:
        """Requests from before the drain that are still being answered."""
        ...

    def end_streams(self) -> None:
        """Bring what still runs to its end."""
        ...


class DrainServer(Server):
    """
    A uvicorn server that drains.

    Args:
        app: The application behind it.
        grace_seconds: From the signal to the end of streams that still run.
        parent: Process id of the arbiter; without it the worker ends too.
        is_alone: No other worker accepts meanwhile, so this one does so until the
            requests it had are answered.
    """

    def __init__(
        self,
        config: Config,
        *,
        app: Drainable,
        grace_seconds: float,
        parent: int,
        is_alone: bool,
    ) -> None:
        super().__init__(config)
        self._app = app
        self._grace = grace_seconds
        self._is_alone = is_alone
        self._parent = parent
        self._tuner = CollectorTuner()
        self._hurry = False

    def quit(self) -> None:
        """Stop without the grace: the arbiter kills in two seconds."""
        self._hurry = True
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop on SIGTERM with grace, on SIGINT at once."""
        if sig == signal.SIGINT:
            self._hurry = True
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[Any] | None = None) -> None:
        """Start, then put what the start made out of the collector's sight."""
        await super().startup(sockets)
        self._tuner.start()

    async def on_tick(self, counter: int) -> bool:
        """Look after the collector and the arbiter, once a second."""
        if counter % 10 == 0:
            self._tuner.tick(
                busy=bool(self.server_state.tasks),
                served=self.server_state.total_requests,
            )
            if os.getppid() != self._parent:
                log.warning("arbiter_lost")
                self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[Any] | None = None) -> None:
        """Stop accepting, let connections end, cut what is left, close."""
        log.info("drain_started", extra={"connections": self._connections})
        beat = asyncio.create_task(self._beat())
        end = time.monotonic() + self._grace
        self._app.begin_drain()
        if self._is_alone and not self._hurry:
            await self._until_answered(end - ALONE_SECONDS)
        for server in self.servers:
            server.close()
        if not self._hurry:
            await self._until_idle(time.monotonic() + min(DRAIN_SECONDS, self._grace))
        for connection in list(self.server_state.connections):
            connection.shutdown()
        if not self._hurry:
            await self._until_idle(end)
        self._app.end_streams()
        await self._until_idle(time.monotonic() + (0.3 if self._hurry else CUT_SECONDS))
        await super().shutdown(sockets)
        beat.cancel()
        with suppress(asyncio.CancelledError):
            await beat
        log.info("drain_ended")

    @property
    def _connections(self) -> int:
        return len(self.server_state.connections)

    async def _until_idle(self, end: float) -> None:
        # uvicorn has no event for a connection that ends.
        while (  # noqa: ASYNC110
            self._connections and time.monotonic() < end and not self.force_exit
        ):
            await asyncio.sleep(0.05)

    async def _until_answered(self, end: float) -> None:
        while self._app.left_over and time.monotonic() < end:  # noqa: ASYNC110
            await asyncio.sleep(0.05)

    async def _beat(self) -> None:
        notify = self.config.callback_notify
        while notify is not None:
            await notify()
            await asyncio.sleep(1)


class DrainWorker(UvicornWorker):  # type: ignore[misc]
    """The worker class of `gunicorn.conf.py`."""

    CONFIG_KWARGS = {  # noqa: RUF012 - The parent declares it so.
        "loop": "auto",
        "http": DeadlineH11,
        "ws": PatientWebSocket,
        "ws_max_size": MAX_MESSAGE_BYTES,
        # Sound in base64 gains little, and costs the loop what many sessions need.
        "ws_per_message_deflate": False,
        "lifespan": "on",
        "access_log": False,
        "server_header": False,
        "reset_contextvars": True,
        # Above the guard's 32 kB, so that the guard answers what it can.
        "h11_max_incomplete_event_size": 40 * 1024,
        # The drain is over when this begins to run.
        "timeout_graceful_shutdown": 1,
    }

    owner_lock: Path | None = None
    """Set after the fork when only one process may run: locked until it ends."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The parent copies gunicorn's handlers; ours has none and lets the root write.
        for name in ("uvicorn.error", "uvicorn.access"):
            logger = logging.getLogger(name)
            logger.propagate = logger.propagate or not logger.handlers

    def init_process(self) -> None:
        """Ask for file descriptors, then start as any worker."""
        _raise_file_limit()
        DeadlineH11.max_connections = connection_limit()
        super().init_process()

    def load_wsgi(self) -> None:
        """Load the application, after the worker before is gone where that matters."""
        if self.owner_lock is not None:
            self._wait_for_turn(self.owner_lock)
        super().load_wsgi()

    def _wait_for_turn(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A record lock ends with its process and is not inherited by children.
        self._owned = path.open("a")
        while True:
            try:
                fcntl.lockf(self._owned, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                self.notify()
                time.sleep(0.05)
            else:
                return

    async def _serve(self) -> None:
        self.config.app = self.wsgi
        # The arbiter kills at `graceful_timeout`; the last words come before that.
        grace = max(0.5, self.cfg.graceful_timeout - CUT_SECONDS - 2.0)
        server = DrainServer(
            self.config,
            app=self.wsgi,
            grace_seconds=grace,
            parent=self.ppid,
            is_alone=self.cfg.workers == 1,
        )
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGQUIT, server.quit)
        await server.serve(sockets=self.sockets)
        if not server.started:
            sys.exit(Arbiter.WORKER_BOOT_ERROR)


def _raise_file_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED_FILES if hard == resource.RLIM_INFINITY else min(hard, WANTED_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
