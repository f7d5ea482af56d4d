"""The composition root: the one place that builds clock, store, journal, engine and accounts, and holds them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from sqlalchemy import Engine, text

from core.accounts import Accounts
from core.background import Background
from core.clock import Clock, SystemClock
from core.errors import StoreUnavailableError
from core.logs import configure_logs
from core.session_persistence import SessionPersistenceEngine
from core.settings import PROJECT_ROOT, Settings, get_settings
from core.storage.database import open_database, reachable, read_from
from core.storage.envelope import Envelope
from core.storage.file_store import FileStore
from core.storage.files import Files
from core.storage.journal import Journal
from core.storage.leases import Lease
from core.storage.sql_store import SqlStore
from core.storage.submissions import Submissions
from core.storage.versions import Versions, watch_tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything a process needs, built once."""

    settings: Settings
    clock: Clock
    database: Engine
    store: SqlStore
    journal: Journal | None
    """None with `DURABILITY=database`, where nothing is kept on this machine."""
    envelope: Envelope
    engine: SessionPersistenceEngine
    submissions: Submissions
    accounts: Accounts
    lease: Lease
    versions: Versions
    files: Files
    background: Background = field(default_factory=Background)

    def database_answers(self) -> bool:
        """Return whether the database can be asked now. Waits for a moment at most."""
        try:
            with self.accounts.db_budget, reachable(), read_from(self.database) as connection:
                connection.execute(text("SELECT 1"))
        except StoreUnavailableError:
            return False
        return True

    def close(self) -> None:
        """Flush what waits and let go of all files, each part whatever another one raises."""
        with ExitStack() as parts:  # the last one is closed first
            parts.callback(self.engine.close)
            parts.callback(self.accounts.close)


def build_services(settings: Settings, clock: Clock | None = None) -> Services:
    """Build all parts from settings. Opens the journal; the database is first asked when needed."""
    clock = clock or SystemClock()
    envelope = Envelope(settings.encryption_keys)
    database = open_database(settings.resolved_database_url)
    versions = Versions(database, clock)
    watch_tables(database, versions)
    store = SqlStore(
        database,
        session_timeout=settings.session_timeout,
        retention=settings.session_retention,
        clock=clock,
        envelope=envelope,
        versions=versions,
    )
    journal = Journal(settings.resolved_journal_path) if settings.durability == "local" else None
    engine = SessionPersistenceEngine(
        settings.debounce_delay,
        settings.session_timeout,
        store=store,
        journal=journal,
        clock=clock,
        envelope=envelope,
    )
    accounts = Accounts(
        database,
        clock,
        session_timeout=settings.session_timeout,
        absolute_timeout=settings.session_absolute_timeout,
        secret=settings.secret_key.get_secret_value(),
        title=settings.title,
        signing_in=settings.auth != "none",
    )
    return Services(
        settings=settings,
        clock=clock,
        database=database,
        store=store,
        journal=journal,
        envelope=envelope,
        engine=engine,
        submissions=Submissions(database, store, clock),
        accounts=accounts,
        lease=Lease(database, clock),
        versions=versions,
        files=Files(FileStore(settings.files_url, PROJECT_ROOT), database, clock),
    )


_lock = threading.Lock()
_current: Services | None = None


def get_services() -> Services:
    """Return this process's services; the first call builds them from the settings."""
    global _current
    with _lock:
        if _current is None:
            settings = get_settings()
            configure_logs(settings.log_level, production=settings.environment == "production")
            _current = build_services(settings)
        return _current


def close_services() -> None:
    """Flush what waits and let go of all files. The next `get_services` builds anew."""
    global _current
    with _lock:
        closing, _current = _current, None
    if closing is not None:
        closing.close()


@contextmanager
def use_services(services: Services) -> Iterator[Services]:
    """Put other services in place for the length of a block, as tests do. They are closed at its end."""
    global _current
    with _lock:
        before, _current = _current, services
    try:
        yield services
    finally:
        with _lock:
            _current = before
        services.close()
