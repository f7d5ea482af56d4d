"""The stamp up to which a session has forgotten what was removed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "core_0002"
down_revision = "core_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    bytewise = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
    op.add_column("sessions", sa.Column("forgotten", bytewise, server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("sessions", "forgotten")
