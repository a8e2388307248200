"""Server-sent events are read as the standard says, wherever the bytes are cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.sse import ServerEvent, iter_events

STREAM = (
    "\ufeffevent: turn.started\ndata: {}\n\n"
    ": beat\n\n"
    'event:answer.delta\r\ndata:{"delta": "a\u2028b"}\r\n\r\n'
    "data: one\rdata: two\r\r"
    "id: 7\nretry: 10\nevent: answer.completed\ndata: end\n\n"
)
EVENTS = [
    ServerEvent("turn.started", "{}"),
    ServerEvent("answer.delta", '{"delta": "a\u2028b"}'),
    ServerEvent("message", "one\ntwo"),
    ServerEvent("answer.completed", "end"),
]


def test_a_stream_gives_its_events() -> None:
    assert list(iter_events([STREAM])) == EVENTS


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_the_cuts_between_chunks_do_not_matter(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    chunks = [STREAM[a:b] for a, b in pairwise(edges)]

    assert list(iter_events(chunks)) == EVENTS


def test_every_character_may_be_a_chunk() -> None:
    assert list(iter_events(STREAM)) == EVENTS


@pytest.mark.parametrize("rest", ["event: error\ndata: half", "data: half\n", ""])
def test_an_unfinished_event_is_dropped(rest: str) -> None:
    assert list(iter_events(["data: whole\n\n", rest])) == [
        ServerEvent("message", "whole")
    ]


def test_only_the_first_space_of_a_value_is_dropped() -> None:
    assert list(iter_events(["data:  two\n\n"])) == [ServerEvent("message", " two")]


def test_a_field_without_a_colon_has_an_empty_value() -> None:
    assert list(iter_events(["data\n\n"])) == [ServerEvent("message", "")]
