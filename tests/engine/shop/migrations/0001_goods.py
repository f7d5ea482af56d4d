"""The table of goods. It may be there already: it stays when the app is removed, and the app may come back."""

import sqlalchemy as sa
from alembic import op

revision = "shop_0001"
down_revision = None
branch_labels = ("shop",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "goods",
        sa.Column("number", sa.String(16), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_goods"),
        if_not_exists=True,
    )


def downgrade() -> None:
    op.drop_table("goods", if_exists=True)
