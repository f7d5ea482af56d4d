"""A commit in PostgreSQL as one statement: a header and its session's entries, in a single round trip.

With `DURABILITY=database` somebody waits for each commit. As a transaction it takes as many round trips as statements,
and three more: to see whether the connection lives, to begin, and to commit.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, cast

from sqlalchemy import ARRAY, Connection, Engine, Insert, Table, Text, bindparam, func, select
from sqlalchemy.dialects import postgresql

from core.storage.database import prepare
from core.storage.entry import Entry
from core.storage.forgetting import comes_and_goes
from core.storage.models import EntryModel

_entries = cast(Table, EntryModel.__table__)
_COLUMNS = ("path", "value", "stamp", "base")


class AtOnce:
    """Commits entries of one session in one statement, on a connection of its own."""

    def __init__(self, database: Engine, upsert_header: Insert) -> None:
        self._database, self._lock = database, threading.Lock()
        self._connection: Connection | None = None
        header = upsert_header.cte("header")
        arrays = (bindparam(f"{name}s", type_=ARRAY(Text)) for name in _COLUMNS)
        given = func.unnest(*arrays).table_valued(*_COLUMNS, name="given").render_derived()
        rows = select(header.c.session_id, *given.c, header.c.version).join_from(
            header, given, ~comes_and_goes(given.c.path) | (given.c.stamp > header.c.forgotten)
        )
        written: Any = postgresql.insert(_entries).from_select(["session_id", *_COLUMNS, "version"], rows)
        changed = {name: written.excluded[name] for name in ("value", "stamp", "base", "version")}
        written = written.on_conflict_do_update(
            index_elements=["session_id", "path"], set_=changed, where=written.excluded.stamp > _entries.c.stamp
        )
        both = select(header.c.version, header.c.forgotten).add_cte(written.cte("written"))
        compiled = both.compile(dialect=database.dialect)
        self._statement, self._parameters = str(compiled), dict(compiled.params)

    def commit(self, header: Mapping[str, Any], entries: Sequence[Entry]) -> str | None:
        """Return the stamp up to which the session forgot removed paths; None for one that was deleted.

        Of paths that come and go, entries not newer than that are not written.
        """
        columns = {f"{name}s": [getattr(entry, name) for entry in entries] for name in _COLUMNS}
        with self._lock:
            try:
                if self._connection is None:
                    connection = self._database.connect()
                    prepare(connection)
                    self._connection = connection.execution_options(isolation_level="AUTOCOMMIT")
                parameters = {**self._parameters, **header, **columns}
                stored = self._connection.exec_driver_sql(self._statement, parameters).one_or_none()
            except BaseException:
                self._close()
                raise
        return None if stored is None else str(stored.forgotten)

    def close(self) -> None:
        """Give the connection back."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
