"""
A chat model that costs next to nothing: `python -m bench.model_stub PORT`.

Speaks OpenAI's `POST /v1/chat/completions`, stream and JSON, on bare sockets, so that a
benchmark measures the service and not its model. Every answer is the same cited text.
"""

from __future__ import annotations

import asyncio
import json
import sys

FIRST_TOKEN_SECONDS = 0.1
SENTENCES = (
    "The library opens at eight in the morning on every weekday of the semester",
    "Borrowed books are returned within two weeks and may be extended twice",
    "Visitors without a card register at the front desk before they enter",
    "Quiet rooms on the second floor are booked by telephone one day ahead",
    "A lost book is replaced by the borrower or paid at its present price",
    "Printers stand beside the stairs and take the same card as the doors",
    "Newspapers of the past month lie in the hall and stay in the building",
    "Students of the last year may keep rare books on a shelf of their own",
    "The catalogue is open to everybody and lists the branches in other towns",
    "Bags are left in the lockers because the reading rooms have narrow tables",
    "Lectures about finding sources are held on the first Monday of a month",
    "During the examination weeks the doors stay open until eleven in the evening",
    "Donations are welcome when they fit the collection and are in good condition",
    "The staff answers questions in person by letter and at the service window",
)
"""The document; an answer repeats it with marks."""
ANSWER = " ".join(f"{sentence} [1]." for sentence in SENTENCES)
TOKENS = [f" {word}" if at else word for at, word in enumerate(ANSWER.split(" "))]


def _chunk(delta: dict[str, str], finish: str | None = None) -> bytes:
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "stub",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }
    return b"data: " + json.dumps(body).encode() + b"\n\n"


_CHUNKS = [_chunk({"content": token}) for token in TOKENS]
_LAST = _chunk({}, "stop") + b"data: [DONE]\n\n"
_WHOLE = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "stub",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": ANSWER},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }
).encode()
_SSE_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)


def _framed(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


class ModelStub:
    """
    The server.

    Args:
        token_seconds: Between two tokens; a turn has `len(TOKENS)` of them.
    """

    def __init__(self, *, token_seconds: float) -> None:
        self._token_seconds = token_seconds

    async def serve(self, port: int) -> None:
        """Serve until cancelled."""
        server = await asyncio.start_server(self._talk, "127.0.0.1", port, backlog=1024)
        async with server:
            await server.serve_forever()

    async def _talk(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length:")[1].split(b"\r")[0])
                body = await reader.readexactly(length)
                await asyncio.sleep(FIRST_TOKEN_SECONDS)
                if json.loads(body).get("stream"):
                    await self._stream(writer)
                else:
                    await asyncio.sleep(self._token_seconds * len(TOKENS))
                    writer.write(
                        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                        + f"Content-Length: {len(_WHOLE)}\r\n\r\n".encode()
                        + _WHOLE
                    )
        except (asyncio.IncompleteReadError, ConnectionError, IndexError):
            return
        finally:
            writer.close()

    async def _stream(self, writer: asyncio.StreamWriter) -> None:
        writer.write(_SSE_HEAD)
        for chunk in _CHUNKS:
            writer.write(_framed(chunk))
            await asyncio.sleep(self._token_seconds)
        writer.write(_framed(_LAST) + b"0\r\n\r\n")


if __name__ == "__main__":
    asyncio.run(ModelStub(token_seconds=float(sys.argv[2])).serve(int(sys.argv[1])))
