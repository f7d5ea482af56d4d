"""Tables of your own: their base class, transactions, and the files that rows refer to.

    from core import db

    class SupplierRow(db.Base):
        __tablename__ = "suppliers"

    with db.session() as session:
        suppliers = session.scalars(select(SupplierRow)).all()

When code is reloaded (`core.reload`), this module is loaded anew with the team's: its registry begins empty, and the
tables that were declared before are gone from the common metadata.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from sqlalchemy import MetaData, Table
from sqlalchemy.orm import DeclarativeBase, Session

from core.files import FileRef
from core.services import get_services
from core.storage import models
from core.storage.database import reachable

__all__ = ["Base", "claim_files", "release_files", "session"]

_declared_by: dict[str, str] = {}
"""By the name of a table, the class that declares it."""


class Base(DeclarativeBase):
    """The base class of an app's tables. Their constraints get names by the same rules as the engine's."""

    metadata = models.Base.metadata
    type_annotation_map: ClassVar[dict[Any, Any]] = models.Base.type_annotation_map

    @classmethod
    def __table_cls__(cls, name: str, metadata: MetaData, *columns: Any, **options: Any) -> Table:
        """Make the table. One that the same class has declared is left from a module that failed after it."""
        place = f"{cls.__module__}.{cls.__qualname__}"
        if name in metadata.tables and _declared_by.get(name) == place:
            metadata.remove(metadata.tables[name])
        table = Table(name, metadata, *columns, **options)
        _declared_by[name] = place
        return table


@contextmanager
def session() -> Iterator[Session]:
    """Open a transaction. It is committed at the end of the block, and rolled back where that raises.

    Rows that were read stay readable afterwards. Raises StoreUnavailableError when the database can't be reached: the
    page then says so, and shows itself when it can. What the database refuses is raised as SQLAlchemy does.
    """
    with (
        reachable(translate_refusals=False),
        Session(get_services().database, expire_on_commit=False) as opened,
        opened.begin(),
    ):
        yield opened


def claim_files(database: Session, files: Iterable[FileRef], owner: str) -> None:
    """Keep uploaded files for a row, in its transaction, until `release_files`. `owner` names it, such as `order:7`."""
    get_services().files.claim(database.connection(), files, owner)


def release_files(database: Session, owner: str) -> None:
    """Let go of a row's files, in the transaction that deletes it; what nothing else refers to is removed."""
    get_services().files.release(database.connection(), owner)


def app_of(table: str) -> str | None:
    """Return the name of the app that has a class for this table."""
    package, _, rest = _declared_by.get(table, "").partition(".")
    return rest.partition(".")[0] if package == "apps" else None


for _table in [table for table in Base.metadata.tables.values() if table.name not in models.ENGINE_TABLES]:
    Base.metadata.remove(_table)
