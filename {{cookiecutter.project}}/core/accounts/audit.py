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
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Any, Literal, TypedDict, Unpack, cast, get_args

from sqlalchemy import ColumnElement, Connection, Engine, Row, Table, bindparam, insert, select

from core.accounts.background_writes import BackgroundWriter
from core.clock import Clock, SteadyClock
from core.rate import RateLimit
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


class DeniedLimit:
    """Decides which denied accesses are noted. Kept in memory. Safe for threads."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._same = RateLimit(per_second=1 / DENIED_PAUSE_SECONDS, burst=1, monotonic=monotonic)
        self._people, self._strangers = (
            RateLimit(per_second=DENIED_PER_MINUTE / 60, burst=DENIED_AT_ONCE, monotonic=monotonic) for _ in range(2)
        )

    def allows(self, key: str, *, stranger: bool) -> bool:
        """Return True if this denial is to be noted."""
        return not self._same.wait(key) and not (self._strangers if stranger else self._people).wait("")


class AuditTrail:
    """The part of `Accounts` that keeps the audit trail."""

    _database: Engine
    _clock: Clock
    _steady: SteadyClock
    _background: BackgroundWriter
    _denied: DeniedLimit

    def note(self, event: Event, *, by: Actor, subject: str = "", detail: str = "") -> None:
        """Add an event that changed nothing else, such as a refused sign-in."""
        with self._database.begin() as connection:
            self._note(connection, event, by=by, subject=subject, detail=detail)

    def deny(self, what: str, *, by: Actor, browser: str | None = None, owner: str | None = None) -> None:
        """Note soon that access was denied. Nobody waits for it, and of many not each is noted.

        `what` is said by the code, never by a request. `browser` is the hash of the token of an actor who isn't known
        yet, `owner` that of the browser to which belongs what was asked for: once its time is over, there was nothing
        to take and nothing is noted.
        """
        key = "\0".join([what, by.user_id or by.address])
        if self._denied.allows(key, stranger=by.user_id is None):
            at = self._clock.now()
            self._background.later(f"deny {key} {at}", partial(self._write_denied, what, by, browser, owner, at))

    def settle(self) -> bool:
        """Wait for what is written in the background, such as denied accesses. Returns False if something is left."""
        return self._background.settle()

    def trail(self, *, limit: int = 100, before: int | None = None, **asked: Unpack[Asked]) -> list[Audited]:
        """Return up to `limit` events to which all filters apply, the newest first.

        `before` is the number of an event: the last one of the page before.
        """
        wanted = select(_audit).where(*_conditions(asked))
        if before is not None:
            wanted = wanted.where(_audit.c.number < before)
        with self._database.connect() as connection:
            rows = connection.execute(wanted.order_by(_audit.c.number.desc()).limit(limit))
            return [Audited(**row) for row in rows.mappings()]

    def export_trail(
        self, kind: Format, *, by: Actor, limit: int | None = None, **asked: Unpack[Asked]
    ) -> Iterator[str]:
        """Return the newest events as CSV with a line of titles, or as a JSON array, piece by piece, with names.

        That it is exported is noted first.
        """
        self.note("trail.exported", by=by, detail=f"as {kind}{_described(asked)}")
        rows = self._named_rows(limit, asked)
        return _as_csv(rows) if kind == "csv" else _as_json(rows)

    def names(self, user_ids: Collection[str]) -> dict[str, str]:
        """Return what these people are called (`Ada Lovelace (ada)`), by their ids; without those who are deleted."""
        named = select(UserModel.user_id, UserModel.name, UserModel.username).where(UserModel.user_id.in_(user_ids))
        with self._database.connect() as connection:
            return {row.user_id: f"{row.name} ({row.username})" for row in connection.execute(named)}

    def _named_rows(self, limit: int | None, asked: Asked) -> Iterator[dict[str, Any]]:
        before, left = None, limit
        while left is None or left > 0:
            lines = self.trail(limit=_BATCH if left is None else min(left, _BATCH), before=before, **asked)
            names = self.names({person for line in lines for person in people_of(line)})
            for line in lines:
                actor = name_of(line.actor_id, names) if line.actor_id else ""
                known = {"at": line.at.isoformat(), "actor": actor, "subject_name": subject_of(line, names)}
                yield asdict(line) | known
            if len(lines) < _BATCH:
                return
            before, left = lines[-1].number, None if left is None else left - len(lines)

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
            self._note(connection, "refused", by=by, subject=subject, detail=what, at=at)

    def _holder(self, connection: Connection, token_hash: str) -> Row[str | None] | None:
        """Return the person of a token that can be used now."""
        return connection.execute(_HOLDER, {"hash": token_hash, "now": self._steady.now()}).one_or_none()


def people_of(line: Audited) -> Iterator[str]:
    """Yield the ids of the actor and of the person to whom it was done."""
    if line.actor_id:
        yield line.actor_id
    if line.subject.startswith("person:"):
        yield line.subject.removeprefix("person:")


def name_of(user_id: str, names: Mapping[str, str]) -> str:
    """Return a person's name; of a deleted one only a part of the id is left to tell them from others."""
    return names.get(user_id, f"deleted ({user_id[:8]})")


def subject_of(line: Audited, names: Mapping[str, str]) -> str:
    """Return to whom or what it happened, for reading."""
    kind, _, what = line.subject.partition(":")
    return name_of(what, names) if kind == "person" else f"{kind} {what}".strip()


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
    titles = [*Audited.__dataclass_fields__, "actor", "subject_name"]
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
