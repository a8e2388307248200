"""`/metrics`, and one access line for each request."""

from __future__ import annotations

import functools
import logging
import re

from flask import Flask, Response, g, request

from api.context import edge, elapsed_seconds
from api.routes import Routes
from api.streams import AsyncStream
from utils.metrics import CONTENT_TYPE

log = logging.getLogger(__name__)

_UNMATCHED = "unmatched"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# Asked every few seconds by machines; their lines would bury the others.
_QUIET = frozenset({"/health", "/ready", "/metrics"})


def build_routes() -> Routes:
    """Return the blueprint of the metrics."""
    routes = Routes("metrics", tag="Probes", about="", keyed=False)
    routes.get(
        "/metrics",
        operation_id="metrics",
        summary="Counters of all workers",
        responses={
            "200": {
                "description": "Prometheus' text format.",
                "content": {"text/plain": {"schema": {"type": "string"}}},
            }
        },
    )(metrics)
    return routes


async def metrics() -> Response:
    """Return the counters; rendering reads files when there are several workers."""
    text = await edge().blocking.run(edge().metrics.render)
    return Response(text, content_type=CONTENT_TYPE)


def install_accounting(app: Flask) -> None:
    """Count and log every answer of *app*, a stream when it ends."""
    app.after_request(_account)


def _account(response: Response) -> Response:
    if isinstance(response, AsyncStream):
        response.call_on_close(_Line(response.status_code).write)
    else:
        _Line(response.status_code).write()
    return response


class _Line:
    """What is known of a request when its answer begins."""

    def __init__(self, status: int) -> None:
        rule = request.url_rule
        self._metrics = edge().metrics
        self._status = status
        self._method = request.method if request.method in _METHODS else "OTHER"
        # A path may hold anything; its template is ours.
        self._route = _template(rule.rule) if rule is not None else _UNMATCHED
        caller = g.get("caller")
        self._tenant = caller.tenant if caller else None
        self._elapsed = elapsed_seconds

    def write(self) -> None:
        """Count and log it."""
        seconds = self._elapsed()
        self._metrics.count_request(
            method=self._method,
            route=self._route,
            status=self._status,
            seconds=seconds,
        )
        level = logging.DEBUG if self._route in _QUIET else logging.INFO
        log.log(
            level,
            "request_answered",
            extra={
                "method": self._method,
                "path": self._route,
                "status": self._status,
                "duration_ms": round(seconds * 1000, 2),
                "tenant": self._tenant,
            },
        )


@functools.cache
def _template(rule: str) -> str:
    """Return `/v1/documents/{document_id}`, as the OpenAPI document spells it."""
    return re.sub(r"<(?:[^<>:]+:)?([^<>:]+)>", r"{\1}", rule)
