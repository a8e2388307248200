"""Kinds of fields that bodies of OpenAI's clients are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from api.v1.fields import NO_NUL, NOT_BLANK
from api.v1.schemas import LONGEST_MESSAGE

_TEXT_ONLY = "only text is read here; images, sound and files are not"


def _flatten(content: object) -> object:
    """Return the text of a string or of a list of text parts, a line each."""
    if content is None:
        return ""
    if not isinstance(content, list):
        return content
    return "\n".join(_text_of(part) for part in content)


def _text_of(part: object) -> str:
    if not isinstance(part, Mapping) or part.get("type") != "text":
        raise ValueError(_TEXT_ONLY)
    text = part.get("text")
    if not isinstance(text, str):
        raise ValueError("a text part needs its text")  # noqa: TRY004 - For pydantic.
    return text


def _check_text(text: str) -> str:
    if "\x00" in text:
        raise ValueError("must not contain NUL")
    if len(text) > LONGEST_MESSAGE:
        raise ValueError(f"must have at most {LONGEST_MESSAGE} characters")
    return text


def content_schema(*, may_be_empty: bool) -> dict[str, Any]:
    """Return the JSON schema of what a message says."""
    pattern = NO_NUL if may_be_empty else NOT_BLANK
    text = {"type": "string", "maxLength": LONGEST_MESSAGE, "pattern": pattern}
    part = {
        "type": "object",
        "properties": {"type": {"const": "text"}, "text": text},
        "required": ["type", "text"],
    }
    kinds: list[dict[str, Any]] = [
        text,
        {"type": "array", "items": part, "minItems": 0 if may_be_empty else 1},
    ]
    return {"anyOf": [*kinds, {"type": "null"}] if may_be_empty else kinds}


TextContent = Annotated[
    str,
    AfterValidator(_check_text),
    BeforeValidator(_flatten),
    WithJsonSchema(content_schema(may_be_empty=True)),
]
"""What a message says, as one string: theirs is a string, parts, or null."""


def _only(reason: str, *allowed: object) -> BeforeValidator:
    def check(value: object) -> object:
        # `True` equals 1, and no field here is a yes or no.
        if isinstance(value, bool) or value not in allowed:
            raise ValueError(reason)
        return value

    return BeforeValidator(check)


def _check_format(value: object) -> object:
    if value is None or (isinstance(value, Mapping) and value.get("type") == "text"):
        return value
    raise ValueError("answers are plain text; no JSON schema is followed")


PlainText = Annotated[
    Any,
    BeforeValidator(_check_format),
    WithJsonSchema(
        {
            "anyOf": [
                {
                    "type": "object",
                    "properties": {"type": {"const": "text"}},
                    "required": ["type"],
                },
                {"type": "null"},
            ]
        }
    ),
    Field(description="Answers are plain text."),
]
ToolChoice = Annotated[
    Any,
    _only("answers never call a tool; send none or auto", "none", "auto", None),
    WithJsonSchema({"enum": ["none", "auto", None]}),
    Field(description="Tools may be sent and are never called."),
]
TextModalities = Annotated[
    Any,
    _only("answers are text alone", ["text"], [], None),
    WithJsonSchema({"enum": [["text"], [], None]}),
]
OneChoice = Annotated[
    Any,
    _only("there is one answer to a question", 1, None),
    WithJsonSchema({"enum": [1, None]}),
]
