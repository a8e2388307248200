from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langgraph.checkpoint.base import Checkpoint, empty_checkpoint

from stores.fallback_merge import merge_checkpoints, merge_messages

_IDS = st.lists(st.integers(0, 30), unique=True)


def said(*ids: str) -> list[BaseMessage]:
    return [HumanMessage(name, id=name) for name in ids]


def checkpoint(messages: list[BaseMessage], version: int, **values: Any) -> Checkpoint:
    made = empty_checkpoint()
    made["channel_values"] = {"messages": messages, **values}
    made["channel_versions"] = dict.fromkeys(made["channel_values"], version)
    return made


def next_version(current: Any, channel: None) -> int:
    del channel
    return int(current or 0) + 1


@given(
    st.lists(st.integers(0, 30), unique=True), st.lists(st.integers(0, 30), unique=True)
)
def test_no_message_is_lost_or_repeated(ours: list[int], theirs: list[int]) -> None:
    merged = merge_messages(said(*map(str, ours)), said(*map(str, theirs)))

    ids = [message.id for message in merged]
    assert len(ids) == len(set(ids))
    assert set(ids) == set(map(str, ours)) | set(map(str, theirs))
    assert ids[: len(ours)] == list(map(str, ours))


def test_a_message_both_have_stays_as_ours_has_it() -> None:
    theirs = [AIMessage("older words", id="a"), AIMessage("b", id="b")]

    merged = merge_messages([AIMessage("newer words", id="a")], theirs)

    assert [message.text for message in merged] == ["newer words", "b"]


def test_a_merged_checkpoint_is_newer_than_both() -> None:
    ours = checkpoint(said("1", "2"), 7, note="ours")
    theirs = checkpoint(said("1", "3"), 9, note="theirs", only="theirs")

    merged = merge_checkpoints(ours, theirs, next_version)

    values = merged["channel_values"]
    assert [message.id for message in values["messages"]] == ["1", "2", "3"]
    assert (values["note"], values["only"]) == ("ours", "theirs")
    assert merged["channel_versions"]["messages"] == 10
    assert merged["id"] > max(ours["id"], theirs["id"])


def test_a_branch_that_adds_nothing_changes_no_version() -> None:
    ours, theirs = checkpoint(said("1", "2"), 7), checkpoint(said("1"), 3)

    merged = merge_checkpoints(ours, theirs, next_version)

    assert merged["channel_versions"] == ours["channel_versions"]


def test_a_cleared_channel_takes_the_other_branch() -> None:
    ours, theirs = checkpoint([], 7), checkpoint(said("1"), 3)

    merged = merge_checkpoints(ours, theirs, next_version)

    assert [message.id for message in merged["channel_values"]["messages"]] == ["1"]


def test_an_answer_that_was_cut_to_what_was_heard_stays_cut() -> None:
    kept = {"tanya": {"created_at": 1.0, "extra": {"interrupted": True}}}
    whole = AIMessage("one. two.", id="a", additional_kwargs={"tanya": {}})
    cut = AIMessage("one. —", id="a", additional_kwargs=kept)

    for ours, theirs in ((whole, cut), (cut, whole)):
        merged = merge_checkpoints(
            checkpoint([ours], 7), checkpoint([theirs], 9), next_version
        )
        (message,) = merged["channel_values"]["messages"]
        assert message.text == "one. —"
