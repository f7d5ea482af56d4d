"""The audit trail is read by time, person, event and address, newest first, in the order of an index."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

SOUGHT_BY = ("event", "actor_id", "subject", "address")


def upgrade() -> None:
    op.drop_index("ix_audit_at", "audit")
    op.create_index("ix_audit_at", "audit", ["at", "number"])
    for column in SOUGHT_BY:
        op.create_index(f"ix_audit_{column}_at", "audit", [column, "at", "number"])
        if column != "event":
            op.create_index(f"ix_audit_{column}_event_at", "audit", [column, "event", "at", "number"])
        if column != "address":
            op.drop_index(f"ix_audit_{column}_number", "audit")


def downgrade() -> None:
    for column in SOUGHT_BY:
        if column != "address":
            op.create_index(f"ix_audit_{column}_number", "audit", [column, "number"])
        if column != "event":
            op.drop_index(f"ix_audit_{column}_event_at", "audit")
        op.drop_index(f"ix_audit_{column}_at", "audit")
    op.drop_index("ix_audit_at", "audit")
    op.create_index("ix_audit_at", "audit", ["at"])
