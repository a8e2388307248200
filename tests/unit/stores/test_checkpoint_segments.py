from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage

from stores.checkpoint_segments import (
    StoredList,
    is_segmented,
    plan_segments,
)


def write(items: list[Any], known: StoredList | None, number: int) -> StoredList:
    """Do what a saver does with a new list, and return the memory of it."""
    prefix = known.common_prefix(items) if known else 0
    pairs, start = plan_segments(
        len(items), known.pairs if known else (), prefix=prefix
    )
    if start < len(items):
        pairs.append((b"%d" % number, len(items) - start))
    assert sum(used for _, used in pairs) == len(items)
    if known is None:
        return StoredList.remember(items, pairs)
    return known.extended(items, pairs, prefix=prefix)


def test_only_new_messages_are_written() -> None:
    items: list[Any] = [HumanMessage("q", id="1"), AIMessage("a", id="2")]
    stored = write(items, None, 0)

    longer = [*items, HumanMessage("r", id="3"), AIMessage("b", id="4")]

    assert write(longer, stored, 1).pairs == ((b"0", 2), (b"1", 2))


def test_an_edit_cuts_at_the_message_that_changed() -> None:
    items: list[Any] = [HumanMessage(str(n), id=str(n)) for n in range(4)]
    stored = write(items, None, 0)

    edited = [*items[:2], HumanMessage("new", id="2"), items[3]]

    assert write(edited, stored, 1).pairs == ((b"0", 2), (b"1", 2))


def test_a_change_in_place_is_noticed() -> None:
    items: list[Any] = [
        AIMessage("a", id="1", additional_kwargs={"tanya": {"n": [1]}}),
        AIMessage("b", id="2"),
    ]
    stored = write(items, None, 0)
    assert stored.unchanged()

    items[0].additional_kwargs["tanya"]["n"].append(2)

    assert not stored.unchanged()
    assert stored.common_prefix(items) == 0


def test_another_class_with_the_same_words_is_another_message() -> None:
    stored = write([HumanMessage("a", id="1")], None, 0)

    assert stored.common_prefix([AIMessage("a", id="1")]) == 0


def test_what_cannot_be_watched_is_written_again_each_time() -> None:
    items: list[Any] = [{"object": object()}]
    stored = write(items, None, 0)

    assert stored.common_prefix(items) == 0
    assert not stored.unchanged()


def test_only_growing_lists_are_cut() -> None:
    assert is_segmented([HumanMessage("a")])
    assert is_segmented([{"role": "user"}])
    assert not is_segmented([])
    assert not is_segmented(["a", "b"])
    assert not is_segmented((HumanMessage("a"),))


def test_two_thousand_messages_lie_in_few_segments() -> None:
    items: list[Any] = []
    stored = None
    written = 0
    for number in range(1000):
        items = [*items, {"n": number}, {"m": number}]
        before: set[tuple[bytes, int]] = set(stored.pairs) if stored else set()
        stored = write(items, stored, number)
        written += sum(
            used for pair in stored.pairs if pair not in before for used in [pair[1]]
        )
    assert stored is not None
    assert len(stored.pairs) <= 45
    assert written <= 2000 * 4


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("add"), st.integers(1, 40)),
            st.tuples(st.just("trim"), st.integers(1, 40)),
            st.tuples(st.just("edit"), st.integers(0, 60)),
        ),
        max_size=60,
    )
)
def test_the_pairs_always_spell_the_list(steps: list[tuple[str, int]]) -> None:
    segments: dict[bytes, list[Any]] = {}
    items: list[Any] = []
    stored: StoredList | None = None
    for number, (kind, amount) in enumerate(steps):
        if kind == "add":
            items = [*items, *({"n": (number, index)} for index in range(amount))]
        elif kind == "trim":
            items = items[amount:]
        elif items:
            items = list(items)
            items[amount % len(items)] = {"edited": number}
        stored = write(items, stored, number)
        name = b"%d" % number
        if stored.pairs and stored.pairs[-1][0] == name:
            segments[name] = items[len(items) - stored.pairs[-1][1] :]
        spelled = [
            item for segment, used in stored.pairs for item in segments[segment][:used]
        ]
        assert spelled == items
