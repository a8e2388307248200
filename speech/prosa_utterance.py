"""One utterance that Prosa hears while it is spoken."""

from __future__ import annotations

import asyncio

from domain.deadlines import Deadline
from speech.prosa_socket import Socket
from speech.remote import RemoteFault

SETTLE_SECONDS = 1.0
"""For further results of an utterance that is over."""


class Utterance:
    """One connection: samples go out while hypotheses come in."""

    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self._results: list[str] = []
        self._partial = ""
        self._heard = asyncio.Event()
        # Nobody speaks longer than a connection may be silent; `finish` has a deadline.
        self._reading = asyncio.create_task(self._read(Deadline.after(3_600.0)))

    @property
    def text(self) -> str:
        """The hypothesis so far."""
        return " ".join(filter(None, [*self._results, self._partial]))

    async def send(self, pcm: bytes) -> None:
        """Send samples. Raises `RemoteFault`."""
        if self._reading.done():
            await self._reading
            raise RemoteFault("closed early", again=True)
        # An empty message would end the utterance.
        if pcm:
            await self._socket.send(pcm)
            # Sending rarely waits: who feeds faster than life would never hear back.
            await asyncio.sleep(0)

    async def finish(self, *, deadline: Deadline) -> str:
        """Send the end and return everything that was heard. Raises `RemoteFault`."""
        self._heard.clear()
        if not self._reading.done():
            await self._socket.send(b"")
        heard = asyncio.create_task(self._heard.wait())
        await asyncio.wait(
            {self._reading, heard},
            timeout=_left(deadline),
            return_when=asyncio.FIRST_COMPLETED,
        )
        heard.cancel()
        if self._heard.is_set():
            # The server closes after its last result; one that does not is not awaited.
            seconds = min(SETTLE_SECONDS, _left(deadline))
            await asyncio.wait({self._reading}, timeout=seconds)
        elif not self._reading.done():
            raise RemoteFault("timed out", again=False)
        if self._reading.done():
            await self._reading
        # Without one result the last hypothesis is what there is.
        if not self._results and not self._partial:
            raise RemoteFault("no result", again=True)
        return self.text

    async def close(self) -> None:
        """Close the connection."""
        self._reading.cancel()
        await asyncio.wait({self._reading})
        # Looked at, so that nobody complains about a fault that nobody waited for.
        if not self._reading.cancelled():
            self._reading.exception()
        await self._socket.close()

    async def _read(self, deadline: Deadline) -> None:
        while (message := await self._socket.receive(deadline=deadline)) is not None:
            if isinstance(message, bytes):
                continue
            kind, text = message.get("type"), message.get("transcript")
            if kind == "error":
                raise RemoteFault("refused", again=False)
            if kind not in {"partial", "result"} or not isinstance(text, str):
                continue
            self._partial = " ".join(text.split()) if kind == "partial" else ""
            if kind == "result":
                self._results.append(" ".join(text.split()))
                self._heard.set()


def _left(deadline: Deadline) -> float:
    return max(0.0, deadline.expires_at - asyncio.get_running_loop().time())
