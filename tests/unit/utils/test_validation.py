"""Bytes from outside: JSON, ids, texts, file names."""

from __future__ import annotations

import contextlib
import json
import unicodedata
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from domain.errors import AppError, MalformedBody, ValidationFailed
from utils.validation import (
    MAX_FILE_NAME_CHARS,
    MAX_JSON_DEPTH,
    clean_file_name,
    clean_line,
    is_conversation_id,
    is_idempotency_key,
    is_identifier,
    parse_json,
    trim,
    validate,
)


class Body(BaseModel):
    model_config = ConfigDict(strict=True)

    count: Annotated[int, Field(ge=1)]
    inner: dict[str, int] = Field(default_factory=dict)


def test_an_object_is_returned_as_it_is() -> None:
    assert parse_json(b'{"a": [1, 2.5, null, "\xc3\xa9\\u00e9"]}') == {
        "a": [1, 2.5, None, "éé"]
    }


@pytest.mark.parametrize("depth", [MAX_JSON_DEPTH, MAX_JSON_DEPTH + 1])
def test_nesting_has_a_limit(depth: int) -> None:
    body = b'{"a":' * depth + b"1" + b"}" * depth

    if depth == MAX_JSON_DEPTH:
        assert parse_json(body)
    else:
        with pytest.raises(MalformedBody):
            parse_json(body)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_our_errors(body: bytes) -> None:
    try:
        value = parse_json(body)
    except AppError:
        return

    assert isinstance(value, dict)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)
def test_what_python_writes_is_read_or_refused_by_our_errors(value: object) -> None:
    body = json.dumps({"value": value}).encode()
    with contextlib.suppress(MalformedBody, ValidationFailed):
        parse_json(body)


def test_a_reason_names_the_field_and_not_the_value() -> None:
    with pytest.raises(ValidationFailed) as caught:
        validate(Body, {"count": "secret-value", "inner": {"secret-name": "x"}})

    problems = {item.field: item.reason for item in caught.value.problems}
    assert problems["count"] == "should be a valid integer"
    assert "secret-value" not in str(problems)


def test_many_bad_fields_are_told_by_a_few() -> None:
    with pytest.raises(ValidationFailed) as caught:
        validate(Body, {"count": 1, "inner": {str(n): "x" for n in range(500)}})

    assert len(caught.value.problems) == 20


@pytest.mark.parametrize(
    ("text", "trimmed"),
    [
        ("  a  ", "a"),
        ("\u200b\ufeff a\u00a0\u3000\n", "a"),
        ("a\u200bb", "a\u200bb"),
        ("\u2060\t", ""),
        ("👩\u200d💻", "👩\u200d💻"),
        ("", ""),
    ],
)
def test_trimming_takes_what_looks_empty_from_both_ends(
    text: str, trimmed: str
) -> None:
    assert trim(text) == trimmed


@pytest.mark.parametrize("text", ["a", "A.b_c-9", "a" * 128, ".."])
def test_identifiers_match_as_a_whole(text: str) -> None:
    assert is_identifier(text)


@pytest.mark.parametrize(
    "text", ["", "a b", "a\n", "\na", "a/b", "é", "a" * 129, "a\x00", "\uff41"]
)
def test_other_texts_are_no_identifiers(text: str) -> None:
    assert not is_identifier(text)


def test_an_idempotency_key_is_visible_ascii() -> None:
    assert is_idempotency_key('"a-b/c:d"')
    assert not is_idempotency_key("a b")
    assert not is_idempotency_key("a" * 256)


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("a.pdf", "a.pdf"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("..", "document"),
        ("", "document"),
        ("\x00\x01", "document"),
        ("a\r\nb.txt", "a b.txt"),
        ("a\u202egpj.exe", "agpj.exe"),
        ("e\u0301.txt", "é.txt"),
        ("." * 50 + "hidden", "hidden"),
    ],
)
def test_a_file_name_is_for_display_only(name: str, cleaned: str) -> None:
    assert clean_file_name(name) == cleaned


@given(st.text(max_size=600))
def test_no_file_name_keeps_folders_or_control_characters(name: str) -> None:
    cleaned = clean_file_name(name)

    assert 1 <= len(cleaned) <= MAX_FILE_NAME_CHARS
    assert not set(cleaned) & {"/", "\\", "\x00"}
    assert all(unicodedata.category(character)[0] != "C" for character in cleaned)
    assert cleaned not in {".", ".."}


@pytest.mark.parametrize("name", ["a", "...", ".a", "a.", "-", "..-", "a" * 128])
def test_a_conversation_may_be_called(name: str) -> None:
    assert is_conversation_id(name)


@pytest.mark.parametrize("name", ["", ".", "..", "a b", "a/b", "a" * 129, "a\n"])
def test_a_conversation_may_not_be_called(name: str) -> None:
    assert not is_conversation_id(name)


@given(st.text())
def test_a_clean_line_is_one_line_of_visible_characters(text: str) -> None:
    line = clean_line(text)

    assert clean_line(line) == line
    assert len(line.splitlines()) <= 1
    assert line == line.strip()
    assert not any(
        unicodedata.category(one) == "Cc" or one in "\u202e\u2066\u200b\ufeff"
        for one in line
    )


class Either(BaseModel):
    one: Annotated[str, AfterValidator(str.strip), Field(max_length=3)] | int | None
    many: list[dict[str, int]] = Field(default_factory=list)


def test_a_place_is_one_in_the_data_and_not_in_the_checks() -> None:
    with pytest.raises(ValidationFailed) as caught:
        validate(Either, {"one": [], "many": [{"a": 1}, {"b": "x"}]})

    assert [item.field for item in caught.value.problems] == ["one", "many.1.b"]


def test_a_place_that_is_missing_is_named() -> None:
    with pytest.raises(ValidationFailed) as caught:
        validate(Either, {})

    assert [item.field for item in caught.value.problems] == ["one"]
