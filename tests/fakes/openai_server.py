"""
A local OpenAI-compatible server: chat (JSON, SSE), embeddings, faults by model name.

`python -m tests.fakes.openai_server PORT` runs it by hand. Models: `good` answers from
the passages of the prompt and cites them; `obeying` does what a passage tells it to;
every other name of `FAULTS` fails in its own way. `GET /stats` counts calls and
cancellations.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import math
import re
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

DIMENSIONS = 256
FAULTS = (
    "busy",
    "busy-once",
    "quota",
    "error",
    "error-once",
    "unauthorized",
    "hang",
    "drip",
    "cut",
    "cut-late",
    "garbage",
    "empty",
    "wrong-type",
    "long-line",
    "error-event",
)
"""
Names of models that fail; `busy` is 429, `error` is 500, `quota` is out of budget.
"""

_PASSAGE = re.compile(
    r"<(?P<marker>[0-9a-f]{8,}) passage"
    r" (?P<number>\d+)[^>]*>\n(?P<text>.*?)\n</(?P=marker)>",
    re.DOTALL,
)
_SENTENCE = re.compile(r"[^.!?\n]+(?:[.!?](?!\s)[^.!?\n]*)*[.!?]?")
_WORD = re.compile(r"\w{3,}")
_ORDER = re.compile(
    r"(?:say|print|reply with|answer with|include|katakan|tulis"
    r"|jawab dengan)[: ]+(.{3,200})",
    re.IGNORECASE,
)


@dataclass
class Stats:
    """What the server saw."""

    chat_calls: int = 0
    embedding_calls: int = 0
    embedded_texts: int = 0
    cancelled: int = 0
    completed: int = 0
    by_model: dict[str, int] = field(default_factory=dict)
    prompts: list[list[dict[str, Any]]] = field(default_factory=list)


class OpenAIServer:
    """
    The server; runs in a thread of its own between `start` and `stop`.

    Args:
        token_delay: Seconds between two tokens.
        first_delay: Seconds before the first one.
        script: Answers by model name, said as they are.
    """

    def __init__(
        self,
        *,
        token_delay: float = 0.0,
        first_delay: float = 0.0,
        script: dict[str, str] | None = None,
    ) -> None:
        self.token_delay = token_delay
        self.first_delay = first_delay
        self.script = dict(script or {})
        self.acting: str | None = None
        """Name of the model that every call is answered as, while set."""
        self.stats = Stats()
        self.port = 0
        self._seen: dict[str, int] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stopping: asyncio.Event | None = None

    @property
    def url(self) -> str:
        """Base URL for `LLM_BASE_URL` and `OPENAI_BASE_URL`."""
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self, port: int = 0) -> str:
        """Serve on *port* (0: a free one) and return the base URL."""
        ready = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(port, ready)), daemon=True
        )
        self._thread.start()
        if not ready.wait(10):
            raise RuntimeError("the fake model server did not start")
        return self.url

    def stop(self) -> None:
        """Stop serving."""
        if self._loop and self._stopping and self._thread:
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(10)

    async def _serve(self, port: int, ready: threading.Event) -> None:
        app = web.Application(client_max_size=32 * 1024 * 1024)
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_post("/v1/embeddings", self._embed)
        app.router.add_get("/stats", self._show_stats)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.2)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self.port = runner.addresses[0][1]
        ready.set()
        await self._stopping.wait()
        await runner.cleanup()

    async def _models(self, request: web.Request) -> web.Response:
        names = ("good", "obeying", *FAULTS, *self.script)
        return web.json_response(
            {
                "object": "list",
                "data": [{"id": one, "object": "model"} for one in names],
            }
        )

    async def _show_stats(self, request: web.Request) -> web.Response:
        stats = self.stats
        return web.json_response(
            {
                "chat_calls": stats.chat_calls,
                "embedding_calls": stats.embedding_calls,
                "embedded_texts": stats.embedded_texts,
                "cancelled": stats.cancelled,
                "completed": stats.completed,
                "by_model": stats.by_model,
            }
        )

    async def _embed(self, request: web.Request) -> web.Response:
        body = await request.json()
        texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
        if any(not isinstance(text, str) for text in texts):
            return _problem(400, "only texts are taken", "invalid_request_error")
        self.stats.embedding_calls += 1
        self.stats.embedded_texts += len(texts)
        return web.json_response(
            {
                "object": "list",
                "model": body.get("model", "embed"),
                "data": [
                    {"object": "embedding", "index": at, "embedding": embed(text)}
                    for at, text in enumerate(texts)
                ],
                "usage": {"prompt_tokens": 1, "total_tokens": 1},
            }
        )

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        model = self.acting or str(body.get("model", "good"))
        self.stats.chat_calls += 1
        self.stats.by_model[model] = self.stats.by_model.get(model, 0) + 1
        self.stats.prompts.append(body["messages"])
        try:
            response = await self._answer(request, body, model)
        except (asyncio.CancelledError, ConnectionError):
            self.stats.cancelled += 1
            raise
        self.stats.completed += 1
        return response

    async def _answer(
        self, request: web.Request, body: dict[str, Any], model: str
    ) -> web.StreamResponse:
        refused = self._refuse(model)
        if refused is not None:
            return refused
        if model == "hang":
            await asyncio.sleep(600)
        text = self.script.get(model) or reply_to(body["messages"], model)
        if model == "empty":
            text = ""
        if self.first_delay:
            await asyncio.sleep(self.first_delay)
        if not body.get("stream"):
            return _whole(model, text)
        if model == "wrong-type":
            return web.Response(text="<html>gateway</html>", content_type="text/html")
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await self._stream(response, model, text)
        return response

    def _refuse(self, model: str) -> web.Response | None:
        seen = self._seen[model] = self._seen.get(model, 0) + 1
        if model == "busy" or (model == "busy-once" and seen == 1):
            return _problem(429, "slow down", "rate_limit_exceeded", retry_after="0")
        if model == "quota":
            return _problem(429, "no budget", "insufficient_quota")
        if model == "error" or (model == "error-once" and seen == 1):
            return _problem(500, "broken", "server_error")
        if model == "unauthorized":
            return _problem(401, "bad key", "invalid_api_key")
        return None

    async def _stream(
        self, response: web.StreamResponse, model: str, text: str
    ) -> None:
        if model == "garbage":
            await response.write(b"data: {not json\n\n")
            return
        if model == "long-line":
            await response.write(b"data: " + b"x" * (10 * 1024 * 1024) + b"\n\n")
            return
        if model == "error-event":
            await _send(response, {"error": {"code": 502, "message": "provider broke"}})
            return
        tokens = re.findall(r"\s*\S+", text)
        for at, token in enumerate(tokens):
            if model in {"cut", "cut-late"} and at == (1 if model == "cut" else 8):
                if response._payload_writer is not None:
                    request_transport = response._req.transport  # type: ignore[union-attr]
                    if request_transport is not None:
                        request_transport.abort()
                return
            await _send(response, _chunk(model, token))
            delay = 2.0 if model == "drip" else self.token_delay
            if delay:
                await asyncio.sleep(delay)
        await _send(response, _chunk(model, None, finish="stop"))
        await response.write(b"data: [DONE]\n\n")


def embed(text: str) -> list[float]:
    """Return a unit vector of hashed words and 4-grams."""
    vector = [0.0] * DIMENSIONS
    for word in re.findall(r"\w+", text.lower()):
        marked = f"_{word}_"
        grams = [marked[at : at + 4] for at in range(max(1, len(marked) - 3))]
        for term, weight in ((word, 1.0), *((gram, 0.3) for gram in grams)):
            digest = hashlib.blake2b(term.encode(), digest_size=4).digest()
            value = int.from_bytes(digest, "big")
            vector[value % DIMENSIONS] += weight if value & 0x80000000 else -weight
    norm = math.sqrt(sum(one * one for one in vector)) or 1.0
    return [one / norm for one in vector]


def reply_to(messages: list[dict[str, Any]], model: str) -> str:
    """Return the scripted answer to a prompt of ours."""
    prompt = "\n".join(str(message["content"]) for message in messages)
    question = str(messages[-1]["content"]).rsplit(":", 1)[-1].strip()
    if model == "obeying":
        ordered = _ORDER.search(prompt.split("Rules:", 1)[-1])
        passages = [found["text"] for found in _PASSAGE.finditer(prompt)]
        for text in passages:
            ordered = _ORDER.search(text)
            if ordered:
                return f"{ordered[1]} ![x](https://evil.example/?q=1) [1]"
    if "NO_ANSWER" not in prompt:
        # A rewrite is asked for: the questions of the data block, joined.
        told = re.findall(r"^user: (.*)$", prompt, re.MULTILINE)
        return " ".join([*told[-1:], question])
    wanted = {word.lower() for word in _WORD.findall(question)}
    best: tuple[float, str, int] = (0.0, "", 0)
    for found in _PASSAGE.finditer(prompt):
        body = found["text"].split("\n\n", 1)[-1]
        for sentence in _SENTENCE.findall(body):
            held = {word.lower() for word in _WORD.findall(sentence)}
            score = len(wanted & held) / (len(wanted) or 1)
            if score > best[0]:
                best = (score, sentence.strip(), int(found["number"]))
    if best[0] == 0:
        return "NO_ANSWER"
    return f"{best[1].rstrip('.')} [{best[2]}]."


def _chunk(
    model: str, text: str | None, *, finish: str | None = None
) -> dict[str, Any]:
    delta = {} if text is None else {"content": text}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": model,
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }


def _whole(model: str, text: str) -> web.Response:
    message = {"role": "assistant", "content": text}
    return web.json_response(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": model,
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        }
    )


async def _send(response: web.StreamResponse, event: dict[str, Any]) -> None:
    await response.write(b"data: " + json.dumps(event).encode() + b"\n\n")


def _problem(
    status: int, message: str, code: str, *, retry_after: str | None = None
) -> web.Response:
    headers = {"Retry-After": retry_after} if retry_after is not None else {}
    error = {"message": message, "type": code, "code": code, "param": None}
    return web.json_response({"error": error}, status=status, headers=headers)


@contextlib.contextmanager
def running_server(**options: Any) -> Iterator[OpenAIServer]:
    """Run a server for the length of the block."""
    server = OpenAIServer(**options)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def main() -> None:
    """Serve until interrupted."""
    server = OpenAIServer(token_delay=0.02)
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8089
    print(server.start(port))
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()
    server.stop()


if __name__ == "__main__":
    main()
