"""A copy of a project's revisions with one more of the engine's, such as an update brings."""

from __future__ import annotations

import shutil
from pathlib import Path

from core.settings import PROJECT_ROOT
from core.storage.migrate import ENGINE, read_revisions, revision_folders

_CODE = '''\
"""What revisions do: make a table, add a column, alter another one, write to every row."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "{revision}", "{head}"
branch_labels = depends_on = None


def upgrade() -> None:
    op.create_table("of_{revision}", sa.Column("label", sa.Text(), nullable=False), sa.PrimaryKeyConstraint("label"))
    op.add_column("sessions", sa.Column("of_{revision}", sa.Text(), nullable=False, server_default=""))
    op.create_index("ix_of_{revision}", "sessions", ["of_{revision}"])
    with op.batch_alter_table("entries") as entries:
        entries.add_column(sa.Column("length_{revision}", sa.Integer(), nullable=False, server_default="0"))
        entries.alter_column("value", existing_type=sa.Text(), existing_nullable=False, server_default="")
    op.execute("UPDATE entries SET length_{revision} = length(value)")


def downgrade() -> None:
    with op.batch_alter_table("entries") as entries:
        entries.alter_column("value", existing_type=sa.Text(), existing_nullable=False, server_default=None)
        entries.drop_column("length_{revision}")
    op.drop_index("ix_of_{revision}", "sessions")
    op.drop_column("sessions", "of_{revision}")
    op.drop_table("of_{revision}")
'''


def copy_revisions(to: Path, root: Path = PROJECT_ROOT) -> Path:
    """Copy all of a project that an upgrade of its database needs into a folder, and return that."""
    migrations = root / "core" / "migrations"
    for folder in (migrations, *revision_folders(root)):
        if folder.is_dir():
            compiled = shutil.ignore_patterns("__pycache__")
            shutil.copytree(folder, to / folder.relative_to(root), ignore=compiled, dirs_exist_ok=True)
    for app in root.glob("apps/*/__init__.py"):
        (to / app.relative_to(root)).parent.mkdir(parents=True, exist_ok=True)
        (to / app.relative_to(root)).touch()
    return to


def engine_revisions(root: Path = PROJECT_ROOT) -> tuple[str, str]:
    """Return the id of the engine's newest revision, and that of the one which will follow it."""
    (head,) = [head for head in read_revisions(root).get_heads() if head.rpartition("_")[0] == ENGINE]
    return head, f"{ENGINE}_{int(head.rpartition('_')[2]) + 1:04}"


def add_engine_revision(root: Path) -> str:
    """Add a revision to those of the engine in a copy. Returns its id."""
    head, revision = engine_revisions(root)
    file = root / "core" / "migrations" / "versions" / f"{revision}.py"
    file.write_text(_CODE.format(revision=revision, head=head), encoding="utf-8")
    return revision
