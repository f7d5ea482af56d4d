"""What the code has declared of a role, and what is known of the project as a whole: which SECRET_KEY it has."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("roles", sa.Column("declared", sa.Text(), nullable=True))
    op.create_table(
        "project_facts",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_project_facts")),
    )


def downgrade() -> None:
    op.drop_table("project_facts")
    op.drop_column("roles", "declared")
