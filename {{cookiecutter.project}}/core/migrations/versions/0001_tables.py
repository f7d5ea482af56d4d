"""The engine's tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "core_0001"
down_revision = None
branch_labels = ("core",)
depends_on = None

# Compared as bytes; PostgreSQL would otherwise sort by the locale.
BYTEWISE = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
WHEN = sa.DateTime(timezone=True)
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

TABLES = (
    "sessions",
    "entries",
    "quarantine",
    "leases",
    "versions",
    "files",
    "file_claims",
    "submissions",
    "users",
    "roles",
    "user_roles",
    "tokens",
    "invitations",
    "attempts",
    "known_devices",
    "audit",
    "project_facts",
)


def upgrade() -> None:
    stored()
    people()
    audit()


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_is_append_only")


def stored() -> None:
    """Sessions, and what belongs to what is stored in them."""
    op.create_table(
        "sessions",
        sa.Column("session_id", BYTEWISE, nullable=False),
        sa.Column("user_id", sa.Text()),
        sa.Column("created_at", WHEN, nullable=False),
        sa.Column("updated_at", WHEN, nullable=False),
        sa.Column("last_activity", WHEN, nullable=False),
        sa.Column("expires_at", WHEN, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("purged_at", WHEN),
        sa.Column("merged_into", BYTEWISE),
        sa.PrimaryKeyConstraint("session_id", name="pk_sessions"),
    )
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"])
    op.create_index("ix_sessions_last_activity", "sessions", ["last_activity"])
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])
    op.create_table(
        "entries",
        sa.Column("session_id", BYTEWISE, nullable=False),
        sa.Column("path", BYTEWISE, nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("stamp", BYTEWISE, nullable=False),
        sa.Column("base", BYTEWISE, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.session_id"], name="fk_entries_session_id_sessions", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("session_id", "path", name="pk_entries"),
    )
    op.create_index("ix_entries_session_id_version", "entries", ["session_id", "version"])
    op.create_table(
        "quarantine",
        sa.Column("session_id", BYTEWISE, nullable=False),
        sa.Column("path", BYTEWISE, nullable=False),
        sa.Column("stamp", BYTEWISE, nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("base", BYTEWISE, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", WHEN, nullable=False),
        sa.PrimaryKeyConstraint("session_id", "path", "stamp", name="pk_quarantine"),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("holder", sa.String(64), nullable=False),
        sa.Column("until", WHEN, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )
    op.create_table(
        "versions",
        sa.Column("name", BYTEWISE, nullable=False),
        sa.Column("is_pattern", sa.Boolean(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_versions"),
    )
    op.create_table(
        "files",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("unused_since", WHEN),
        sa.PrimaryKeyConstraint("digest", name="pk_files"),
    )
    op.create_table(
        "file_claims",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("holder", BYTEWISE, nullable=False),
        sa.PrimaryKeyConstraint("digest", "holder", name="pk_file_claims"),
    )
    op.create_index("ix_file_claims_holder", "file_claims", ["holder"])
    op.create_table(
        "submissions",
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("result", sa.Text()),
        sa.Column("at", WHEN, nullable=False),
        sa.Column("session_id", BYTEWISE, nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("key", name="pk_submissions"),
    )
    op.create_index("ix_submissions_at", "submissions", ["at"])
    op.create_index("ix_submissions_session_id", "submissions", ["session_id"])
    op.create_table(
        "project_facts",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_project_facts"),
    )


def people() -> None:
    """The people who may sign in, what they may do, and the browsers they use."""
    op.create_table(
        "users",
        sa.Column("user_id", sa.String(32), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text()),
        sa.Column("password_hash", sa.Text()),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("must_change_password", sa.Boolean(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("session_id", BYTEWISE, nullable=False),
        sa.Column("created_at", WHEN, nullable=False),
        sa.Column("last_sign_in", WHEN),
        sa.PrimaryKeyConstraint("user_id", name="pk_users"),
        sa.UniqueConstraint("username", name="uq_users_username"),
    )
    op.create_table(
        "roles",
        sa.Column("role", sa.String(64), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("permissions", sa.Text(), nullable=False),
        sa.Column("declared", sa.Text()),
        sa.PrimaryKeyConstraint("role", name="pk_roles"),
    )
    op.create_table(
        "user_roles",
        sa.Column("user_id", sa.String(32), nullable=False),
        sa.Column("role", sa.String(64), nullable=False),
        of_user("user_roles"),
        sa.ForeignKeyConstraint(["role"], ["roles.role"], name="fk_user_roles_role_roles", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "role", name="pk_user_roles"),
    )
    op.create_table(
        "tokens",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("session_id", BYTEWISE, nullable=False),
        sa.Column("user_id", sa.String(32)),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("created_at", WHEN, nullable=False),
        sa.Column("last_seen", WHEN, nullable=False),
        sa.Column("expires_at", WHEN, nullable=False),
        sa.Column("revoked_at", WHEN),
        of_user("tokens"),
        sa.PrimaryKeyConstraint("token_hash", name="pk_tokens"),
    )
    op.create_index("ix_tokens_session_id", "tokens", ["session_id"])
    op.create_index("ix_tokens_user_id", "tokens", ["user_id"])
    op.create_index("ix_tokens_expires_at", "tokens", ["expires_at"])
    in_use = sa.text("revoked_at IS NULL")
    op.create_index(
        "ix_tokens_in_use", "tokens", ["last_seen", "token_hash"], sqlite_where=in_use, postgresql_where=in_use
    )
    op.create_table(
        "invitations",
        sa.Column("invitation_hash", sa.String(64), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("invited_by", sa.String(32)),
        sa.Column("created_at", WHEN, nullable=False),
        sa.Column("expires_at", WHEN, nullable=False),
        of_user("invitations", "invited_by"),
        sa.PrimaryKeyConstraint("invitation_hash", name="pk_invitations"),
    )
    op.create_index("ix_invitations_invited_by", "invitations", ["invited_by"])
    op.create_index("ix_invitations_expires_at", "invitations", ["expires_at"])
    op.create_table(
        "attempts",
        sa.Column("allowance", sa.String(64), nullable=False),
        sa.Column("times", sa.Text(), nullable=False),
        sa.Column("until", WHEN, nullable=False),
        sa.PrimaryKeyConstraint("allowance", name="pk_attempts"),
    )
    op.create_index("ix_attempts_until", "attempts", ["until"])
    op.create_table(
        "known_devices",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("user_id", sa.String(32), nullable=False),
        sa.Column("last_sign_in", WHEN, nullable=False),
        of_user("known_devices"),
        sa.PrimaryKeyConstraint("token_hash", "user_id", name="pk_known_devices"),
    )
    op.create_index("ix_known_devices_user_id", "known_devices", ["user_id"])
    op.create_index("ix_known_devices_last_sign_in", "known_devices", ["last_sign_in"])


def of_user(table: str, column: str = "user_id") -> sa.ForeignKeyConstraint:
    """A reference to a person, whose rows go with them."""
    return sa.ForeignKeyConstraint([column], ["users.user_id"], name=f"fk_{table}_{column}_users", ondelete="CASCADE")


def audit() -> None:
    """An audit trail that can only grow, read in the order of its numbers."""
    op.create_table(
        "audit",
        sa.Column("number", NUMBER, autoincrement=True, nullable=False),
        sa.Column("at", WHEN, nullable=False),
        sa.Column("event", sa.String(32), nullable=False),
        sa.Column("actor_id", sa.String(32)),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit"),
    )
    for statement in APPEND_ONLY[op.get_context().dialect.name]:
        op.execute(statement)


APPEND_ONLY = {
    "sqlite": [
        f"CREATE TRIGGER audit_no_{what} BEFORE {what} ON audit "
        "BEGIN SELECT RAISE(ABORT, 'the audit trail only grows'); END"
        for what in ("update", "delete")
    ],
    "postgresql": [
        (
            "CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the audit trail only grows'; END $$"
        ),
        (
            "CREATE TRIGGER audit_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()"
        ),
    ],
}
