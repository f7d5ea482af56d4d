"""The person whose data is meant, and the apps that hold some of it in tables of their own.

An app whose tables say something about people has a module `personal.py` with two functions:

    def held(database: Session, person: Person) -> object: ...    what the export shows, as plain data
    def erase(database: Session, person: Person) -> None: ...     deletes it, in the transaction that deletes the person

It is found, never registered by hand. Files that `held` refers to (`FileRef`) are in the archive; those that `erase`
releases (`services.files.release`) are removed.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.accounts import User
from core.errors import AccountError, message_of
from core.services import Services
from core.storage.database import reachable, read_from
from core.storage.models import SessionModel

PACKAGE = "apps"
_MODULE = "personal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """The ids by which a table may know somebody. `session_ids` are those of their session and of former ones."""

    user_id: str
    username: str
    session_ids: Collection[str]


class AppData(Protocol):
    """An app's module `personal`."""

    def held(self, database: Session, person: Person) -> object:
        """Return what the app's tables hold on a person."""
        ...

    def erase(self, database: Session, person: Person) -> None:
        """Delete it, or take the person out of what must be kept."""
        ...


def person_of(services: Services, user: User) -> Person:
    """Return the ids of a person. Raises StoreUnavailableError."""
    of_theirs = select(SessionModel.session_id).where(SessionModel.user_id == user.user_id)
    with reachable(), read_from(services.database) as connection:
        former = connection.scalars(of_theirs).all()
    return Person(user_id=user.user_id, username=user.username, session_ids=sorted({user.session_id, *former}))


def apps_with_data(package: str = PACKAGE) -> dict[str, AppData]:
    """Return the apps that hold something on people, by name.

    Raises AccountError for one that can't be asked: an export would not be whole without it, nor a deletion.
    """
    found = {}
    root = importlib.import_module(package)
    for name in sorted(info.name for info in pkgutil.iter_modules(root.__path__)):
        folders = [str(Path(folder) / name) for folder in root.__path__]
        if _MODULE not in {info.name for info in pkgutil.iter_modules(folders)}:
            continue
        try:
            module = importlib.import_module(f"{package}.{name}.{_MODULE}")
        except Exception as error:
            # Whatever a team's module raises: it has to be mended first, and here is which one.
            raise AccountError(
                f"{package}/{name}/{_MODULE}.py can't be imported ({message_of(error)}). Mend it first."
            ) from error
        found[name] = cast(AppData, module)
    return found
