"""Errors of these doors in the OpenAPI document."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from api.openai.errors import openai_error, openai_status
from api.openapi import REF, Responses
from domain.errors import AppError, FieldProblem, ValidationFailed


class OpenAIErrorDetail(BaseModel):
    """What went wrong; `code` is for programs, `message` for people."""

    message: str
    type: str
    code: str
    param: str | None


class OpenAIError(BaseModel):
    """An error as OpenAI's clients read it."""

    error: OpenAIErrorDetail


def openai_errors_of(*errors: type[AppError]) -> Responses:
    """Return response objects for *errors*, an example for each code."""
    by_status: dict[str, list[type[AppError]]] = {}
    for error in errors:
        by_status.setdefault(str(openai_status(error)), []).append(error)
    return {
        status: {
            "description": " or ".join(f"`{_code(error)}`" for error in found),
            "content": {
                "application/json": {
                    "schema": {"$ref": REF + OpenAIError.__name__},
                    "examples": {error.code: _example(error) for error in found},
                }
            },
        }
        for status, found in by_status.items()
    }


def _example(error: type[AppError]) -> dict[str, Any]:
    problems: tuple[FieldProblem, ...] = ()
    if issubclass(error, ValidationFailed):
        problems = (FieldProblem("messages", "must not be empty"),)
    return {"summary": error.title, "value": openai_error(error(problems=problems))}


def _code(error: type[AppError]) -> str:
    value: Any = openai_error(error())
    return str(value["error"]["code"])
