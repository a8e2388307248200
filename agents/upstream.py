"""
The chat model as a turn sees it: text within a deadline, or one of our errors.

Retries, the fallback model and the mapping of foreign errors live here; which model it
is, `agents.models` decides.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from langchain_core.messages import BaseMessage

from domain.deadlines import Deadline
from domain.errors import (
    AppError,
    TurnTimeout,
    UpstreamBadResponse,
    UpstreamBusy,
    UpstreamError,
    UpstreamQuotaExhausted,
)

log = logging.getLogger(__name__)

_BUSY_TRIES = 3
_FAILED_TRIES = 2
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_ANSWER = 65_536
"""Characters; the longest answer a setting allows has about as many."""
_QUOTA_CODES = frozenset(
    {"insufficient_quota", "billing_hard_limit_reached", "quota_exceeded"}
)


class TextModel(Protocol):
    """One model of one server."""

    def stream_text(self, messages: Sequence[BaseMessage]) -> AsyncGenerator[str]:
        """Yield the text of an answer; raises the client's own errors."""
        ...


class RequestRefused(UpstreamError):
    """The model refused the request."""

    retryable = False


class ChatModel:
    """
    A model, and another one for when it fails.

    Args:
        model: Asked first.
        name: Its name, for logs.
        client_errors: What the client library raises.
        read_error: Turns one of these into ours.
        timeout_seconds: One call, from the request to its last token.
        fallback: Asked when *model* failed before its first token; None: nobody.
        closers: Called by `aclose`.
    """

    def __init__(
        self,
        model: TextModel,
        *,
        name: str,
        client_errors: tuple[type[Exception], ...],
        read_error: Callable[[Exception], AppError],
        timeout_seconds: float,
        fallback: TextModel | None = None,
        closers: Sequence[Callable[[], Awaitable[None]]] = (),
    ) -> None:
        self.name = name
        self._models = [model] if fallback is None else [model, fallback]
        self._client_errors = client_errors
        self._read_error = read_error
        self._timeout_seconds = timeout_seconds
        self._closers = closers
        self._state = "ok"

    def state(self) -> str:
        """
        Return how the last call of this process ended, without I/O.

        `ok` before the first one; `degraded` when the other model had to answer, or
        the answer could not be read; `unavailable` when nobody answered.
        """
        return self._state

    async def stream(
        self, messages: Sequence[BaseMessage], *, deadline: Deadline
    ) -> AsyncGenerator[str]:
        """
        Yield the answer as it comes. Close it to cancel the call.

        To be read by one task that waits for nothing else between two pieces: the
        timeout would be cancelling that.

        Raises:
            UpstreamBusy: Still too many requests after waiting as told.
            UpstreamQuotaExhausted: The budget is used up.
            UpstreamError: The server failed twice or could not be reached.
            UpstreamBadResponse: The answer was cut, empty or unreadable.
            TurnTimeout: The deadline passed.
        """
        for at, model in enumerate(self._models):
            begun = False
            try:
                async with contextlib.aclosing(
                    self._with_retries(model, messages, deadline=deadline)
                ) as pieces:
                    async for piece in pieces:
                        begun = True
                        yield piece
            except AppError as error:
                self._note(error)
                last = at == len(self._models) - 1
                if begun or last or deadline.expires_at <= time.monotonic():
                    raise
                log.warning("model_replaced_by_fallback", extra={"code": error.code})
            else:
                self._state = "ok" if at == 0 else "degraded"
                return

    def _note(self, error: AppError) -> None:
        # A request that was refused says nothing about the next one.
        if isinstance(error, UpstreamBadResponse):
            self._state = "degraded"
        elif not isinstance(error, RequestRefused):
            self._state = "unavailable"

    async def complete(
        self, messages: Sequence[BaseMessage], *, deadline: Deadline
    ) -> str:
        """Return the whole answer; raises what `stream` does."""
        async with contextlib.aclosing(
            self.stream(messages, deadline=deadline)
        ) as pieces:
            return "".join([piece async for piece in pieces])

    async def aclose(self) -> None:
        """Close the connections."""
        for close in self._closers:
            await close()

    async def _with_retries(
        self, model: TextModel, messages: Sequence[BaseMessage], *, deadline: Deadline
    ) -> AsyncGenerator[str]:
        tried = 0
        while True:
            begun = False
            tried += 1
            try:
                async with contextlib.aclosing(
                    self._once(model, messages, deadline=deadline)
                ) as pieces:
                    async for piece in pieces:
                        begun = True
                        yield piece
            except AppError as error:
                pause = _pause_before_retry(error, tried, deadline=deadline)
                if begun or pause is None:
                    raise
                log.info("model_retried", extra={"code": error.code, "tried": tried})
                await asyncio.sleep(pause)
            else:
                return

    async def _once(
        self, model: TextModel, messages: Sequence[BaseMessage], *, deadline: Deadline
    ) -> AsyncGenerator[str]:
        limit = min(deadline.remaining(), self._timeout_seconds)
        ends_at = asyncio.get_running_loop().time() + limit
        length = 0
        pieces = model.stream_text(messages)
        try:
            # One timeout for all pieces: one for each costs more than a piece.
            async with asyncio.timeout_at(ends_at):
                async for piece in pieces:
                    length += len(piece)
                    if length > _LONGEST_ANSWER:
                        raise UpstreamBadResponse
                    yield piece
        except TimeoutError as exc:
            raise TurnTimeout from exc
        except self._client_errors as exc:
            # A stream that was open and broke is a cut answer, not a failed request.
            error = UpstreamBadResponse() if length else self._read_error(exc)
            raise error from exc
        finally:
            await pieces.aclose()
        if not length:
            raise UpstreamBadResponse


def _pause_before_retry(
    error: AppError, tried: int, *, deadline: Deadline
) -> float | None:
    """Return the seconds to wait before another try, or None to give up."""
    left = deadline.expires_at - time.monotonic()
    pause = _FIRST_PAUSE_SECONDS * 2 ** (tried - 1)
    if isinstance(error, UpstreamBusy) and tried < _BUSY_TRIES:
        pause = max(error.retry_after_seconds or 0.0, pause)
    elif type(error) is UpstreamError and tried < _FAILED_TRIES:
        pause = _FIRST_PAUSE_SECONDS
    else:
        return None
    return pause if pause < left else None


def raise_reported(event: Mapping[str, Any]) -> None:
    """Raise the error that a stream reports in the place of an answer."""
    reported = event.get("error")
    if reported:
        raise read_reported(reported)


def read_reported(
    reported: object, *, status: int | None = None, retry_after: float | None = None
) -> AppError:
    """
    Return our error for an OpenAI error object.

    Args:
        reported: The `error` object of a body or an event.
        status: HTTP status, when the request itself was refused.
        retry_after: Seconds the server asks to wait.
    """
    fields = reported if isinstance(reported, dict) else {}
    codes = {str(fields.get("code")), str(fields.get("type"))}
    if codes & _QUOTA_CODES or status == 402 or "402" in codes:
        return UpstreamQuotaExhausted()
    if status == 429 or codes & {"429", "rate_limit_exceeded"}:
        return UpstreamBusy(retry_after_seconds=retry_after)
    if status is not None and 400 <= status < 500 and status != 408:
        return RequestRefused()
    return UpstreamError()
