"""The audit trail: who did what to whom, when and from where. Rows are added, and never changed or removed.

An event is written in the transaction of what it tells of, so that there is never one without the other. Names are not
written, only ids: what the trail says of a person who was deleted leads nowhere any more.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Any, Literal, TypedDict, Unpack, cast, get_args

from sqlalchemy import ColumnElement, Connection, Engine, Select, Table, insert, literal, select, union

from core.clock import Clock
from core.storage.models import AuditModel

Event = Literal[
    "sign_in",
    "sign_in.refused",
    "sign_in.throttled",
    "sign_out",
    "session.revoked",
    "session.deleted",
    "person.added",
    "person.invited",
    "invitation.withdrawn",
    "person.described",
    "person.roles",
    "person.locked_out",
    "person.admitted",
    "person.deleted",
    "person.exported",
    "password.changed",
    "role.saved",
    "role.deleted",
    "refused",
    "trail.exported",
]
"""What happened. `refused`: somebody asked for what they may not have; the detail says for what."""

EVENTS: frozenset[str] = frozenset(get_args(Event))


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who does something, and from where. `user_id` is None where that is nobody who is signed in."""

    user_id: str | None = None
    address: str = ""
    """The network address, as the server sees it."""
    device: str = ""


_audit = cast(Table, AuditModel.__table__)

COMMAND_LINE = Actor(device="command line")
"""Whoever may run `manage.py`, and the server itself at its start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """One line of the trail. `number` grows with each; `subject` is to whom or what it happened: `role:member`."""

    number: int
    at: datetime
    event: str
    actor_id: str | None
    subject: str
    detail: str
    address: str
    device: str


class Asked(TypedDict, total=False):
    """What of the trail somebody wants to see. What is not given doesn't matter."""

    events: Collection[str]
    """Any of these."""
    person: str | None
    """The id of somebody who did something or to whom it was done."""
    address: str | None
    since: datetime | None
    until: datetime | None
    """Aware UTC; this moment itself is no part of it."""


class AuditTrail:
    """The part of `Accounts` that keeps the audit trail."""

    _database: Engine
    _clock: Clock

    def note(self, event: Event, *, by: Actor, subject: str = "", detail: str = "") -> None:
        """Add what changed nothing else, such as a refusal."""
        with self._database.begin() as connection:
            self._note(connection, event, by=by, subject=subject, detail=detail)

    def trail(self, *, limit: int = 100, before: int | None = None, **asked: Unpack[Asked]) -> list[Audited]:
        """Up to `limit` events, the newest first, only those to which applies all that is asked for.

        `before` is the number of a line: the last one of the page before. An index brings the lines in order; only what
        somebody did from one address is sought among all that they did.
        """
        since, until = asked.get("since"), asked.get("until")
        with self._database.connect() as connection:
            period = [_audit.c.at >= since] if since is not None else []
            if before is not None:
                last = connection.execute(select(_audit.c.at).where(_audit.c.number == before)).scalar_one()
                if until is None or last < until:  # one upper end, because SQLite searches its index by one only
                    until = None
                    period += [_audit.c.at <= last, (_audit.c.at < last) | (_audit.c.number < before)]
            if until is not None:
                period.append(_audit.c.at < until)
            branches = [
                _newest(select(_audit).where(*period, *branch), limit).subquery().select()
                for branch in _branches(asked.get("events", ()), asked.get("person"), asked.get("address"))
            ]
            wanted = union(*branches).subquery() if len(branches) > 1 else branches[0].subquery()
            newest = select(wanted).order_by(wanted.c.at.desc(), wanted.c.number.desc()).limit(limit)
            return [Audited(**row) for row in connection.execute(newest).mappings()]

    def _note(
        self,
        connection: Connection,
        event: Event,
        *,
        by: Actor,
        subject: str = "",
        detail: str = "",
        at: datetime | None = None,
    ) -> None:
        """Add an event within a transaction. `at` is when it happened, if that was not now."""
        connection.execute(
            insert(AuditModel).values(
                at=at or self._clock.now(),
                event=event,
                actor_id=by.user_id,
                subject=subject,
                detail=detail,
                address=by.address,
                device=by.device,
            )
        )


def _branches(events: Collection[str], person: str | None, address: str | None) -> list[list[ColumnElement[bool]]]:
    """What is asked for, in parts of which each finds its newest rows in one index, whatever else there is."""
    kinds = [] if set(events) >= EVENTS else sorted(set(events))
    also: list[ColumnElement[bool]] = []
    if person is not None:
        leads = [(_audit.c.actor_id, person), (_audit.c.subject, f"person:{person}")]
        if address is not None:  # as an expression, for which there is no index that could be taken for better
            also = [_audit.c.address.concat("") == address]
    elif address is not None:
        leads = [(_audit.c.address, address)]
    else:
        return [[_audit.c.event == kind] for kind in kinds] or [[]]
    if not kinds:
        return [[column == value, *also] for column, value in leads]
    # As subqueries: PostgreSQL, which knows how common each is but not how rare both together may be, would take the
    # person of half of all rows for easily found among them, and read all where they never did this.
    return [
        [_sought(column, value), _sought(_audit.c.event, kind), *also]
        for (column, value), kind in product(leads, kinds)
    ]


def _sought(column: ColumnElement[Any], value: str) -> ColumnElement[bool]:
    return column == select(literal(value)).scalar_subquery()


def _newest(rows: Select[Any], limit: int) -> Select[Any]:
    return rows.order_by(_audit.c.at.desc(), _audit.c.number.desc()).limit(limit)
