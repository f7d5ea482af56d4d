"""Deletes a person and everything held on them, for good.

What decides is one transaction: with it the account, its roles, its session and what apps hold are gone, and every
browser is signed out, or nothing has happened. What is left to do only tidies up, and can fail without bringing
anything back: entries that wait in a journal, here or on another machine, belong to a session that is marked as
deleted.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from core.accounts import Actor, User
from core.accounts.rights import last_admin_stays
from core.clock import stamp_time
from core.errors import FilesUnavailableError, JournalError, StoreUnavailableError, UnreadableValueError
from core.personal.apps import Person, apps_with_data, person_of
from core.personal.export import files_of
from core.services import Services
from core.storage.database import compact, reachable
from core.storage.models import AuditModel, Base, FileClaimModel

TIDYING = "tidy-up-after-a-person"
"""The name of the thread that tidies up behind a page."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """Data that nobody can reach any more, and that is still on disks: files, and what was overwritten or deleted."""

    services: Services
    person: Person
    files: Mapping[str, datetime]
    """By digest: when the person referred to it last."""

    def remove(self) -> list[str]:
        """Remove it now; returns what has to wait, and why. Takes as long as reading all that is stored."""
        put_off, services = [], self.services
        try:
            for session_id in self.person.session_ids:
                services.engine.purge(session_id)
            if services.journal is not None:
                services.journal.compact()
        except (StoreUnavailableError, JournalError) as error:
            put_off.append(f"the journal's free pages: {error}")
        try:
            services.files.erase(self.files, services.engine.texts)
        except (FilesUnavailableError, StoreUnavailableError, JournalError, UnreadableValueError) as error:
            put_off.append(f"files: {error}")
        try:
            compact(services.database, Base.metadata.tables.keys() - {AuditModel.__tablename__})
        except StoreUnavailableError as error:
            put_off.append(f"the database's free pages: {error}")
        for what in put_off:
            log.warning("somebody was deleted, and what is left of it goes later", what=what)
        return put_off

    def remove_soon(self) -> None:
        """Remove it in a thread of its own."""
        threading.Thread(target=self.remove, name=TIDYING).start()


def erase_person(services: Services, user: User, *, by: Actor) -> Remains:
    """Delete a person with their account, sessions and what apps hold on them. Returns what is left to be removed.

    Raises LastAdministratorError, AccountError for an app that can't be asked, and StoreUnavailableError or
    SessionUnavailableError while the database is away: nothing is deleted then.
    """
    person, asked = person_of(services, user), apps_with_data()
    used = _files_used(services, user)
    with reachable(), services.database.begin() as connection, last_admin_stays(connection):
        claimed = _claims(connection)
        with Session(bind=connection, join_transaction_mode="rollback_only") as database:
            for app in asked.values():
                app.erase(database, person)
            database.flush()
        services.submissions.erase_within(connection, person.session_ids)
        services.accounts.users.erase_within(connection, user.user_id, by=by)
        for session_id in person.session_ids:
            services.store.purge_within(connection, session_id)
        released = claimed - _claims(connection)
    now = services.clock.now()
    return Remains(services=services, person=person, files=dict.fromkeys(released, now) | used)


def _files_used(services: Services, user: User) -> dict[str, datetime]:
    """Return the files of a person, each with the time at which their session referred to it last."""
    session = services.engine.open(user.session_id, user.user_id)
    used: dict[str, datetime] = {}
    for path, value in session.values.items():
        for digest in files_of([value]):
            at = stamp_time(session.stamps[path])
            used[digest] = max(at, used.get(digest, at))
    return used


def _claims(connection: Connection) -> set[str]:
    return set(connection.scalars(select(FileClaimModel.digest)))
