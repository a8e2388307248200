"""Flask's request cycle on the server's own loop, for `async def` views."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from itertools import chain
from typing import Any

from flask import Flask, Response
from flask.ctx import RequestContext
from flask.signals import request_finished, request_started
from werkzeug.datastructures import Headers

from api.bridge_exchange import Exchange
from api.bridge_types import ClientGone, Header
from api.streams import AsyncStream
from domain.errors import ServerRestarting


class MatchedContext(RequestContext):
    """A request context that keeps the match it was given before it is pushed."""

    def match_request(self) -> None:
        """Match once; pushing asks again."""
        if self.request.url_rule is None and self.request.routing_exception is None:
            super().match_request()


class NativeDispatch:
    """
    Runs hooks, view, error handlers and teardown of one request in the calling task.

    Hooks and views run on the server's loop, so a hook must not block; hooks of
    either kind may be coroutine functions. Error handlers and teardown functions are
    called by Flask itself and must be plain functions.

    Args:
        app: The Flask application.
        readers: Threads that read bodies which are plain iterators (files).
    """

    def __init__(self, app: Flask, *, readers: ThreadPoolExecutor) -> None:
        self._app = app
        self._readers = readers

    def match(self, environ: dict[str, Any]) -> MatchedContext:
        """Return the request context of *environ*, matched but not pushed."""
        ctx = MatchedContext(self._app, environ)
        if ctx.url_adapter is not None:
            ctx.match_request()
        return ctx

    def takes(self, ctx: MatchedContext) -> bool:
        """Whether this request needs no thread: async view, or no view at all."""
        rule = ctx.request.url_rule
        if rule is None or self._is_automatic(ctx):
            return True
        return inspect.iscoroutinefunction(self._app.view_functions[rule.endpoint])

    async def run(self, ctx: MatchedContext, exchange: Exchange) -> None:
        """Answer the request. Raises what no handler took."""
        error: BaseException | None = None
        ctx.push()
        try:
            try:
                response = await self._respond(ctx)
            except Exception as exc:  # noqa: BLE001 - Flask's own last handler takes it.
                error = exc
                response = self._app.handle_exception(exc)
            await _Sender(exchange, self._readers).send(response, ctx.request.environ)
        except BaseException as exc:
            error = exc
            raise
        finally:
            ctx.pop(error)

    async def _respond(self, ctx: MatchedContext) -> Response:
        app = self._app
        response: Response | None = None
        try:
            try:
                request_started.send(app, _async_wrapper=app.ensure_sync)
                result = await self._before(ctx)
                if result is None:
                    result = await self._view(ctx)
                response = app.make_response(result)
                if isinstance(response, AsyncStream) and ctx.request.method != "HEAD":
                    await response.prime()
            except ClientGone:
                raise
            except Exception as exc:  # noqa: BLE001 - The app's error handlers take it.
                await _discard(response)
                response = app.make_response(app.handle_user_exception(exc))
            response = await self._after(ctx, response)
            request_finished.send(
                app, _async_wrapper=app.ensure_sync, response=response
            )
        except BaseException:
            await _discard(response)
            raise
        return response

    async def _before(self, ctx: MatchedContext) -> Any:
        app, request = self._app, ctx.request
        names = (None, *reversed(request.blueprints))
        for name in names:
            for fill in app.url_value_preprocessors.get(name, ()):
                fill(request.endpoint, request.view_args)
        for name in names:
            for hook in app.before_request_funcs.get(name, ()):
                result = await _settle(hook())
                if result is not None:
                    return result
        return None

    async def _view(self, ctx: MatchedContext) -> Any:
        request = ctx.request
        if request.routing_exception is not None:
            self._app.raise_routing_exception(request)
        if self._is_automatic(ctx) or request.url_rule is None:
            return self._app.make_default_options_response()
        view = self._app.view_functions[request.url_rule.endpoint]
        return await _settle(view(**(request.view_args or {})))

    async def _after(self, ctx: MatchedContext, response: Response) -> Response:
        app = self._app
        names = chain(ctx.request.blueprints, (None,))
        hooks: Iterable[Callable[[Response], Any]] = chain(
            ctx._after_request_functions,  # noqa: SLF001 - `after_this_request` has no other door.
            *(reversed(app.after_request_funcs.get(name, [])) for name in names),
        )
        for hook in hooks:
            response = await _settle(hook(response))
        session = ctx._session  # noqa: SLF001 - `ctx.session` marks it as accessed.
        if session is not None and not app.session_interface.is_null_session(session):
            app.session_interface.save_session(app, session, response)
        return response

    @staticmethod
    def _is_automatic(ctx: MatchedContext) -> bool:
        rule = ctx.request.url_rule
        return ctx.request.method == "OPTIONS" and bool(
            getattr(rule, "provide_automatic_options", False)
        )


class _Sender:
    """Sends a finished response, whatever its body is made of."""

    def __init__(self, exchange: Exchange, readers: ThreadPoolExecutor) -> None:
        self._exchange = exchange
        self._readers = readers

    async def send(self, response: Response, environ: dict[str, Any]) -> None:
        headers = _wire(response.get_wsgi_headers(environ))
        bare = environ["REQUEST_METHOD"] == "HEAD" or response.status_code in (204, 304)
        try:
            if bare:
                await self._exchange.answer(response.status_code, headers)
            elif isinstance(response, AsyncStream):
                await self._send_stream(response, headers)
            elif response.is_sequence:
                body = b"".join(response.iter_encoded())
                await self._exchange.answer(response.status_code, headers, body)
            else:
                await self._send_iterator(response, headers)
        finally:
            await _discard(response)

    async def _send_stream(self, stream: AsyncStream, headers: list[Header]) -> None:
        exchange = self._exchange
        try:
            await exchange.begin(stream.status_code, headers)
            async for chunk in stream.chunks():
                await exchange.write(chunk)
        except asyncio.CancelledError:
            if not exchange.restarting or exchange.disconnected.is_set():
                raise
            _forget_cancel()
            await stream.aclose()
            await exchange.write(stream.on_drain or b"", last=True)
        else:
            await exchange.write(b"", last=True)

    async def _send_iterator(self, response: Response, headers: list[Header]) -> None:
        loop = asyncio.get_running_loop()
        chunks = iter(response.iter_encoded())
        await self._exchange.begin(response.status_code, headers)
        while True:
            # One context a step: a context cannot be entered by two threads at once.
            step = partial(copy_context().run, next, chunks, None)
            chunk = await loop.run_in_executor(self._readers, step)
            if chunk is None:
                break
            await self._exchange.write(chunk)
        await self._exchange.write(b"", last=True)


async def answer_restarting(exchange: Exchange) -> None:
    """Tell a request that was cut before its first byte to try again."""
    _forget_cancel()
    exchange.closing = True
    await exchange.deny(ServerRestarting(retry_after_seconds=1))


def _forget_cancel() -> None:
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()


async def _settle(result: Any) -> Any:
    return await result if inspect.isawaitable(result) else result


async def _discard(response: Response | None) -> None:
    if isinstance(response, AsyncStream):
        await response.aclose()
    if response is not None:
        response.close()


def _wire(headers: Headers) -> list[Header]:
    return [
        (name.lower().encode("latin-1"), value.encode("utf-8"))
        for name, value in headers
    ]
