from __future__ import annotations

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stores.checkpoint_keys import (
    KeySpace,
    namespace_field,
    new_part_id,
    part_prefix,
    read_namespace,
)

KEYS = KeySpace("tanya")


@given(st.text(), st.text())
def test_every_thread_has_keys_of_its_own_in_one_slot(one: str, other: str) -> None:
    mine, theirs = KEYS.thread(one), KEYS.thread(other)

    assert (mine == theirs) == (one == other)
    assert KEYS.find_thread_id(mine.state) == one
    for key in (mine.state, mine.writes, mine.lock, mine.queue, mine.aside):
        assert key.count(b"{") == key.count(b"}") == 1
        assert b"{}" not in key
        tag = key[key.index(b"{") : key.index(b"}") + 1]
        assert tag in mine.state
    assert KEYS.find_thread_id(mine.lock) is None


@given(st.text(), st.text())
def test_namespaces_cannot_be_mixed_up(one: str, other: str) -> None:
    field = part_prefix(b"s", one) + new_part_id()

    assert read_namespace(field) == one
    assert read_namespace(namespace_field(b"h", one)) == one
    if one != other:
        assert not field.startswith(part_prefix(b"s", other))


@pytest.mark.parametrize("prefix", ["tanya", "a*b", "x[1]", "q?"])
def test_the_pattern_finds_only_keys_of_its_prefix(prefix: str) -> None:
    pattern = KeySpace(prefix).pattern.decode().replace("\\", "")
    own = KeySpace(prefix).thread("t").state.decode()

    if not set(prefix) & set("*?["):
        assert fnmatch.fnmatchcase(own, pattern)
    assert KeySpace(prefix).find_thread_id(b"other:cp:{t}") is None


def test_part_ids_do_not_repeat() -> None:
    assert len({new_part_id() for _ in range(10_000)}) == 10_000
