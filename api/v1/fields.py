"""Kinds of fields that bodies are made of; each says the same in the JSON schema."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import orjson
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
)
from pydantic_core import CoreSchema, core_schema

from utils.validation import INVISIBLE, UNSEEN, clean_line, trim

MAX_FREE_BYTES = 4000

NO_NUL = r"^[^\u0000]*$"
NOT_BLANK = rf"^[^\u0000]*[^\s\u0000{INVISIBLE}][^\u0000]*$"
_NOT_UNSEEN = rf"^[^\u0000]*[^\s{UNSEEN}][^\u0000]*$"
LINK = r"^[hH][tT][tT][pP][sS]?://[A-Za-z0-9._~:/?#@!$&'()*+,;=%\[\]-]+$"


@dataclass(frozen=True, slots=True)
class Characters:
    """
    Marks a text: no NUL, at most *limit* characters.

    Attributes:
        trimmed: White space around it is removed first, and something must be left.
        line: It becomes one line of visible characters, and something must be left.
        visible: Nothing is removed, but something must be seen.
    """

    limit: int
    trimmed: bool = False
    line: bool = False
    visible: bool = False

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        found = handler(schema) | {"maxLength": self.limit}
        if self.trimmed or self.line:
            pattern = _NOT_UNSEEN if self.line or self.visible else NOT_BLANK
            return found | {"minLength": 1, "pattern": pattern}
        return found | {"pattern": NO_NUL}

    def check(self, text: str) -> str:
        """Return *text*, trimmed when asked. Raises `ValueError` with the reason."""
        if "\x00" in text:
            raise ValueError("must not contain NUL")
        if self.trimmed or self.line:
            text = clean_line(text) if self.line else trim(text)
            if not text or (self.visible and not clean_line(text)):
                raise ValueError("must not be empty")
        if len(text) > self.limit:
            raise ValueError(f"must have at most {self.limit} characters")
        return text


class _Link(Characters):
    __slots__ = ()

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return handler(schema) | {"maxLength": self.limit, "pattern": LINK}

    def check(self, text: str) -> str:
        if not re.fullmatch(LINK, text):
            raise ValueError("must be an http or https URL")
        return super().check(text)


def check_free_fields(value: BaseModel) -> BaseModel:
    """
    Return an object with free fields when it is small as JSON and holds no NUL.

    Raises:
        ValueError: With the reason.
    """
    encoded = orjson.dumps(value.model_dump())
    if len(encoded) > MAX_FREE_BYTES:
        raise ValueError(f"must have at most {MAX_FREE_BYTES} bytes as JSON")
    if b"\\u0000" in encoded and _holds_nul(value.model_dump()):
        raise ValueError("must not contain NUL")
    return value


def _holds_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, Mapping):
        return any(_holds_nul(part) for pair in value.items() for part in pair)
    if isinstance(value, list):
        return any(map(_holds_nul, value))
    return False


def _whole_number(value: object) -> object:
    # JSON has one number type: 5.0 is an integer there.
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


Link = Annotated[str, _Link(2048)]
WholeNumber = BeforeValidator(_whole_number)
"""Put after the bounds of an `int`."""
Language = Literal["id", "en"]


class Incoming(BaseModel):
    """A request body: types are exact, unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class Outgoing(BaseModel):
    """A response body; fields may be added in later versions."""

    model_config = ConfigDict(frozen=True)
