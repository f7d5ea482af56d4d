"""The revisions of a project's tables, for Alembic: three kinds, each in a branch of its own.

| folder | whose tables | branch | ids |
|---|---|---|---|
| `core/migrations/versions/` | the engine's | `core` | `core_0001` |
| `migrations/` | the project's | `project` | Alembic's own, such as `3f1c09ab77de` |
| `apps/<name>/migrations/` | those of an app that takes its revisions along | `<name>` | `<name>_0001` |
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError
from sqlalchemy import Connection

from core.command_line import python
from core.errors import SchemaError
from core.settings import PROJECT_ROOT

ENGINE, PROJECT = "core", "project"
"""The labels of two branches. That of an app's own is the app's name."""

_LONGEST_ID = 32
"""Characters that Alembic's table holds. SQLite would take more, PostgreSQL refuses it."""

Transaction = Callable[[], AbstractContextManager[Connection]]


def revision_folders(root: Path = PROJECT_ROOT) -> list[Path]:
    """Return the folders in a project that may hold revisions."""
    of_apps = [app.with_name("migrations") for app in sorted(root.glob("apps/*/__init__.py"))]
    return [root / "core" / "migrations" / "versions", root / "migrations", *filter(Path.is_dir, of_apps)]


def configuration(root: Path = PROJECT_ROOT, transaction: Transaction | None = None) -> Config:
    """Return Alembic's configuration for a project. What needs a database works in the transaction."""
    config = Config()
    for name, value in {
        "script_location": str(root / "core" / "migrations"),
        "path_separator": "newline",
        "version_locations": "\n".join(map(str, revision_folders(root))),
        "file_template": "%(year)d_%(month).2d_%(day).2d_%(rev)s_%(slug)s",
    }.items():
        config.set_main_option(name, value.replace("%", "%%"))
    config.attributes["transaction"] = transaction
    return config


def read_revisions(root: Path = PROJECT_ROOT) -> ScriptDirectory:
    """Return the revisions of a project.

    Raises SchemaError where they can't be read, where an id is too long, where no revision of a folder is the newest,
    and where one of an app depends on others: its row would stand for theirs, too, and go when the app is removed.
    """
    scripts = ScriptDirectory.from_config(configuration(root))
    heads = defaultdict(list)
    try:
        for script in scripts.walk_revisions():
            folder = Path(script.path).parent.relative_to(root)
            if script.dependencies and folder.parts[0] == "apps":
                raise CommandError(f"{folder}: an app's revision, such as {script.revision}, can't have depends_on")
            if len(script.revision) > _LONGEST_ID:
                raise CommandError(f"{folder}: {script.revision} has more than {_LONGEST_ID} characters")
            if script.is_head:
                heads[folder].append(script.revision)
    except KeyError as error:
        says = f"A revision follows or depends on {error}, which is missing"
        raise SchemaError(says, "Restore its file, or mend the one that names it.") from error
    except (CommandError, RevisionError, SyntaxError, ImportError) as error:
        raise SchemaError(f"A revision can't be read ({error})", "Mend the file it names.") from error
    for folder, found in heads.items():
        if len(found) > 1:
            merge = python(f"manage.py alembic merge -m merge {' '.join(sorted(found))}")
            says = f"Nothing in {folder}/ follows {' nor '.join(sorted(found))}, so none is the newest"
            raise SchemaError(says, f"Run: {merge}")
    return scripts
