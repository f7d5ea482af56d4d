"""How often passwords were checked lately, and in which browsers people have signed in before."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attempts",
        sa.Column("allowance", sa.String(64), nullable=False),
        sa.Column("times", sa.Text(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("allowance", name="pk_attempts"),
    )
    op.create_index("ix_attempts_until", "attempts", ["until"])
    op.create_table(
        "known_devices",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("user_id", sa.String(32), nullable=False),
        sa.Column("last_sign_in", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.user_id"], name="fk_known_devices_user_id_users", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", "user_id", name="pk_known_devices"),
    )
    op.create_index("ix_known_devices_user_id", "known_devices", ["user_id"])
    op.create_index("ix_known_devices_last_sign_in", "known_devices", ["last_sign_in"])
    op.execute(
        "INSERT INTO known_devices (token_hash, user_id, last_sign_in) "
        "SELECT token_hash, user_id, created_at FROM tokens WHERE user_id IS NOT NULL"
    )


def downgrade() -> None:
    op.drop_table("known_devices")
    op.drop_table("attempts")
