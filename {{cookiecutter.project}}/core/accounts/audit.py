"""The audit trail: who did what to whom, when and from where. Rows are added, and never changed or removed.

An event is written in the transaction of what it records, so that there is never one without the other. Only ids are
written, no names: an event about a person who was deleted leads nowhere. Access that was denied is noted soon after,
and seldom enough that nobody can fill the trail: the same from the same person or address once a minute, and so many a
minute in all, with an allowance of their own for people who are signed in.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from itertools import chain, islice
from typing import Any, Literal, TypedDict, Unpack, cast, get_args

from sqlalchemy import ColumnElement, Connection, Engine, Row, RowMapping, Table, bindparam, func, insert, select
from sqlalchemy.orm import aliased

from core.accounts.background_writes import BackgroundWriter
from core.clock import SteadyClock
from core.rate import RateLimit
from core.storage.database import read_from
from core.storage.models import AuditModel, TokenModel, UserModel

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
    "password.link",
    "password.reset",
    "role.saved",
    "role.deleted",
    "refused",
    "trail.exported",
]
"""Kinds of events. `refused`: access was denied; the detail says to what."""
EVENTS: frozenset[str] = frozenset(get_args(Event))
Format = Literal["csv", "json"]

DENIED_PAUSE_SECONDS = 60.0
DENIED_PER_MINUTE, DENIED_AT_ONCE = 60, 200
"""Denied accesses that a process notes, of people who are signed in and of others: each 86,400 a day at most."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_BATCH = 1_000
_audit = cast(Table, AuditModel.__table__)
_actor, _subject = aliased(UserModel), aliased(UserModel)
_EVENTS = (
    select(
        _audit,
        (_actor.name + " (" + _actor.username + ")").label("actor"),
        (_subject.name + " (" + _subject.username + ")").label("subject_name"),
    )
    .outerjoin(_actor, _actor.user_id == _audit.c.actor_id)
    .outerjoin(_subject, _subject.user_id == func.substr(_audit.c.subject, len("person:") + 1))
)
_HOLDER = select(TokenModel.user_id).where(
    TokenModel.token_hash == bindparam("hash"),
    TokenModel.revoked_at.is_(None),
    TokenModel.expires_at > bindparam("now"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A person who acts, and from where. `user_id` is None where nobody is signed in."""

    user_id: str | None = None
    address: str = ""
    """The network address, as the server sees it."""
    device: str = ""


COMMAND_LINE = Actor(device="command line")
"""`manage.py`, and the server itself at its start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """One event. `number` grows with each; `subject` is to whom or what it happened: `role:member`."""

    number: int
    at: datetime
    event: str
    actor_id: str | None
    subject: str
    detail: str
    address: str
    device: str
    actor: str
    """The name of the actor (`Ada Lovelace (ada)`), empty where nobody was signed in."""
    subject_name: str
    """The subject, for reading: a person's name, or `role member`."""


class Asked(TypedDict, total=False):
    """Filters of the trail. What is not given doesn't matter."""

    events: Collection[str]
    """Any of these."""
    person: str | None
    """The id of a person who did something or to whom it was done."""
    address: str | None
    since: datetime | None
    until: datetime | None
    """Aware UTC; this moment itself is no part of it."""


class AuditTrail:
    """The trail of one database."""

    def __init__(self, database: Engine, clock: SteadyClock, background: BackgroundWriter) -> None:
        self._database, self._clock, self._background = database, clock, background
        monotonic = clock.wall.monotonic
        self._denied_same = RateLimit(per_second=1 / DENIED_PAUSE_SECONDS, burst=1, monotonic=monotonic)
        self._denied_in_all = RateLimit(per_second=DENIED_PER_MINUTE / 60, burst=DENIED_AT_ONCE, monotonic=monotonic)

    def note(self, event: Event, *, by: Actor, subject: str = "", detail: str = "") -> None:
        """Add an event that changed nothing else, such as a refused sign-in."""
        with self._database.begin() as connection:
            self.add(connection, event, by=by, subject=subject, detail=detail)

    def deny(self, what: str, *, by: Actor, browser: str | None = None, owner: str | None = None) -> None:
        """Note soon that access was denied. Nobody waits for it, and of many not each is noted.

        `what` is said by the code, never by a request. `browser` is the hash of the token of an actor who isn't known
        yet, `owner` that of the browser to which belongs what was asked for: once its time is over, there was nothing
        to take and nothing is noted.
        """
        key = "\0".join([what, by.user_id or by.address])
        signed_in = "stranger" if by.user_id is None else "person"
        if not self._denied_same.wait(key) and not self._denied_in_all.wait(signed_in):
            at = self._clock.wall.now()
            self._background.later(f"deny {key} {at}", partial(self._write_denied, what, by, browser, owner, at))

    def find(self, *, limit: int = 100, before: int | None = None, **asked: Unpack[Asked]) -> list[Audited]:
        """Return up to `limit` events to which all filters apply, the newest first.

        `before` is the number of an event: the last one of the page before.
        """
        wanted = _EVENTS.where(*_conditions(asked))
        if before is not None:
            wanted = wanted.where(_audit.c.number < before)
        with read_from(self._database) as connection:
            rows = connection.execute(wanted.order_by(_audit.c.number.desc()).limit(limit)).mappings()
            return [_audited(row) for row in rows]

    def find_all(self, **asked: Unpack[Asked]) -> Iterator[Audited]:
        """Yield all events to which all filters apply, the newest first, by one query for each thousand."""
        before: int | None = None
        while page := self.find(limit=_BATCH, before=before, **asked):
            yield from page
            before = page[-1].number

    def export(self, kind: Format, *, by: Actor, limit: int | None = None, **asked: Unpack[Asked]) -> Iterator[str]:
        """Return the newest events as CSV with a line of titles, or as a JSON array, piece by piece.

        That it is exported is noted first.
        """
        self.note("trail.exported", by=by, detail=f"as {kind}{_described(asked)}")
        rows = (asdict(line) | {"at": line.at.isoformat()} for line in islice(self.find_all(**asked), limit))
        return _as_csv(rows) if kind == "csv" else _as_json(rows)

    def add(
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
                at=at or self._clock.wall.now(),
                event=event,
                actor_id=by.user_id,
                subject=subject,
                detail=detail,
                address=by.address,
                device=by.device,
            )
        )

    def _write_denied(self, what: str, by: Actor, browser: str | None, owner: str | None, at: datetime) -> None:
        with self._database.begin() as connection:
            subject = ""
            if owner is not None:
                found = self._holder(connection, owner)
                if found is None:
                    return
                subject = f"person:{found.user_id}" if found.user_id else ""
            if browser is not None and (actor := self._holder(connection, browser)) is not None:
                by = replace(by, user_id=actor.user_id)
            self.add(connection, "refused", by=by, subject=subject, detail=what, at=at)

    def _holder(self, connection: Connection, token_hash: str) -> Row[str | None] | None:
        """Return the person of a token that can be used now."""
        return connection.execute(_HOLDER, {"hash": token_hash, "now": self._clock.now()}).one_or_none()


def _audited(row: RowMapping) -> Audited:
    """Return an event with names; of a deleted person only a part of the id is left to tell them from others."""
    kind, _, what = row["subject"].partition(":")
    values = {key: row[key] for key in _audit.c.keys()}  # noqa: SIM118 - a collection of columns is no mapping
    actor = (row["actor"] or f"deleted ({row['actor_id'][:8]})") if row["actor_id"] else ""
    subject = row["subject_name"] or f"deleted ({what[:8]})" if kind == "person" else f"{kind} {what}".strip()
    return Audited(**values, actor=actor, subject_name=subject)


def _conditions(asked: Asked) -> Iterator[ColumnElement[bool]]:
    if events := asked.get("events"):
        yield _audit.c.event.in_(events)
    if person := asked.get("person"):
        yield (_audit.c.actor_id == person) | (_audit.c.subject == f"person:{person}")
    if address := asked.get("address"):
        yield _audit.c.address == address
    if since := asked.get("since"):
        yield _audit.c.at >= since
    if until := asked.get("until"):
        yield _audit.c.at < until


def _described(asked: Asked) -> str:
    said = [f"{key} {value}" for key in ("person", "address", "since", "until") if (value := asked.get(key))]
    kinds = " ".join(sorted(asked.get("events", ())))
    return "".join(f", {part}" for part in [*said, *([f"events {kinds}"] if kinds else [])])


def _as_csv(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield lines. What a spreadsheet would take for a formula gets an apostrophe: people choose their names."""
    titles = list(Audited.__dataclass_fields__)
    for row in chain([dict(zip(titles, titles, strict=True))], rows):
        text = io.StringIO()
        safe = {key: f"'{value}" if str(value).startswith(_FORMULA) else value for key, value in row.items()}
        csv.DictWriter(text, titles).writerow(safe)
        yield text.getvalue()


def _as_json(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    opening = "[\n"
    for row in rows:
        yield opening + json.dumps(row, ensure_ascii=False)
        opening = ",\n"
    yield "\n]\n" if opening == ",\n" else "[]\n"
