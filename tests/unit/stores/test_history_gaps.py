"""Turns that are missing after an outage are noticed, and nothing else is."""

from __future__ import annotations

from stores.history_gaps import HistoryGaps


def test_fewer_turns_after_an_outage_are_missed_once() -> None:
    gaps = HistoryGaps()
    gaps.stored("t", 4)
    gaps.suspect()

    assert gaps.misses("t", 3)
    gaps.stored("t", 4)
    assert not gaps.misses("t", 3)


def test_without_an_outage_fewer_turns_are_a_new_beginning() -> None:
    gaps = HistoryGaps()
    gaps.stored("t", 4)

    assert not gaps.misses("t", 0)
    assert not gaps.asks_about("t")


def test_as_many_turns_or_more_are_no_gap() -> None:
    gaps = HistoryGaps()
    gaps.stored("t", 4)
    gaps.suspect()

    assert not gaps.misses("t", 4)
    assert not gaps.misses("t", 5)
    assert not gaps.misses("other", 0)


def test_what_was_deleted_is_not_missed() -> None:
    gaps = HistoryGaps()
    gaps.stored("t", 4)
    gaps.suspect()
    gaps.forget("t")

    assert not gaps.misses("t", 0)


def test_others_are_asked_about_each_conversation_once_after_an_outage() -> None:
    gaps = HistoryGaps()
    gaps.suspect()

    assert gaps.asks_about("t")
    gaps.expect("t", 7)
    assert not gaps.asks_about("t")
    assert gaps.misses("t", 6)
    gaps.stored("t", 7)
    assert not gaps.asks_about("t")


def test_memory_is_bounded() -> None:
    gaps = HistoryGaps(most=3)
    for number in range(10):
        gaps.stored(f"t{number}", 2)
    gaps.suspect()

    assert not gaps.misses("t0", 1)
    assert gaps.misses("t9", 1)
