"""Remedies for a database that can't be connected to: its setting, its path or its address."""

from __future__ import annotations

import shlex
from pathlib import Path

from sqlalchemy.engine import make_url

from core.command_line import python
from core.errors import StoreDamagedError, StoreRefusesError, StoreUnavailableError


def _backup(path: Path) -> Path:
    """Return the path of a database's backup, as docs/operations.md has it."""
    return path.with_name(f"{path.stem}-backup{path.suffix}")


def for_database(address: str, error: StoreUnavailableError) -> str:
    """Return one or two sentences for the database at `address`, a resolved DATABASE_URL. They show no password."""
    url = make_url(address)
    correct = "correct DATABASE_URL in .env or the environment."
    if url.get_backend_name() == "sqlite":
        path = Path(url.database or "")
        if isinstance(error, StoreDamagedError):
            file, backup, folder = (shlex.quote(str(place)) for place in (path, _backup(path), path.parent / "damaged"))
            restore = f"mkdir {folder} && mv {file}* {folder} && cp {backup} {file} && {python('manage.py migrate')}"
            return f"Stop the servers, and restore the backup (docs/operations.md). With it in {backup} run: {restore}"
        if not path.parent.is_dir():
            return f"DATABASE_URL names {path}. Run: mkdir -p {shlex.quote(str(path.parent))}, or {correct}"
        return f"DATABASE_URL names {path}. This user must be able to write it and its folder; the disk needs room."
    if isinstance(error, StoreRefusesError):
        return f"DATABASE_URL is {url}. Create what is missing there, or {correct}"
    return f"Start the database at {url.host or 'localhost'}:{url.port or 5432}, or {correct}"
