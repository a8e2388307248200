"""What a request may ask for: the services, its id, its caller."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import io
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import IO, TypeVar, cast

from flask import Request, current_app, g, request
from werkzeug.datastructures import MIMEAccept

from api.bridge_guard import MAX_KEY_BYTES
from api.cors import CORSPolicy
from api.standings import Standings
from domain.callers import Caller
from domain.errors import NotAuthenticated, Overloaded
from domain.ports import Services
from utils.metrics import Metrics
from utils.validation import is_identifier

Result = TypeVar("Result")

# One upload is parsed and hashed in a thread; more of them than this only wait.
BLOCKING_THREADS = 8
BLOCKING_WAITING = 64


@dataclass(frozen=True, slots=True)
class Options:
    """
    Plain values the routes need from the settings.

    Attributes:
        json_bytes: Largest JSON body.
        document_bytes: Largest document upload on the wire.
        audio_bytes: Largest sound of a spoken question.
        turn_seconds: Wall-clock budget of one turn.
        voice_seconds: The same of a spoken turn.
        public_url: Where phones find this service, None: nowhere.
    """

    version: str
    cors: CORSPolicy
    json_bytes: int = 128 * 1024
    document_bytes: int = 50 * 1024 * 1024
    audio_bytes: int = 16 * 1024 * 1024
    message_chars: int = 5000
    turn_seconds: float = 60.0
    voice_seconds: float = 90.0
    public_url: str | None = None


class BlockingWork:
    """Runs blocking calls beside the event loop, a bounded number at a time."""

    def __init__(self, *, threads: int = BLOCKING_THREADS) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="api")
        self._limit = threads + BLOCKING_WAITING
        self._running = 0

    async def run(
        self, work: Callable[..., Result], *args: object, **kwargs: object
    ) -> Result:
        """
        Return the result of *work*, called in a thread with this context.

        Raises:
            Overloaded: Too many calls wait already.
        """
        if self._running >= self._limit:
            raise Overloaded(retry_after_seconds=1)
        context = contextvars.copy_context()
        call = functools.partial(context.run, work, *args, **kwargs)
        self._running += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, call)
        finally:
            self._running -= 1

    def close(self) -> None:
        """Let the threads end; calls in progress are not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)


class MemoryRequest(Request):
    """A request whose files stay in memory; the bridge holds and counts them anyway."""

    @functools.cached_property
    def accept_mimetypes(self) -> MIMEAccept:
        """What the client accepts, parameters aside: no type has two variants here."""
        accept = super().accept_mimetypes
        return MIMEAccept(
            [(value.partition(";")[0].strip(), share) for value, share in accept]
        )

    def _get_file_stream(
        self,
        total_content_length: int | None,  # noqa: ARG002 - Werkzeug's signature.
        content_type: str | None,  # noqa: ARG002
        filename: str | None = None,  # noqa: ARG002
        content_length: int | None = None,  # noqa: ARG002
    ) -> IO[bytes]:
        return io.BytesIO()


@dataclass(slots=True)
class Edge:
    """What `create_app` hands to every route."""

    services: Services
    options: Options
    metrics: Metrics
    standings: Standings = field(default_factory=Standings)
    blocking: BlockingWork = field(default_factory=BlockingWork)


def edge() -> Edge:
    """Return what the running application was made with."""
    return cast("Edge", current_app.extensions["tanya"])


def services() -> Services:
    """Return the services of the running application."""
    return edge().services


def request_id() -> str:
    """Return the id of this request: given by the bridge, by the client, or new."""
    known = g.get("request_id") or request.environ.get("tanya.request_id")
    if not known:
        given = request.headers.get("X-Request-ID", "")
        known = given if is_identifier(given) else uuid.uuid4().hex
    g.request_id = known
    return str(known)


def start_clock() -> None:
    """Note when the request began."""
    g.started_at = time.perf_counter()


def elapsed_seconds() -> float:
    """Return the seconds since the request began."""
    return time.perf_counter() - float(g.get("started_at", time.perf_counter()))


def caller() -> Caller:
    """Return who makes this request; only in routes that need a key."""
    return cast("Caller", g.caller)


def presented_key() -> str:
    """
    Return the API key of this request, from a header and from nowhere else.

    Raises:
        NotAuthenticated: There is none, or there are two different ones.
    """
    keys = set(request.headers.getlist("X-API-Key"))
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        keys.add(token.strip())
    keys.discard("")
    if len(keys) > 1:
        raise NotAuthenticated("X-API-Key and Authorization carry different keys.")
    key = keys.pop() if keys else ""
    if not key or len(key) > MAX_KEY_BYTES:
        raise NotAuthenticated
    return key
