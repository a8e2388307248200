"""Routes whose signature is checked and described: one model drives both."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import ClassVar, TypeVar

import orjson
from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import BaseModel, ConfigDict

from api.context import edge
from api.limits import admit
from api.openapi import Responses, errors_of
from domain.errors import (
    AppError,
    BadRequest,
    Forbidden,
    InternalError,
    NotAuthenticated,
    Overloaded,
    PayloadTooLarge,
    RateLimited,
    UnsupportedMediaType,
    ValidationFailed,
)
from utils.validation import parse_json, validate

View = Callable[..., Awaitable[Response]]
Model = TypeVar("Model", bound=BaseModel)

_EVERYWHERE = (
    BadRequest,
    NotAuthenticated,
    Forbidden,
    RateLimited,
    InternalError,
    Overloaded,
)


class Parameters(BaseModel):
    """
    Parameters of path, query or header, as texts on the wire.

    Attributes:
        refusals: Error by name where it is not the usual one.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=False)
    refusals: ClassVar[Mapping[str, type[AppError]]] = {}


class Routes(APIBlueprint):
    """
    A blueprint whose views get checked values, or are not called.

    A view is a coroutine function; its parameters `path`, `query`, `header` and `body`
    are annotated with models. The key and its limit come first, then the parameters,
    then the body.

    Args:
        models: Bodies for the components of the OpenAPI document.
        keyed: A valid API key is required.
        describe_errors: Returns response objects for errors, in the shape of this door.
    """

    def __init__(
        self,
        name: str,
        *,
        tag: str,
        about: str,
        models: Sequence[type[BaseModel]] = (),
        keyed: bool = True,
        url_prefix: str | None = None,
        describe_errors: Callable[..., Responses] = errors_of,
    ) -> None:
        super().__init__(
            name,
            __name__,
            url_prefix=url_prefix,
            abp_tags=[Tag(name=tag, description=about)],
            abp_security=[{"ApiKey": []}, {"Bearer": []}] if keyed else None,
            abp_responses=describe_errors(*_EVERYWHERE) if keyed else None,
        )
        self.models = tuple(models)
        self.keyed = keyed

    def create_view_func(  # type: ignore[override]  # A static method there.
        self,
        func: View,
        header: type[Parameters] | None,
        _cookie: None,
        path: type[Parameters] | None,
        query: type[Parameters] | None,
        _form: None,
        body: type[BaseModel] | None,
        *_rest: object,
        **_options: object,
    ) -> View:
        """Return the view with its checks in front; the decorators call this."""

        @functools.wraps(func)
        async def view(**path_values: str) -> Response:
            if self.keyed:
                await admit()
            checked: dict[str, BaseModel] = {}
            if path is not None:
                checked["path"] = _check(path, path_values)
            if query is not None:
                checked["query"] = _check(query, request.args.to_dict())
            if header is not None:
                checked["header"] = _check(header, _header_values(header))
            if body is not None:
                checked["body"] = read_json(body)
            return await func(**checked)

        return view


def json_response(
    body: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return *body* as JSON."""
    return Response(
        orjson.dumps(body),
        status=status,
        headers=dict(headers or {}),
        content_type="application/json",
    )


def read_json(model: type[Model]) -> Model:
    """
    Return the JSON body of this request as *model*.

    Raises:
        UnsupportedMediaType: Another content type, or an encoded body.
        PayloadTooLarge: Longer than a JSON body may be.
        MalformedBody: Not JSON.
        ValidationFailed: JSON, but not such a body.
    """
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("Content-Type must be application/json.")
    if request.mimetype_params.get("charset", "utf-8").lower() not in {"utf-8", "utf8"}:
        raise UnsupportedMediaType("JSON is read in UTF-8 only.")
    refuse_encoded()
    content = request.get_data()
    if len(content) > edge().options.json_bytes:
        raise PayloadTooLarge
    return validate(model, parse_json(content))


def refuse_encoded() -> None:
    """Raise `UnsupportedMediaType` when the body is compressed."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("Bodies are read without Content-Encoding.")


def _check(model: type[Parameters], values: Mapping[str, str]) -> Parameters:
    try:
        return validate(model, values)
    except ValidationFailed as exc:
        for problem in exc.problems:
            refusal = model.refusals.get(problem.field)
            if refusal is not None:
                raise refusal from None
        raise


def _header_values(model: type[Parameters]) -> dict[str, str]:
    names = [field.alias or name for name, field in model.model_fields.items()]
    return {name: request.headers[name] for name in names if name in request.headers}
