from __future__ import annotations

import pytest

from agents.event_stream import EventReader
from domain.errors import UpstreamBadResponse


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_events_are_whole_however_the_bytes_were_cut(size: int) -> None:
    data = (
        b': ping\r\n\r\ndata: {"a":1}\r\n\r\nevent: x\ndata:{"a":2}\n\ndata: [DONE]\n\n'
    )
    reader = EventReader()

    found = [
        event
        for at in range(0, len(data), size)
        for event in reader.feed(data[at : at + size])
    ]

    assert found == [{"a": 1}, {"a": 2}]
    assert reader.done


@pytest.mark.parametrize("data", [b"data: {not json\n", b"data: [1]\n", b'data: "x"\n'])
def test_garbage_is_a_bad_response(data: bytes) -> None:
    with pytest.raises(UpstreamBadResponse):
        EventReader().feed(data)


def test_a_line_without_end_is_given_up_early() -> None:
    reader = EventReader()

    for _ in range(10):
        reader.feed(b"x" * 100_000)

    with pytest.raises(UpstreamBadResponse):
        reader.feed(b"x" * 100_000)
