"""The OpenAPI 3.1 document: every route, body, example and error code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flask_openapi3.models.info import Info
from flask_openapi3.models.path_item import PathItem
from flask_openapi3.openapi import OpenAPI
from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema

from api.problems import MEDIA_TYPE, problem
from domain.errors import AppError, FieldProblem, ValidationFailed

SECURITY_SCHEMES: dict[str, Any] = {
    "ApiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "Bearer": {"type": "http", "scheme": "bearer"},
}
REF = "#/components/schemas/"

Responses = Any
"""Response objects by status; the library's own type is an invariant dict."""

_EXAMPLE_REQUEST_ID = "01J9ZC5T7W4M8Q2V6X0YB3N1RD"


class FieldProblemBody(BaseModel):
    """One refused field."""

    field: str
    reason: str


class Problem(BaseModel):
    """An error (RFC 9457); `code` is for programs, `detail` for people."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    message: str
    request_id: str
    retryable: bool
    errors: list[FieldProblemBody] = Field(default_factory=list)


class Application(OpenAPI):
    """
    Flask with our OpenAPI document; `flask_openapi3`'s own pages are off.

    Args:
        schema_changes: What the settings change in a schema, by model and property.
    """

    def __init__(
        self,
        *,
        version: str,
        description: str,
        schema_changes: Mapping[tuple[str, str], Mapping[str, object]],
    ) -> None:
        super().__init__(
            "api",
            info=Info(
                title="Tanya",
                version=version,
                description=description,
                license={"name": "Apache-2.0", "identifier": "Apache-2.0"},
            ),
            security_schemes=SECURITY_SCHEMES,
            validation_error_model=Problem,
            doc_ui=False,
            static_folder=None,
        )
        self._models: list[type[BaseModel]] = [Problem]
        self._schema_changes = schema_changes

    def describe(self, *models: type[BaseModel]) -> None:
        """Add *models* to the components of the document."""
        self._models.extend(models)

    def generate_spec_json(self) -> None:
        """Write the document, with the schemas as pydantic has them."""
        declared = {
            (path, method): frozenset(operation.responses or {})
            for path, item in self.paths.items()
            for method, operation in _operations(item)
        }
        super().generate_spec_json()  # type: ignore[no-untyped-call]
        for path, item in self.spec_json["paths"].items():
            for method, operation in item.items():
                # The library adds its own 422 to every operation.
                for status in set(operation["responses"]) - declared[path, method]:
                    del operation["responses"][status]
        _, schemas = models_json_schema(
            [(model, "validation") for model in self._models],
            ref_template=REF + "{model}",
        )
        found = schemas["$defs"]
        for (model, name), change in self._schema_changes.items():
            found[model]["properties"][name].update(change)
        self.spec_json["components"]["schemas"] = found


def _operations(item: PathItem) -> Iterator[tuple[str, Any]]:
    for method in ("get", "post", "put", "patch", "delete"):
        operation = getattr(item, method)
        if operation is not None:
            yield method, operation


def errors_of(*errors: type[AppError]) -> Responses:
    """Return response objects for *errors*, an example for each code."""
    by_status: dict[str, list[type[AppError]]] = {}
    for error in errors:
        by_status.setdefault(str(error.status), []).append(error)
    return {
        status: {
            "description": " or ".join(f"`{error.code}`" for error in found),
            "content": {
                MEDIA_TYPE: {
                    "schema": {"$ref": REF + Problem.__name__},
                    "examples": {error.code: _example(error) for error in found},
                }
            },
        }
        for status, found in by_status.items()
    }


def _example(error: type[AppError]) -> dict[str, Any]:
    problems: tuple[FieldProblem, ...] = ()
    if issubclass(error, ValidationFailed):
        problems = (FieldProblem("message", "must not be empty"),)
    value = problem(error(problems=problems), request_id=_EXAMPLE_REQUEST_ID)
    return {"summary": error.title, "value": value}


def json_of(
    model: type[BaseModel],
    example: object,
    *,
    description: str,
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the response object of a JSON body; *headers* are name and meaning."""
    found: dict[str, Any] = {
        "description": description,
        "content": {
            "application/json": {
                "schema": {"$ref": REF + model.__name__},
                "example": example,
            }
        },
    }
    if headers:
        found["headers"] = {
            name: {"description": meaning, "schema": {"type": "string"}}
            for name, meaning in headers.items()
        }
    return found


def empty(description: str) -> dict[str, Any]:
    """Return the response object of an answer without a body."""
    return {"description": description}
