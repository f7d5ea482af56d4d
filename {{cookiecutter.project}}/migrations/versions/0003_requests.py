"""The example app `intake` gets a table of its own, unless it was removed."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if not Path(__file__).parents[2].joinpath("apps", "intake").is_dir():
        return
    op.create_table(
        "requests",
        sa.Column("number", sa.String(16), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("site", "kind", "category", "urgency", "reason", "more")
        ),
        sa.PrimaryKeyConstraint("number", name="pk_requests"),
    )
    op.create_index("ix_requests_session_id", "requests", ["session_id"])
    op.create_index("ix_requests_at", "requests", ["at"])


def downgrade() -> None:
    op.drop_table("requests", if_exists=True)
