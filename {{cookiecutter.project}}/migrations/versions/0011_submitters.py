"""A submission says whose it is, so that it can be deleted with them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    bytewise = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
    op.add_column("submissions", sa.Column("session_id", bytewise, nullable=False, server_default=""))
    op.create_index("ix_submissions_session_id", "submissions", ["session_id"])


def downgrade() -> None:
    op.drop_index("ix_submissions_session_id", "submissions")
    with op.batch_alter_table("submissions") as submissions:
        submissions.drop_column("session_id")
