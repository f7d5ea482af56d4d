"""Browsers in use are found by when they were seen last."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    in_use = sa.text("revoked_at IS NULL")
    op.create_index(
        "ix_tokens_in_use", "tokens", ["last_seen", "token_hash"], sqlite_where=in_use, postgresql_where=in_use
    )


def downgrade() -> None:
    op.drop_index("ix_tokens_in_use", "tokens")
