"""Bytes from outside become checked values: JSON, ids, texts, file names."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from domain.errors import FieldProblem, MalformedBody, ValidationFailed

Model = TypeVar("Model", bound=BaseModel)

# Deeper than any body of ours by far; a parser's own limit is its stack.
MAX_JSON_DEPTH = 32
MAX_FILE_NAME_CHARS = 200
MAX_PROBLEMS = 20

_IDENTIFIER = re.compile(r"[A-Za-z0-9._-]{1,128}")
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")
# What looks empty: soft hyphen, zero-width characters, joiners, byte order mark.
INVISIBLE = "\u00ad\u180e\u200b\u200c\u200d\u2060\ufeff"
# As the inside of a character class: controls, and what is not seen but turns or joins
# the text around it (bidirectional marks, annotation anchors, tags).
UNSEEN = (
    "\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff"
)
_UNSEEN_CHARACTER = re.compile(f"[{UNSEEN}]")
# Names of their own in a path: clients take them away before they send it.
_DOTS = frozenset({".", ".."})


def is_identifier(text: str) -> bool:
    """Tell whether *text* is a conversation or request id, the whole of it."""
    return _IDENTIFIER.fullmatch(text) is not None


def is_conversation_id(text: str) -> bool:
    """Tell whether *text* is an identifier that can stand in a path as well."""
    return is_identifier(text) and text not in _DOTS


def is_idempotency_key(text: str) -> bool:
    """Tell whether *text* is 1 to 255 visible ASCII characters."""
    return _IDEMPOTENCY_KEY.fullmatch(text) is not None


def trim(text: str) -> str:
    """Return *text* without white space and invisible characters around it."""
    start, end = 0, len(text)
    while start < end and _is_blank(text[start]):
        start += 1
    while end > start and _is_blank(text[end - 1]):
        end -= 1
    return text[start:end]


def clean_line(text: str) -> str:
    """Return *text* on one line, without characters that nobody sees."""
    return " ".join(_UNSEEN_CHARACTER.sub("", " ".join(text.split())).split())


def _is_blank(character: str) -> bool:
    return character.isspace() or character in INVISIBLE


def parse_json(body: bytes) -> dict[str, object]:
    """
    Return the JSON object in *body*.

    Python's own parser takes NaN, lone surrogates and repeated names, and fails with
    `RecursionError` on deep nesting; all of that is refused here.

    Raises:
        MalformedBody: It is not strict JSON in UTF-8, or it is nested too deeply.
        ValidationFailed: It is JSON, but not an object.
    """
    if not body.strip():
        raise MalformedBody("The body is empty; a JSON object is required.")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise MalformedBody("The body is not valid JSON in UTF-8.") from exc
    if not isinstance(value, dict):
        raise ValidationFailed(problems=(FieldProblem("", "must be a JSON object"),))
    if _depth(value) > MAX_JSON_DEPTH:
        raise MalformedBody("The JSON is nested too deeply.")
    json.loads(body, object_pairs_hook=_refuse_repeated)
    return value


def _depth(value: object) -> int:
    deepest, level = 1, [value]
    while level:
        below: list[object] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
        level = [item for item in below if isinstance(item, dict | list)]
        deepest += 1
        if deepest > MAX_JSON_DEPTH + 1:
            break
    return deepest - 1


def _refuse_repeated(pairs: list[tuple[str, object]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        # Two readers of one text could see two requests (RFC 7493, 2.3).
        raise MalformedBody("A name appears twice in one JSON object.")


def validate(model: type[Model], data: Mapping[str, object]) -> Model:
    """
    Return *data* as *model*.

    Raises:
        ValidationFailed: With a reason for each refused field; values are not repeated.
    """
    try:
        return model.model_validate(data)
    except ValidationError as exc:
        errors = exc.errors(
            include_url=False, include_context=False, include_input=False
        )
        reasons: dict[str, str] = {}
        for error in errors:
            # Of a field that may be one thing or another, what the first one lacked.
            name = _field_name(error["loc"], data)
            reasons.setdefault(name, _reason(str(error["msg"])))
    problems = tuple(FieldProblem(*item) for item in reasons.items())
    raise ValidationFailed(problems=problems[:MAX_PROBLEMS])


def _field_name(location: tuple[int | str, ...], data: object) -> str:
    """Return the place in *data*; what pydantic tells of its own checks is dropped."""
    parts = []
    for part in location:
        if isinstance(data, Mapping) and isinstance(part, str):
            data = data.get(part)
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            break
        # A free field's name is the sender's text: only its beginning is repeated.
        parts.append(str(part)[:64])
    return ".".join(parts)


def _reason(message: str) -> str:
    reason = message.removeprefix("Value error, ").removeprefix("Input ")
    return reason[:1].lower() + reason[1:]


def clean_file_name(name: str) -> str:
    """
    Return the last part of *name* fit for display: no folders, no control characters.

    It is never used in a path; an unusable name becomes `document`.
    """
    name = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(
        " " if character.isspace() else character
        for character in name
        if character.isspace() or unicodedata.category(character)[0] != "C"
    )
    kept = " ".join(kept.split()).strip(". ")
    if len(kept) > MAX_FILE_NAME_CHARS:
        stem, dot, suffix = kept.rpartition(".")
        tail = dot + suffix if dot and len(suffix) <= 8 else ""
        kept = (stem if tail else kept)[: MAX_FILE_NAME_CHARS - len(tail)] + tail
    return kept or "document"
