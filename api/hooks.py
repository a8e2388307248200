"""What happens around every view: clock, ids, CORS, limit fields."""

from __future__ import annotations

from flask import Flask, Response, current_app, g, request
from werkzeug.exceptions import MethodNotAllowed

from api.context import edge, request_id, start_clock
from api.limits import limit_headers
from utils.logging_config import request_id_var, tenant_var


def install_hooks(app: Flask) -> None:
    """Put the hooks around every view of *app*."""
    app.before_request(_begin)
    app.after_request(_finish)


def _begin() -> Response | None:
    start_clock()
    request_id_var.set(request_id())
    tenant_var.set(None)
    if request.method == "OPTIONS":
        return _options()
    return None


def _options() -> Response | None:
    if request.routing_exception is not None and not isinstance(
        request.routing_exception, MethodNotAllowed
    ):
        return None
    response = current_app.make_default_options_response()
    response.status_code = 204
    if "Access-Control-Request-Method" in request.headers:
        origin = request.headers.get("Origin")
        response.headers.extend(edge().options.cors.preflight_headers(origin))
        response.vary.update(
            ("Access-Control-Request-Method", "Access-Control-Request-Headers")
        )
    return response


def _finish(response: Response) -> Response:
    origin = request.headers.get("Origin")
    for name, value in edge().options.cors.headers(origin):
        if name == "Vary":
            response.vary.add(value)
        else:
            response.headers[name] = value
    for name, value in limit_headers(g.get("allowances") or ()):
        response.headers[name] = value
    response.headers["X-Request-ID"] = request_id()
    if response.status_code == 204:
        response.headers.remove("Content-Type")
    return response
