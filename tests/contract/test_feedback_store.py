"""Every `FeedbackStore` keeps opinions and unanswered questions the same way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from domain.conversations import Feedback
from domain.ports import FeedbackStore
from stores.feedback import SQLFeedbackStore
from stores.sql import Database
from tests.fakes.feedback import MemoryFeedback


class Readable(FeedbackStore, Protocol):
    """A store whose content a test can look at."""

    def list_feedback(self, tenant: str, *, limit: int = 100) -> list[Feedback]: ...

    def count_unanswered(self, tenant: str) -> dict[str, int]: ...


class ReadableSQL(SQLFeedbackStore):
    def count_unanswered(self, tenant: str) -> dict[str, int]:
        return {item.question: item.times for item in self.list_unanswered(tenant)}


@pytest.fixture(params=["sql", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Readable]:
    if request.param == "memory":
        yield MemoryFeedback()
        return
    database = Database(f"sqlite:///{tmp_path / 'a.sqlite3'}")
    database.migrate()
    yield ReadableSQL(database)
    database.close()


def opinion(message: str = "m", *, tenant: str = "t", comment: str | None = None,
            conversation: str = "c", created_at: float = 1.0) -> Feedback:  # fmt: skip
    return Feedback(tenant, conversation, message, "positive", comment, created_at)


def test_an_opinion_comes_back(store: Readable) -> None:
    store.add_feedback(opinion(comment="Terima kasih \U0001f44d"))

    assert store.list_feedback("t") == [opinion(comment="Terima kasih \U0001f44d")]


def test_a_second_opinion_on_a_message_replaces_the_first(store: Readable) -> None:
    store.add_feedback(opinion(comment="good"))
    store.add_feedback(opinion(comment="not so good", created_at=2.0))

    assert store.list_feedback("t") == [opinion(comment="not so good", created_at=2.0)]


def test_tenants_and_messages_are_kept_apart(store: Readable) -> None:
    store.add_feedback(opinion("m1"))
    store.add_feedback(opinion("m2", created_at=2.0))
    store.add_feedback(opinion("m1", tenant="u"))

    assert [item.message_id for item in store.list_feedback("t")] == ["m2", "m1"]
    assert len(store.list_feedback("u")) == 1


def test_a_conversation_is_forgotten_for_its_tenant_only(store: Readable) -> None:
    store.add_feedback(opinion())
    store.add_feedback(opinion(conversation="other"))
    store.add_feedback(opinion(tenant="u"))

    store.forget_conversation("t", "c")

    assert [item.conversation_id for item in store.list_feedback("t")] == ["other"]
    assert len(store.list_feedback("u")) == 1


def test_a_question_asked_again_is_counted(store: Readable) -> None:
    for spelling in ("Berapa biaya parkir?", "berapa  biaya parkir", "Else?"):
        store.add_unanswered("t", spelling, language="id", asked_at=1.0)
    store.add_unanswered("u", "Else?", language="en", asked_at=1.0)

    assert store.count_unanswered("t") == {"Berapa biaya parkir?": 2, "Else?": 1}
    assert store.count_unanswered("u") == {"Else?": 1}
