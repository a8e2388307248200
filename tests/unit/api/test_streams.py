"""A response that is an async iterator."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from flask import Flask

from api.streams import AsyncStream


class Source:
    """Three chunks; remembers whether it was closed."""

    def __init__(self) -> None:
        self.closed = 0
        self._chunks = [b"", b"one", b"", b"two"]

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self._chunks:
            raise StopAsyncIteration
        return self._chunks.pop(0)

    async def aclose(self) -> None:
        self.closed += 1


async def test_empty_chunks_are_skipped() -> None:
    stream = AsyncStream(Source())

    assert [chunk async for chunk in stream.chunks()] == [b"one", b"two"]


async def test_what_was_primed_comes_first_and_once() -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    stream = AsyncStream(body())
    await stream.prime()

    assert [chunk async for chunk in stream.chunks()] == [b"one", b"two"]


async def test_an_empty_stream_can_be_primed() -> None:
    async def body() -> AsyncIterator[bytes]:
        return
        yield b""

    stream = AsyncStream(body())
    await stream.prime()

    assert [chunk async for chunk in stream.chunks()] == []


async def test_closing_twice_closes_once() -> None:
    source = Source()
    stream = AsyncStream(source)

    await stream.aclose()
    await stream.aclose()

    assert source.closed == 1


async def test_an_iterator_without_aclose_needs_none() -> None:
    class Bare:
        def __aiter__(self) -> Bare:
            return self

        async def __anext__(self) -> bytes:
            raise StopAsyncIteration

    await AsyncStream(Bare()).aclose()


def test_reading_it_in_a_thread_is_a_mistake_with_a_name() -> None:
    stream = AsyncStream(Source())

    with pytest.raises(RuntimeError):
        stream.get_data()
    with (
        Flask(__name__).test_request_context(),
        pytest.raises(RuntimeError, match="bridge"),
    ):
        list(stream({"REQUEST_METHOD": "GET"}, lambda *_: None))  # type: ignore[arg-type]


def test_it_has_no_length_and_is_an_event_stream() -> None:
    stream = AsyncStream(Source(), headers={"X-A": "b"}, status=202)

    headers = stream.get_wsgi_headers({})

    assert "Content-Length" not in headers
    assert headers["Content-Type"].startswith("text/event-stream")
    assert headers["X-A"] == "b"
    assert stream.status_code == 202
