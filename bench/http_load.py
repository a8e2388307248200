"""Keep-alive clients on one event loop, light enough to share a core with nobody."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

_BODY = b'{"message":"Kapan pendaftaran dibuka?"}'


@dataclass(slots=True)
class LoadResult:
    """
    What a run saw.

    Attributes:
        answered: Complete answers with status 200.
        failed: Everything else.
        seconds: Wall clock of the run.
        first_bytes: Seconds from each request to its first body byte.
        first_texts: To the first text of a stream.
        whole: To the last byte.
    """

    answered: int = 0
    failed: int = 0
    seconds: float = 0.0
    first_bytes: list[float] = field(default_factory=list)
    first_texts: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Ask:
    """
    What is sent.

    Attributes:
        headers: Besides host and content; `{number}` counts the requests of a run.
        text_mark: Bytes that stand before the first text in a stream.
    """

    path: str
    body: bytes = _BODY
    headers: str = ""
    text_mark: bytes = b""

    def request(self, number: int) -> bytes:
        """Return the bytes of the request of that *number*."""
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: bench\r\n"
            "Content-Type: application/json\r\n"
            f"{self.headers.format(number=number)}Content-Length: {len(self.body)}"
        )
        return head.encode() + b"\r\n\r\n" + self.body


class _Client:
    def __init__(self, port: int, ask: Ask, result: LoadResult) -> None:
        self._port = port
        self._ask = ask
        self._result = result
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, number: int) -> None:
        """Send one request and count how it went."""
        start = time.perf_counter()
        try:
            ok = await asyncio.wait_for(self._exchange(start, number), 120)
        except (OSError, EOFError, TimeoutError, ValueError):
            ok = False
            self.close()
        if ok:
            self._result.answered += 1
        else:
            self._result.failed += 1

    def close(self) -> None:
        """Drop the connection."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None

    async def _exchange(self, start: float, number: int) -> bool:
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(
                "127.0.0.1", self._port
            )
        self._writer.write(self._ask.request(number))
        head = await self._reader.readuntil(b"\r\n\r\n")
        lower = head.lower()
        if b"chunked" in lower:
            await self._read_chunks(self._reader, start)
        else:
            length = int(lower.split(b"content-length:")[1].split(b"\r\n")[0])
            await self._reader.readexactly(length)
            self._result.first_bytes.append(time.perf_counter() - start)
        self._result.whole.append(time.perf_counter() - start)
        if b"connection: close" in lower:
            self.close()
        return head.startswith(b"HTTP/1.1 200")

    async def _read_chunks(self, reader: asyncio.StreamReader, start: float) -> None:
        received = b""
        mark = self._ask.text_mark
        while not received.endswith(b"0\r\n\r\n"):
            part = await reader.read(65_536)
            if not part:
                raise EOFError
            if not received:
                self._result.first_bytes.append(time.perf_counter() - start)
            if mark and mark in received + part:
                self._result.first_texts.append(time.perf_counter() - start)
                mark = b""
            received = (received + part)[-64:]


async def run_load(
    port: int,
    ask: Ask | str,
    *,
    at_once: int,
    requests: int,
    spread_seconds: float = 0.0,
) -> LoadResult:
    """
    Make *requests* requests, *at_once* at a time; a text asks that path.

    The clients begin within *spread_seconds*, evenly: people do not ask in the same
    instant.
    """
    result = LoadResult()
    left = iter(range(requests))
    asked = Ask(ask) if isinstance(ask, str) else ask
    clients = [_Client(port, asked, result) for _ in range(at_once)]

    async def work(client: _Client, *, wait: float) -> None:
        await asyncio.sleep(wait)
        for number in left:
            await client.ask(number)

    start = time.perf_counter()
    await asyncio.gather(
        *(
            work(client, wait=spread_seconds * at / at_once)
            for at, client in enumerate(clients)
        )
    )
    result.seconds = time.perf_counter() - start
    for client in clients:
        client.close()
    return result
