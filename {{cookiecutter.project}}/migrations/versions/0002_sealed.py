"""Entries get a seal that shows damage, damaged ones a place of their own, work of one process at a time a lease."""

import json
import zlib
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BYTEWISE = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
WHEN = sa.DateTime(timezone=True)
BATCH = 1_000
ENTRIES = sa.table("entries", *(sa.column(name, BYTEWISE) for name in ("session_id", "path", "value", "stamp", "base")))


def upgrade() -> None:
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
    rewrite(sealed)
    with op.batch_alter_table("entries") as entries:
        entries.alter_column("value", existing_type=sa.Text(), nullable=False)


def downgrade() -> None:
    with op.batch_alter_table("entries") as entries:
        entries.alter_column("value", existing_type=sa.Text(), nullable=True)
    rewrite(opened)
    op.drop_table("leases")
    op.drop_table("quarantine")


def rewrite(value_of: Any) -> None:
    """Replace each entry's value, in batches that fit into memory."""
    connection = op.get_bind()
    key = sa.tuple_(ENTRIES.c.session_id, ENTRIES.c.path)
    page = sa.select(ENTRIES).order_by(ENTRIES.c.session_id, ENTRIES.c.path).limit(BATCH)
    change = (
        sa.update(ENTRIES)
        .where(ENTRIES.c.session_id == sa.bindparam("s"), ENTRIES.c.path == sa.bindparam("p"))
        .values(value=sa.bindparam("v"))
    )
    rows = connection.execute(page).all()
    while rows:
        connection.execute(change, [{"s": row.session_id, "p": row.path, "v": value_of(row)} for row in rows])
        rows = connection.execute(page.where(key > sa.tuple_(rows[-1].session_id, rows[-1].path))).all()


# The first version of `core.storage.sealing`, written out: what a revision does must not change with the code.


def sealed(row: Any) -> str:
    body = row.value or ""
    try:
        if body:
            json.loads(body)
    except ValueError:
        return body  # damaged before: without a seal, so that it is set aside when it is read
    return f"1:{checksum(row, body)}:{body}"


def opened(row: Any) -> str | None:
    body = row.value.partition(":")[2].partition(":")[2]
    if body.startswith("*"):
        raise RuntimeError("Encrypted values can't go back to revision 0001.")
    return body or None


def checksum(row: Any, body: str) -> str:
    columns = (row.session_id, row.path, row.stamp, row.base)
    identity = f"{' '.join(str(len(column)) for column in columns)} {''.join(columns)}"
    return f"{zlib.crc32(f'1:{identity}{body}'.encode()):08x}"
