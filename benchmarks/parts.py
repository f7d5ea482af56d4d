"""What is measured: real services built as the app builds them, and the bare writes they stand beside.

Values change in content and in length with every edit, because a page that did not change costs SQLite nothing,
and neither does an upsert that changes no value.
"""

from __future__ import annotations

import itertools
import secrets
from pathlib import Path

import apsw
import psycopg

from benchmarks.measuring import Action
from core.clock import Clock
from core.services import Services, build_services
from core.session import UserSession
from core.settings import Settings
from core.storage.models import Base

FORMS, FIELDS, SNAPSHOTS = 2, 20, 50
NEVER = 86_400.0
"""A debounce that doesn't end while something else is measured."""
UPSERT = "INSERT INTO field VALUES ({}, {}) ON CONFLICT (path) DO UPDATE SET value = excluded.value"

_number = itertools.count()


def value() -> str:
    """A value unlike the one before, in content and in length."""
    number = next(_number)
    return f"{number}:" + "x" * (number % 37)


def services_in(folder: Path, *, clock: Clock | None = None, **settings: object) -> Services:
    """Services as the app builds them, over a database and a journal in this folder, unless the settings differ."""
    folder.mkdir(parents=True, exist_ok=True)
    given: dict[str, object] = {
        "auth": "password",
        "secret_key": secrets.token_hex(32),
        "database_url": f"sqlite:///{folder / 'sessions.db'}",
        "journal_path": folder / "journal.db",
        "debounce_delay": NEVER,
    }
    services = build_services(Settings(_env_file=None, **{**given, **settings}), clock)  # type: ignore[arg-type, call-arg]
    Base.metadata.create_all(services.database)
    return services


def fill(session: UserSession) -> None:
    """Make it large: every field of every form, and as many snapshots as a form keeps."""
    for form in range(FORMS):
        for field in range(FIELDS):
            session.set_field(f"form{form}", f"field{field}", f"{value()} {'text ' * 8}")
        for number in range(SNAPSHOTS):
            session.create_form_snapshot(f"form{form}", f"snapshot {number}")


def edit(session: UserSession) -> Action:
    """Persist one field."""
    return lambda: session.set_field("form0", "field0", value())


def bare_sqlite(folder: Path) -> Action:
    """One upsert and its commit, durable against power loss, and nothing around it."""
    folder.mkdir()
    connection = apsw.Connection(str(folder / "bare.db"))
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE field (path TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID")
    statement = UPSERT.format("?", "?")
    return lambda: connection.execute(statement, ("form/form0/field/field0", value())) and None


def bare_postgresql(url: str) -> Action:
    """The same with psycopg."""
    connection = psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://"), autocommit=True)
    connection.execute("CREATE TABLE field (path TEXT PRIMARY KEY, value TEXT)")
    statement = UPSERT.format("%s", "%s")
    return lambda: connection.execute(statement, ("form/form0/field/field0", value()))
