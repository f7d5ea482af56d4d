"""The checks of `doctor` for the folders that data go to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.engine import make_url

from core.commands.finding import Finding
from core.settings import PROJECT_ROOT, Settings

_LITTLE_ROOM = 100 * 2**20


def unwritable(settings: Settings) -> Iterator[Finding]:
    """Each folder that data go to, unless it can be written or made."""
    for name, path in _data(settings):
        folder = next(place for place in (path, *path.parents) if place.exists())
        if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
            remedy = f"Make {folder} a folder this user can write to, or name another one in {name}."
            yield Finding(subject="folders", says=f"{path}, of {name}, can't be written", fix=remedy)


def room(settings: Settings) -> Iterator[Finding]:
    """Each disk that data go to on which there is hardly room left, and nothing else."""
    by_disk: dict[int, tuple[list[str], Path, int]] = {}
    for name, path in _data(settings):
        folder = next(place for place in (path, *path.parents) if place.exists())
        disk = os.statvfs(folder)
        by_disk.setdefault(folder.stat().st_dev, ([], folder, disk.f_bavail * disk.f_frsize))[0].append(name)
    for names, folder, free in by_disk.values():
        if free < _LITTLE_ROOM:
            says = f"{free / 2**20:.0f} MB are free on the disk of {folder}, for {', '.join(names)}"
            remedy = f"Make room on that disk, {_LITTLE_ROOM / 2**20:.0f} MB at least: without it nothing can be kept."
            yield Finding(subject="disk", says=says, fix=remedy)


def _data(settings: Settings) -> Iterator[tuple[str, Path]]:
    if settings.durability == "local":
        yield "JOURNAL_PATH", settings.resolved_journal_path.parent
    database = make_url(settings.resolved_database_url)
    if database.get_backend_name() == "sqlite" and database.database not in (None, "", ":memory:"):
        yield "DATABASE_URL", Path(str(database.database)).parent
    if "://" not in settings.files_url:
        yield "FILES_URL", PROJECT_ROOT / settings.files_url
