"""A session that was merged into another says into which: what reaches it late belongs there."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    bytewise = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
    op.add_column("sessions", sa.Column("merged_into", bytewise, nullable=True))


def downgrade() -> None:
    op.drop_column("sessions", "merged_into")
