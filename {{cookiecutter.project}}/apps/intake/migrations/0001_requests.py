"""The table of requests. It may be there already: it stays when the app is removed, and the app may come back."""

import sqlalchemy as sa
from alembic import op

revision = "intake_0001"
down_revision = None
branch_labels = ("intake",)
depends_on = None


def upgrade() -> None:
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
        if_not_exists=True,
    )
    op.create_index("ix_requests_session_id", "requests", ["session_id"], if_not_exists=True)
    op.create_index("ix_requests_at", "requests", ["at"], if_not_exists=True)


def downgrade() -> None:
    op.drop_table("requests", if_exists=True)
