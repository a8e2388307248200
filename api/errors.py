"""Every failure leaves as one JSON shape (RFC 9457), the framework's own included."""

from __future__ import annotations

import logging

import orjson
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from api.context import request_id
from api.problems import problem
from api.refusals import refuse
from domain.errors import (
    AppError,
    BadRequest,
    Forbidden,
    InternalError,
    MethodNotAllowed,
    NotAcceptable,
    NotAuthenticated,
    NotFound,
    PayloadTooLarge,
    RateLimited,
    RequestTimeout,
    TurnTimeout,
    Unavailable,
    UnsupportedMediaType,
    ValidationFailed,
)

log = logging.getLogger(__name__)

_BY_STATUS: dict[int, type[AppError]] = {
    401: NotAuthenticated,
    403: Forbidden,
    404: NotFound,
    405: MethodNotAllowed,
    406: NotAcceptable,
    408: RequestTimeout,
    413: PayloadTooLarge,
    415: UnsupportedMediaType,
    422: ValidationFailed,
    429: RateLimited,
    503: Unavailable,
    504: TurnTimeout,
}


def install_errors(app: Flask) -> None:
    """Answer every exception of *app* with a problem object."""
    app.register_error_handler(AppError, _answer_app_error)
    app.register_error_handler(HTTPException, _answer_http_error)
    app.register_error_handler(Exception, _answer_unexpected)


def as_app_error(error: BaseException) -> AppError:
    """Return *error* if it is ours; otherwise log it and return an `InternalError`."""
    if isinstance(error, AppError):
        return error
    log.error("request_failed_unexpectedly", exc_info=error)
    return InternalError("Something went wrong on our side.")


def problem_response(error: AppError, **more: object) -> Response:
    """
    Return *error* in the shape of this door, with the headers its status asks for.

    A problem object gets *more* fields.
    """
    told = refuse(error, path=request.path, request_id=request_id())
    body = told.body
    if more:
        body = orjson.dumps(problem(error, request_id=request_id()) | more)
    return Response(body, status=told.status, headers=told.headers)


def _answer_app_error(error: AppError) -> Response:
    if error.status >= 500:
        log.warning("request_failed", extra={"code": error.code})
    return problem_response(error)


def _answer_http_error(error: HTTPException) -> Response:
    status = error.code or 500
    if 300 <= status < 400:
        # A redirect is an answer, not a failure.
        return Response(status=status, headers=_location(error))
    if status >= 500 and status not in _BY_STATUS:
        return problem_response(as_app_error(error))
    # Werkzeug's texts may repeat what was sent; ours never do.
    response = problem_response(_BY_STATUS.get(status, BadRequest)())
    allowed = getattr(error, "valid_methods", None)
    if allowed:
        response.headers["Allow"] = ", ".join(sorted(allowed))
    return response


def _location(error: HTTPException) -> list[tuple[str, str]]:
    target = getattr(error, "new_url", None)
    return [("Location", target)] if target else []


def _answer_unexpected(error: Exception) -> Response:
    return problem_response(as_app_error(error))
