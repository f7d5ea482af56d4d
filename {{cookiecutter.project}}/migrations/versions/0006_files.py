"""Which files are kept, and what outside of the sessions needs them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BYTEWISE = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "files",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("unused_since", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("digest", name="pk_files"),
    )
    op.create_table(
        "file_claims",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("holder", BYTEWISE, nullable=False),
        sa.PrimaryKeyConstraint("digest", "holder", name="pk_file_claims"),
    )
    op.create_index("ix_file_claims_holder", "file_claims", ["holder"])


def downgrade() -> None:
    op.drop_table("file_claims")
    op.drop_table("files")
