"""The base of the team's own tables.

    from core.tables import Base

    class SupplierRow(Base):
        __tablename__ = "suppliers"

When code is reloaded (`core.reload`), this module is loaded anew with the team's: its registry begins empty, and the
tables that were declared before are gone from the common metadata.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import MetaData, Table
from sqlalchemy.orm import DeclarativeBase

from core.storage import models

_CLASS = "declared by"


class Base(DeclarativeBase):
    """What a table of an app inherits from. Its constraints get names by the same rules as the engine's."""

    metadata = models.Base.metadata
    type_annotation_map: ClassVar[dict[Any, Any]] = models.Base.type_annotation_map

    @classmethod
    def __table_cls__(cls, name: str, metadata: MetaData, *columns: Any, **options: Any) -> Table:
        """Make the table. One that the same class has declared is left from a module that failed after it."""
        place = f"{cls.__module__}.{cls.__qualname__}"
        declared = metadata.tables.get(name)
        if declared is not None and declared.info.get(_CLASS) == place:
            metadata.remove(declared)
        info = {**options.pop("info", {}), _CLASS: place}
        return Table(name, metadata, *columns, info=info, **options)


_engines = {mapper.class_.__tablename__ for mapper in models.Base.registry.mappers}
for _table in [table for table in Base.metadata.tables.values() if table.name not in _engines]:
    Base.metadata.remove(_table)
