"""A form is saved together with tables of the team's own: in one transaction, and once however often it is sent."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, delete, select, update
from sqlalchemy.orm import Session

from core.clock import Clock, SteadyClock
from core.errors import NotKeptError
from core.storage.database import reachable, read_from, upserting_insert
from core.storage.entry import Entry
from core.storage.models import SubmissionModel
from core.storage.sql_store import SqlStore

Work = Callable[[Session], str | None]
"""Writes the team's own tables. What it returns, such as the number of a new row, is kept with the submission."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A submission that was stored. `again`: it was stored before, and nothing was done now."""

    at: datetime
    result: str | None
    again: bool = False


class Submissions:
    """The submissions of all forms, by their keys."""

    def __init__(self, database: Engine, store: SqlStore, clock: Clock) -> None:
        self._database, self._store, self._clock = database, store, clock
        self._steady = SteadyClock(clock)

    def find(self, key: str) -> Receipt | None:
        """Return the receipt of a submission, None if there is no such. Raises StoreUnavailableError."""
        with reachable(), read_from(self._database) as connection:
            return _receipt(connection, key)

    def submit(self, key: str, form_id: str, entries: Sequence[Entry], work: Work) -> Receipt:
        """Do the work and store the sealed entries, all or nothing; neither if the key was used before.

        Raises what the work raises, NotKeptError for a session that was deleted, and StoreUnavailableError, after
        which it is not known whether it was stored: sending it again tells.
        """
        now = self._clock.now()
        claim = upserting_insert(self._database)(SubmissionModel).values(
            key=key, form=form_id, at=now, session_id=entries[0].session_id if entries else ""
        )
        claim = claim.on_conflict_do_nothing().returning(SubmissionModel.key)
        with reachable(), self._database.begin() as connection:
            # Whoever sends the same key at the same moment waits here for the end of this transaction.
            if connection.execute(claim).one_or_none() is None:
                stored = _receipt(connection, key)
                if stored is not None:
                    return stored
            with Session(bind=connection, join_transaction_mode="rollback_only") as session:
                result = work(session)
                session.flush()
            if result is not None:
                row = update(SubmissionModel).where(SubmissionModel.key == key)
                connection.execute(row.values(result=result))
            if not self._store.upsert_within(connection, entries):
                raise NotKeptError("", "this session was deleted", "Reload the page to begin anew.")
        return Receipt(at=now, result=result)

    def of(self, session_ids: Collection[str]) -> list[dict[str, Any]]:
        """Return the remembered submissions of some sessions, the oldest first: `form`, `at` and `result`."""
        columns = (SubmissionModel.form, SubmissionModel.at, SubmissionModel.result)
        wanted = select(*columns).where(SubmissionModel.session_id.in_(session_ids)).order_by(SubmissionModel.at)
        with reachable(), read_from(self._database) as connection:
            return [dict(row) for row in connection.execute(wanted).mappings()]

    def erase_within(self, connection: Connection, session_ids: Collection[str]) -> None:
        """Forget all submissions of some sessions, as part of somebody's transaction."""
        connection.execute(delete(SubmissionModel).where(SubmissionModel.session_id.in_(session_ids)))

    def forget(self, older_than: timedelta, limit: int) -> int:
        """Forget up to `limit` submissions that nobody can send again; returns how many."""
        oldest = select(SubmissionModel.key).where(SubmissionModel.at < self._steady.now() - older_than)
        chosen = oldest.order_by(SubmissionModel.at).limit(limit).scalar_subquery()
        with reachable(), self._database.begin() as connection:
            return connection.execute(delete(SubmissionModel).where(SubmissionModel.key.in_(chosen))).rowcount


def _receipt(connection: Connection, key: str) -> Receipt | None:
    wanted = select(SubmissionModel.at, SubmissionModel.result).where(SubmissionModel.key == key)
    row = connection.execute(wanted).one_or_none()
    return None if row is None else Receipt(at=row.at, result=row.result, again=True)
