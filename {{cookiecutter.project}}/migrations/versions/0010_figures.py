"""Figures for administrators: activity by day and page."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BYTEWISE = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("sessions", sa.Column("counted", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_table(
        "activity",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("session_id", BYTEWISE, nullable=False),
        sa.Column("tab", BYTEWISE, nullable=False),
        sa.Column("page", BYTEWISE, nullable=False),
        *numbers(),
        sa.PrimaryKeyConstraint("day", "session_id", "tab", "page", name="pk_activity"),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.session_id"], name="fk_activity_session_id_sessions", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_activity_session_id", "activity", ["session_id"])
    op.create_table(
        "activity_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("page", BYTEWISE, nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        *numbers(),
        sa.PrimaryKeyConstraint("day", "page", name="pk_activity_days"),
    )
    op.create_table(
        "activity_stale",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("news", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", name="pk_activity_stale"),
    )


def numbers() -> list[sa.Column]:
    return [
        sa.Column("page_views", sa.Integer(), nullable=False),
        sa.Column("interactions", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
    ]


def downgrade() -> None:
    for table in ("activity_stale", "activity_days", "activity"):
        op.drop_table(table)
    op.drop_column("sessions", "counted")
