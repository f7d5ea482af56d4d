"""Leases: work that several processes could do, and one at a time does."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any, cast

from sqlalchemy import Engine, Table, bindparam

from core.clock import Clock, SteadyClock
from core.storage.database import reachable, upserting_insert
from core.storage.models import LeaseModel

_leases = cast(Table, LeaseModel.__table__)


class Lease:
    """One process's claim to pieces of work, each by a name.

    A claim lasts for a time and is made anew while the work goes on, so that a process that died gives it up. A lease
    spares work and waiting, it protects nothing: what is done under it must be harmless when two do it, as they will
    where two machines' clocks differ by more than the time it is held.
    """

    def __init__(self, database: Engine, clock: Clock) -> None:
        self._database = database
        self._steady = SteadyClock(clock)
        self.holder = secrets.token_hex(16)
        self._hold = _statement(database)

    def hold(self, name: str, seconds: float) -> bool:
        """Take or prolong a lease: True if it is this process's for `seconds` from now, False if another has it.

        Raises StoreUnavailableError when the database can't be asked.
        """
        until = self._steady.latest() + timedelta(seconds=seconds)
        values = {"name": name, "holder": self.holder, "until": until, "now": self._steady.now()}
        with reachable(), self._database.begin() as connection:
            return connection.execute(self._hold, values).one_or_none() is not None


def _statement(database: Engine) -> Any:
    """Return the one statement by which the database lets one through, of two who ask at once."""
    columns: dict[str, Any] = {name: bindparam(name) for name in ("name", "holder", "until")}
    statement: Any = upserting_insert(database)(_leases).values(columns)
    new = statement.excluded
    free = (_leases.c.until <= bindparam("now", type_=_leases.c.until.type)) | (_leases.c.holder == new.holder)
    return statement.on_conflict_do_update(
        index_elements=["name"], set_={"holder": new.holder, "until": new.until}, where=free
    ).returning(_leases.c.holder)
