"""Curated answers in SQL: one row a question, language and tenant."""

from __future__ import annotations

import hashlib

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Float,
    String,
    Table,
    Text,
    delete,
    insert,
    select,
    update,
)

from domain.curated import CuratedAnswer
from stores.sql import Database, metadata

curated_table = Table(
    "curated_answers",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("question", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("language", String(8), nullable=False),
    Column("sources", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
)

MOST: int = 5_000
"""Answers of a tenant that are read; every one is compared with every question."""


class SQLCuratedAnswers:
    """
    Curated answers of every tenant. Blocking, thread-safe.

    Every method raises `StoreUnavailable` when the database cannot be reached.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, answer: CuratedAnswer) -> None:
        """Keep *answer*; one with the same id is replaced."""
        values = {
            "question": answer.question,
            "answer": answer.answer,
            "language": answer.language,
            "sources": list(answer.sources),
            "created_at": answer.created_at,
        }
        change = (
            update(curated_table).where(*_is(answer.tenant, answer.id)).values(**values)
        )
        key = {"tenant": answer.tenant, "id": answer.id}
        self._database.put(change, insert(curated_table).values(**key, **values))

    def list_answers(self, tenant: str) -> list[CuratedAnswer]:
        """Return the answers of *tenant*, oldest first, at most `MOST`."""
        query = (
            select(curated_table)
            .where(curated_table.c.tenant == tenant)
            .order_by(curated_table.c.created_at, curated_table.c.id)
            .limit(MOST)
        )
        with self._database.read() as connection:
            return [
                CuratedAnswer(
                    id=row.id,
                    tenant=row.tenant,
                    question=row.question,
                    answer=row.answer,
                    language=row.language,
                    sources=tuple(row.sources),
                    created_at=row.created_at,
                )
                for row in connection.execute(query)
            ]

    def remove(self, tenant: str, answer_id: str) -> bool:
        """Remove one answer; False when there is none."""
        with self._database.write() as connection:
            gone = connection.execute(
                delete(curated_table).where(*_is(tenant, answer_id))
            )
        return gone.rowcount > 0


def make_curated_id(tenant: str, language: str, question: str) -> str:
    """Return the id of a question: the same for every way to space and case it."""
    plain = " ".join(question.casefold().split()).rstrip("?!. ")
    key = "\x00".join((tenant, language, plain))
    return (
        "cur_" + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    )


def _is(tenant: str, answer_id: str) -> tuple[ColumnElement[bool], ...]:
    return (curated_table.c.tenant == tenant, curated_table.c.id == answer_id)
