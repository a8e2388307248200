"""A TCP proxy between a client and a server, with the faults of real networks."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import struct
import threading
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Faults:
    """
    What happens to connections; the defaults are a network without faults.

    Attributes:
        up: False: connections are refused, and open ones are closed.
        delay, jitter: Seconds before a piece of the answer, and most seconds more.
        rate: Bytes a second of the answer, 0 for no limit.
        cut_after: Bytes of answer after which the connection is closed, None for never.
        reset: Open and new connections are reset.
        blackhole: What either side says is swallowed.
        drip: Seconds between single bytes of the answer.
        garbage: Share of the answer's pieces that are replaced by random bytes.
    """

    up: bool = True
    delay: float = 0.0
    jitter: float = 0.0
    rate: int = 0
    cut_after: int | None = None
    reset: bool = False
    blackhole: bool = False
    drip: float = 0.0
    garbage: float = 0.0


class FaultProxy:
    """
    `with FaultProxy(port) as proxy:` listens on `proxy.port`, in a thread of its own.

    Args:
        target: Port on the loopback address, or the path of a unix socket.
    """

    def __init__(self, target: int | str) -> None:
        self.target = target
        self.port = 0
        self.connections = 0
        self.faults = Faults()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()
        self._stop: asyncio.Event | None = None
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[Any]] = set()

    def set(self, **changes: Any) -> None:
        """Change faults, for open connections too; the others stay as they are."""
        self._call(self._change(replace(self.faults, **changes)))

    def heal(self) -> None:
        """Have no faults any more."""
        self._call(self._change(Faults()))

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the proxy could not listen")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._stop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def _call(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._main())

    async def _main(self) -> None:
        self._stop = asyncio.Event()
        await self._listen()
        self._ready.set()
        await self._stop.wait()
        await self._close()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(
            self._accept, "127.0.0.1", self.port, reuse_address=True
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        tasks = list(self._open)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _change(self, faults: Faults) -> None:
        before, self.faults = self.faults, faults
        if not faults.up:
            await self._close()
        elif not before.up:
            await self._listen()
        if faults.reset:
            for task in list(self._open):
                task.cancel()

    async def _accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        self.connections += 1
        upstream: asyncio.StreamWriter | None = None
        try:
            if self.faults.reset:
                return
            if isinstance(self.target, int):
                answer, upstream = await asyncio.open_connection(
                    "127.0.0.1", self.target
                )
            else:
                answer, upstream = await asyncio.open_unix_connection(self.target)
            pumps = [
                asyncio.create_task(self._pump(reader, upstream, answering=False)),
                asyncio.create_task(self._pump(answer, writer, answering=True)),
            ]
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._open.discard(task)
            if self.faults.reset:
                _reset_on_close(writer)
            for side in (writer, upstream):
                if side is not None:
                    side.transport.abort()

    async def _pump(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        *,
        answering: bool,
    ) -> None:
        passed = 0
        while piece := await source.read(65_536):
            faults = self.faults
            if faults.blackhole:
                continue
            if not answering:
                sink.write(piece)
                await sink.drain()
                continue
            if faults.delay or faults.jitter:
                await asyncio.sleep(faults.delay + random.uniform(0, faults.jitter))
            if faults.garbage and random.random() < faults.garbage:
                piece = os.urandom(len(piece))
            if faults.cut_after is not None:
                piece = piece[: max(0, faults.cut_after - passed)]
            passed += len(piece)
            await self._send(piece, sink, faults)
            if faults.cut_after is not None and passed >= faults.cut_after:
                return

    async def _send(
        self, piece: bytes, sink: asyncio.StreamWriter, faults: Faults
    ) -> None:
        step = 1 if faults.drip else max(1, faults.rate // 20) if faults.rate else 0
        pause = faults.drip or 0.05
        if not step:
            sink.write(piece)
            await sink.drain()
            return
        for start in range(0, len(piece), step):
            sink.write(piece[start : start + step])
            await sink.drain()
            await asyncio.sleep(pause)


def _reset_on_close(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    # Closing without lingering sends RST instead of FIN.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
