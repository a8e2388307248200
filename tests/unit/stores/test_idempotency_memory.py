from __future__ import annotations

from domain.ports import StoredReply
from stores.idempotency_memory import ReplyMemory


def reply(size: int = 10) -> StoredReply:
    return StoredReply(200, {}, b"x" * size)


def test_an_answer_is_found_until_it_is_too_old() -> None:
    now = [0.0]
    memory = ReplyMemory(ttl_seconds=60, clock=lambda: now[0])
    memory.keep("a", "f", reply())

    now[0] = 60
    at_the_end = memory.find("a")
    now[0] = 60.1

    assert at_the_end == ("f", reply())
    assert memory.find("a") is None


def test_the_oldest_answer_makes_room() -> None:
    memory = ReplyMemory(ttl_seconds=60, most_replies=2)

    for name in "abc":
        memory.keep(name, "f", reply())

    assert [memory.find(name) is not None for name in "abc"] == [False, True, True]


def test_bytes_are_bounded_too() -> None:
    memory = ReplyMemory(ttl_seconds=60, most_bytes=100)

    for name in "abc":
        memory.keep(name, "f", reply(45))
    memory.keep("d", "f", reply(101))

    assert [memory.find(name) for name in "abcd"] == [None] * 4


def test_keeping_again_does_not_count_twice() -> None:
    memory = ReplyMemory(ttl_seconds=60, most_bytes=100)

    for _ in range(10):
        memory.keep("a", "f", reply(60))

    assert memory.find("a") == ("f", reply(60))
