"""The composition root: the one place that builds clock, store, journal, engine and accounts, and holds them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Engine

from core.accounts import Accounts
from core.clock import Clock, HybridClock, SystemClock
from core.logs import configure_logs
from core.session_persistence import SessionPersistenceEngine
from core.settings import Settings, get_settings
from core.storage.database import open_database
from core.storage.journal import Journal
from core.storage.leases import Lease
from core.storage.sealing import Seal
from core.storage.sql import SqlStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything a process needs, built once."""

    settings: Settings
    clock: Clock
    database: Engine
    store: SqlStore
    journal: Journal | None
    """None with `DURABILITY=database`, where nothing is kept on this machine."""
    seal: Seal
    engine: SessionPersistenceEngine
    accounts: Accounts
    lease: Lease


def build_services(settings: Settings, clock: Clock | None = None) -> Services:
    """Build all parts from settings. Opens the journal; the database is first asked when needed."""
    clock = clock or SystemClock()
    seal = Seal([key.get_secret_value() for key in settings.session_encryption_keys])
    database = open_database(settings.resolved_database_url)
    store = SqlStore(
        database, session_timeout=settings.session_timeout, retention=settings.session_retention, clock=clock, seal=seal
    )
    journal = Journal(settings.resolved_journal_path) if settings.durability == "local" else None
    engine = SessionPersistenceEngine(
        settings.debounce_delay,
        settings.session_timeout,
        store=store,
        journal=journal,
        clock=clock,
        hybrid_clock=HybridClock(clock),
        seal=seal,
        durability=settings.durability,
    )
    accounts = Accounts(
        database,
        clock,
        session_timeout=settings.session_timeout,
        absolute_timeout=settings.session_absolute_timeout,
    )
    return Services(
        settings=settings,
        clock=clock,
        database=database,
        store=store,
        journal=journal,
        seal=seal,
        engine=engine,
        accounts=accounts,
        lease=Lease(database, clock),
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
        closing.accounts.close()
        closing.engine.close()


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
        services.accounts.close()
        services.engine.close()
