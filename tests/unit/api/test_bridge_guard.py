"""Header hygiene, without a server."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.bridge_guard import (
    check_length,
    choose_request_id,
    clean_headers,
    find_header,
    new_request_id,
)
from domain.errors import BadRequest, HeadersTooLarge, PayloadTooLarge

VALID = re.compile(r"[A-Za-z0-9._-]{1,128}")
NAMES = st.text("abcdefghijklmnopqrstuvwxyz-_", min_size=1, max_size=30)
FIELDS = st.lists(st.tuples(NAMES.map(str.encode), st.binary(max_size=40)), max_size=30)


def test_request_ids_are_unique_and_sort_by_time() -> None:
    ids = [new_request_id() for _ in range(100)]

    assert len(set(ids)) == 100
    assert all(len(item) == 26 and VALID.fullmatch(item) for item in ids)
    assert [item[:10] for item in ids] == sorted(item[:10] for item in ids)


@given(st.binary(max_size=200))
def test_whatever_is_sent_the_request_id_is_well_formed(value: bytes) -> None:
    chosen = choose_request_id([(b"x-request-id", value)])

    assert VALID.fullmatch(chosen)
    if VALID.fullmatch(value.decode("latin-1")):
        assert chosen == value.decode()


def test_two_request_ids_are_none() -> None:
    fields = [(b"x-request-id", b"a"), (b"x-request-id", b"b")]

    assert choose_request_id(fields) not in {"a", "b"}


@given(FIELDS)
def test_what_passes_has_no_underscore_and_no_double(
    fields: list[tuple[bytes, bytes]],
) -> None:
    try:
        clean = clean_headers(fields, request_id="r1")
    except (BadRequest, HeadersTooLarge):
        return

    names = [name for name, _ in clean.fields]
    assert not any(b"_" in name for name in names)
    assert names.count(b"authorization") <= 1
    assert find_header(clean.fields, b"x-request-id") == b"r1"


def test_an_alias_with_an_underscore_counts_for_nothing() -> None:
    fields = [(b"x_api_key", b"stolen"), (b"x-api-key", b"mine")]

    clean = clean_headers(fields, request_id="r1")

    assert (b"x-api-key", b"mine") in clean.fields
    assert b"stolen" not in dict(clean.fields).values()


@pytest.mark.parametrize("name", [b"host", b"content-type", b"x-api-key", b"cookie2"])
def test_single_values_are_single(name: bytes) -> None:
    fields = [(name, b"a"), (name, b"a")]

    if name == b"cookie2":
        assert len(clean_headers(fields, request_id="r").fields) == 3
    else:
        with pytest.raises(BadRequest):
            clean_headers(fields, request_id="r")


@pytest.mark.parametrize(
    "value", [b"", b"-1", b"+1", b"1_0", b"1 ", b"\xb2", b"9" * 30]
)
def test_a_length_is_digits(value: bytes) -> None:
    with pytest.raises(BadRequest):
        clean_headers([(b"content-length", value)], request_id="r")


def test_length_and_chunks_exclude_each_other() -> None:
    fields = [(b"content-length", b"1"), (b"transfer-encoding", b"chunked")]

    with pytest.raises(BadRequest):
        clean_headers(fields, request_id="r")


def test_sizes_are_bounded() -> None:
    clean_headers([(b"a", b"x" * 32_000)], request_id="r")
    with pytest.raises(HeadersTooLarge):
        clean_headers([(b"a", b"x" * 32_768)], request_id="r")
    with pytest.raises(HeadersTooLarge):
        clean_headers([(b"a", b"")] * 101, request_id="r")


def test_a_declared_length_is_held_against_the_limit() -> None:
    check_length(None, limit=10)
    check_length(10, limit=10)
    with pytest.raises(PayloadTooLarge):
        check_length(11, limit=10)
