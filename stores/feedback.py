"""Opinions on answers, and questions that nobody could answer, in SQL."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sqlalchemy import (
    Column,
    Float,
    Integer,
    String,
    Table,
    Text,
    delete,
    insert,
    select,
    update,
)

from domain.conversations import Feedback
from stores.sql import Database, metadata

feedback_table = Table(
    "feedback",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("conversation_id", String(128), primary_key=True),
    Column("message_id", String(128), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("comment", Text),
    Column("created_at", Float, nullable=False),
)
unanswered_table = Table(
    "unanswered",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("digest", String(64), primary_key=True),
    Column("question", Text, nullable=False),
    Column("language", String(8), nullable=False),
    Column("times", Integer, nullable=False),
    Column("first_asked_at", Float, nullable=False),
    Column("last_asked_at", Float, nullable=False),
)


@dataclass(frozen=True, slots=True)
class UnansweredQuestion:
    """A refused question and how often it was asked; times in Unix seconds."""

    question: str
    language: str
    times: int
    first_asked_at: float
    last_asked_at: float


class SQLFeedbackStore:
    """
    A `FeedbackStore` in SQL. Blocking, thread-safe.

    Every method raises `StoreUnavailable` when the database cannot be reached.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_feedback(self, feedback: Feedback) -> None:
        """Keep it; a second one on the same message replaces the first."""
        values = {
            "kind": feedback.kind,
            "comment": feedback.comment,
            "created_at": feedback.created_at,
        }
        key = {
            "tenant": feedback.tenant,
            "conversation_id": feedback.conversation_id,
            "message_id": feedback.message_id,
        }
        change = (
            update(feedback_table)
            .where(*(feedback_table.c[name] == value for name, value in key.items()))
            .values(**values)
        )
        self._database.put(change, insert(feedback_table).values(**key, **values))

    def list_feedback(self, tenant: str, *, limit: int = 100) -> list[Feedback]:
        """Return the newest opinions of a tenant."""
        query = (
            select(feedback_table)
            .where(feedback_table.c.tenant == tenant)
            .order_by(feedback_table.c.created_at.desc())
            .limit(limit)
        )
        with self._database.read() as connection:
            return [
                Feedback(
                    tenant=row.tenant,
                    conversation_id=row.conversation_id,
                    message_id=row.message_id,
                    kind=row.kind,
                    comment=row.comment,
                    created_at=row.created_at,
                )
                for row in connection.execute(query)
            ]

    def add_unanswered(
        self, tenant: str, question: str, *, language: str, asked_at: float
    ) -> None:
        """Record a refused question, counted when it was asked before."""
        digest = _digest(question)
        change = (
            update(unanswered_table)
            .where(
                unanswered_table.c.tenant == tenant, unanswered_table.c.digest == digest
            )
            .values(times=unanswered_table.c.times + 1, last_asked_at=asked_at)
        )
        row = {
            "tenant": tenant,
            "digest": digest,
            "question": question,
            "language": language,
            "times": 1,
            "first_asked_at": asked_at,
            "last_asked_at": asked_at,
        }
        self._database.put(change, insert(unanswered_table).values(**row))

    def list_unanswered(
        self, tenant: str, *, limit: int = 100
    ) -> list[UnansweredQuestion]:
        """Return refused questions of a tenant, the most asked ones first."""
        query = (
            select(unanswered_table)
            .where(unanswered_table.c.tenant == tenant)
            .order_by(
                unanswered_table.c.times.desc(), unanswered_table.c.last_asked_at.desc()
            )
            .limit(limit)
        )
        with self._database.read() as connection:
            return [
                UnansweredQuestion(
                    question=row.question,
                    language=row.language,
                    times=row.times,
                    first_asked_at=row.first_asked_at,
                    last_asked_at=row.last_asked_at,
                )
                for row in connection.execute(query)
            ]

    def forget_conversation(self, tenant: str, conversation_id: str) -> None:
        """Remove the feedback of one conversation."""
        with self._database.write() as connection:
            connection.execute(
                delete(feedback_table).where(
                    feedback_table.c.tenant == tenant,
                    feedback_table.c.conversation_id == conversation_id,
                )
            )


def _digest(question: str) -> str:
    """Return what two spellings of one question share: case, blanks, end marks."""
    plain = " ".join(question.casefold().split()).rstrip("?!. ")
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()
