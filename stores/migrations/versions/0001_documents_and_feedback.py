"""Documents, their sources, feedback, unanswered questions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "documents",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("file", sa.String(255), nullable=False),
        sa.Column("title", sa.String(500), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("progress", sa.Float, nullable=False),
        sa.Column("chunks", sa.Integer, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("url", sa.Text),
        sa.Column("language", sa.String(8)),
        sa.Column("validity", sa.String(16), nullable=False),
        sa.Column("valid_from", sa.String(32)),
        sa.Column("valid_until", sa.String(32)),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("updated_at", sa.Float, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("metadata", sa.JSON, nullable=False),
        sa.Column("declared", sa.JSON, nullable=False),
        sa.Column("removed", sa.Boolean, nullable=False),
    )
    op.create_index("documents_by_age", "documents", ["tenant", "created_at", "id"])
    op.create_index("documents_by_status", "documents", ["status"])
    op.create_table(
        "document_sources",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("source", sa.String(64), primary_key=True),
        sa.Column("document_id", sa.String(64), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
    )
    op.create_index(
        "document_sources_by_document", "document_sources", ["tenant", "document_id"]
    )
    op.create_table(
        "feedback",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("conversation_id", sa.String(128), primary_key=True),
        sa.Column("message_id", sa.String(128), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("comment", sa.Text),
        sa.Column("created_at", sa.Float, nullable=False),
    )
    op.create_table(
        "unanswered",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("times", sa.Integer, nullable=False),
        sa.Column("first_asked_at", sa.Float, nullable=False),
        sa.Column("last_asked_at", sa.Float, nullable=False),
    )


def downgrade() -> None:
    for table in ("unanswered", "feedback", "document_sources", "documents"):
        op.drop_table(table)
