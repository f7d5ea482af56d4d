"""`manage.py doctor`: what could be wrong with this installation, and how to mend it."""

from __future__ import annotations

import fcntl
import shutil
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import apsw
import click
import streamlit as st
from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url

from core.accounts import Accounts
from core.accounts.rights import ADMINISTRATION
from core.clock import SystemClock, stamp_time
from core.command_line import python
from core.commands import remedies
from core.commands.finding import Finding
from core.commands.folders import room, unwritable
from core.commands.pages import of_apps
from core.commands.provider import admission, description
from core.commands.quarantine import describe
from core.commands.roles import lacking, misspelt
from core.errors import (
    ConfigurationError,
    CorruptValueError,
    JournalError,
    SchemaError,
    StoreDamagedError,
    StoreUnavailableError,
    UnreadableValueError,
)
from core.scripts.manifest import differences
from core.settings import (
    MAKE_A_KEY,
    MINIMUM_SECRET_LENGTH,
    PLACEHOLDER_SECRET,
    PROJECT_ROOT,
    Settings,
    get_settings,
    misspelt_in_environment,
)
from core.storage.database import SQLITE_VERSION, WAL_IS_SAFE, fingerprint, noted_fingerprint, open_read_only, reachable
from core.storage.entry import Quarantined
from core.storage.envelope import Envelope
from core.storage.journal import Journal
from core.storage.migrate import schema_state
from core.storage.sql_store import SqlStore
from core.streamlit_compat.features import broken
from core.wildcards import matches

_BACKLOG_LIMIT = timedelta(minutes=1)
_SAFE_WAL = (3, 51, 3)
_SHOWN = 20


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at everything that can be looked at from here, the cheapest first."""
    yield Finding(subject="settings", says=f"{settings.environment}, auth={settings.auth}")
    yield from (Finding(subject="settings", says=says) for says in misspelt_in_environment())
    yield _secret(settings)
    if settings.auth == "password":
        yield _first_password(settings)
    yield _env_file()
    yield from unwritable(settings)
    yield from room(settings)
    if settings.environment == "production":
        yield _names(settings)
    if settings.auth == "oidc":
        yield description()
        yield admission(settings)
    yield from of_apps()
    yield from _engine()
    yield from _streamlit()
    yield _sqlite_of_python()
    yield _sqlite_of_journal()
    yield from _journal(settings)
    yield from _database(settings)


def _engine() -> Iterator[Finding]:
    """Name the files of the engine that are not as the template gave them."""
    found = differences(PROJECT_ROOT)
    if found is None:
        yield Finding(subject="engine", says="no core/MANIFEST, so nothing is known of changes in core/")
    elif found:
        yield Finding(subject="engine", says=f"{'; '.join(found)}. An update replaces core/ as a whole")
    else:
        yield Finding(subject="engine", says="as the template gave it")


def _streamlit() -> Iterator[Finding]:
    """Test what the engine relies on in Streamlit (see `core.streamlit_compat`)."""
    for feature, moved in broken().items():
        says = f"{st.__version__} has changed, so {feature.value} ({'; '.join(moved)})"
        yield Finding(
            subject="Streamlit", says=says, fix="Install the version in requirements.lock: rm -r .venv && make setup"
        )
    if not broken():
        yield Finding(subject="Streamlit", says=f"{st.__version__} is as the engine expects it")


@click.command()
def doctor() -> None:
    """Look for trouble; each finding comes with its fix. Exit code 1 if there is any."""
    try:
        findings = examine(get_settings())
    except ConfigurationError as error:
        findings = iter([_of_setting("settings", problem) for problem in error.problems])
    trouble = 0
    for finding in findings:
        mark = click.style("ok  ", fg="green") if finding.fix is None else click.style("FIX ", fg="red", bold=True)
        click.echo(f"{mark} {finding.subject}: {finding.says}")
        if finding.fix is not None:
            trouble += 1
            click.echo(f"     -> {finding.fix}")
    if trouble:
        click.echo(f"\n{trouble} to mend.")
        raise SystemExit(1)
    click.echo("\nAll is well.")


def _of_setting(subject: str, problem: str) -> Finding:
    """The error, with the command where it names one."""
    says, runs, command = problem.partition(" Run: ")
    remedy = "Change it in .env or in the environment; .env.example explains every setting."
    return Finding(subject=subject, says=says, fix=f"Run: {command}" if runs else remedy)


def _secret(settings: Settings) -> Finding:
    subject, secret = "secret key", settings.secret_key.get_secret_value()
    remedy = "Run: openssl rand -hex 32, and put what it prints behind SECRET_KEY= in .env"
    if secret.startswith(PLACEHOLDER_SECRET):
        return Finding(subject=subject, says="SECRET_KEY is the placeholder; anybody could forge a cookie", fix=remedy)
    if len(secret) < MINIMUM_SECRET_LENGTH:
        return Finding(
            subject=subject, says=f"SECRET_KEY is shorter than {MINIMUM_SECRET_LENGTH} characters", fix=remedy
        )
    return Finding(subject=subject, says="random and long enough")


def _first_password(settings: Settings) -> Finding:
    subject = "first password"
    if settings.admin_initial_password is not None and settings.first_password is None:
        remedy = "Set ADMIN_INITIAL_PASSWORD to a long phrase, or remove it if somebody can sign in already."
        return Finding(subject=subject, says="ADMIN_INITIAL_PASSWORD is the placeholder; it lets nobody in", fix=remedy)
    return Finding(subject=subject, says="no placeholder")


def _env_file() -> Finding:
    path = PROJECT_ROOT / ".env"
    if not path.is_file():
        return Finding(subject=".env", says="absent; the settings come from the environment")
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        return Finding(subject=".env", says=f"others may read it (mode {mode:o})", fix="Run: chmod 600 .env")
    return Finding(subject=".env", says="readable by its owner only")


def _names(settings: Settings) -> Finding:
    if settings.allowed_hosts:
        return Finding(subject="names", says=f"the server answers to {', '.join(settings.allowed_hosts)}")
    remedy = "Set ALLOWED_HOSTS to the name people reach it by, such as app.example.com."
    return Finding(subject="names", says="ALLOWED_HOSTS is empty; the server answers to no public name", fix=remedy)


def _sqlite_of_python() -> Finding:
    version = SQLITE_VERSION
    if WAL_IS_SAFE:
        return Finding(subject="SQLite of Python", says=f"{version}; a SQLite database uses its write-ahead log")
    says = f"{version} has the WAL-reset race (mended in 3.51.3); a SQLite database therefore uses a rollback journal"
    return Finding(subject="SQLite of Python", says=says)


def _sqlite_of_journal() -> Finding:
    version = apsw.sqlite_lib_version()
    if tuple(int(part) for part in version.split(".")) >= _SAFE_WAL:
        return Finding(subject="SQLite of the journal", says=f"{version}, brought by apsw")
    remedy = f"Run: {python('-m pip install --upgrade apsw')}"
    return Finding(subject="SQLite of the journal", says=f"{version} can lose a commit (WAL-reset race)", fix=remedy)


def _journal(settings: Settings) -> Iterator[Finding]:
    subject, path = "journal", settings.resolved_journal_path
    if not path.exists():
        unused = settings.durability == "database"
        yield Finding(subject=subject, says="not used" if unused else f"not begun yet ({path.name})")
        return
    try:
        with _copy(path) as copy:
            journal = Journal(copy)
            waiting, oldest, aside = journal.count(), journal.oldest_stamp(), journal.quarantined()
            journal.close()
            is_damaged = any(copy.parent.glob(f"{copy.name}.damaged-*"))
    except (JournalError, apsw.Error, OSError) as error:
        remedy = f"Check that {path} and its folder can be written by this user and that the disk has room."
        yield Finding(subject=subject, says=f"can't be opened: {error.__cause__ or error}", fix=remedy)
        return
    if is_damaged:
        remedy = (
            "Stop the servers. Whatever opens the journal next renames the file and saves what can be "
            f"read. Run: {python('manage.py quarantine list')}"
        )
        yield Finding(subject=subject, says=f"{path} is damaged; {waiting} edits can be read from it", fix=remedy)
        return
    yield from _quarantine("journal", aside)
    if waiting and settings.durability == "database":
        remedy = "Start once with DURABILITY=local and stop again: that writes them into the database."
        yield Finding(subject=subject, says=f"{waiting} edits wait, but DURABILITY=database reads none", fix=remedy)
    elif _waits_long(oldest):
        remedy = "Start the app with the database reachable; it writes the journal out by itself."
        yield Finding(subject=subject, says=f"{waiting} edits wait, the first since {_when(oldest)}", fix=remedy)
    else:
        yield Finding(subject=subject, says=f"{waiting} edits wait for the database")


@contextmanager
def _copy(path: Path) -> Iterator[Path]:
    """A copy of the journal to open: opening mends a damaged file, and here nothing is changed."""
    with TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        if _is_in_use(path):  # then copying the files would miss what is written meanwhile
            live, target = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY), apsw.Connection(str(copy))
            with closing(live), closing(target), target.backup("main", live, "main") as backup:
                backup.step()
        else:
            for ending in ("", "-wal"):
                with suppress(FileNotFoundError):
                    shutil.copyfile(f"{path}{ending}", f"{copy}{ending}")
        yield copy


def _is_in_use(path: Path) -> bool:
    """Return whether a process has the journal open."""
    try:
        with path.with_name(f"{path.name}.lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _quarantine(place: str, found: list[Quarantined]) -> Iterator[Finding]:
    export, discard = python("manage.py quarantine export"), python("manage.py quarantine discard")
    remedy = f"Look at it: {export}. Then: {discard}"
    for aside in found[:_SHOWN]:
        yield Finding(subject=f"quarantine of the {place}", says=describe(aside), fix=remedy)
    if len(found) > _SHOWN:
        more = f"{len(found) - _SHOWN} more"
        fix = f"Run: {python('manage.py quarantine list')}"
        yield Finding(subject=f"quarantine of the {place}", says=more, fix=fix)


def _waits_long(stamp: str | None) -> bool:
    try:
        return stamp is not None and datetime.now(UTC) - stamp_time(stamp) > _BACKLOG_LIMIT
    except CorruptValueError:
        return False  # damaged; the next flush quarantines it


def _when(stamp: str | None) -> str:
    return f"{stamp_time(stamp):%Y-%m-%d %H:%M} UTC" if stamp else "-"


def _database(settings: Settings) -> Iterator[Finding]:
    url = make_url(settings.resolved_database_url)
    path = Path(url.database or "")
    if url.get_backend_name() == "sqlite" and path.parent.is_dir() and not path.exists():
        remedy = f"Run: {python('manage.py migrate')}"
        yield Finding(subject="schema", says=f"there is no database yet at {path}", fix=remedy)
        return
    database = open_read_only(settings.resolved_database_url)
    try:
        with reachable():
            yield from _look_into(database, settings)
    except StoreUnavailableError as error:
        remedy = remedies.for_database(settings.resolved_database_url, error)
        if "readonly" in str(error):  # a transaction was cut off, and can't be undone without writing
            remedy = f"Whatever opens it next undoes what was cut off by a crash. Run: {python('manage.py migrate')}"
        yield Finding(subject="database", says=str(error), fix=remedy)
    finally:
        database.dispose()


def _look_into(database: Engine, settings: Settings) -> Iterator[Finding]:
    with database.connect() as connection:
        connection.execute(text("SELECT 1"))
        if database.dialect.name == "sqlite":
            damage = connection.execute(text("PRAGMA quick_check(1)")).scalar()
            if damage != "ok":
                raise StoreDamagedError(f"The database is damaged ({damage}).")
    yield Finding(subject="database", says=f"{database.dialect.name} answers")
    try:
        state = schema_state(database)
        if state.problem is not None:
            raise state.problem
    except SchemaError as error:
        yield Finding(subject="schema", says=error.says, fix=error.remedy)
        return
    at, needed = (", ".join(sorted(revisions)) or "none" for revisions in (state.at, state.heads))
    if not state.is_current:
        says = f"at revision {at}, the code needs {needed}"
        yield Finding(subject="schema", says=says, fix=f"Run: {python('manage.py migrate')}")
        return
    yield Finding(subject="schema", says=f"at revision {at}")
    yield _same_secret(database, settings)
    envelope = Envelope(settings.encryption_keys)
    store = SqlStore(
        database, session_timeout=settings.session_timeout, retention=settings.session_retention, envelope=envelope
    )
    yield from _quarantine("database", store.quarantined())
    yield _encryption(store, envelope)
    if settings.auth != "none":
        accounts = Accounts(database, SystemClock(), session_timeout=settings.session_timeout)
        yield _administrator(accounts, settings)
        roles = accounts.roles()
        yield from (Finding(subject="roles", says=says) for says in (*misspelt(roles), *lacking(roles)))


def _same_secret(database: Engine, settings: Settings) -> Finding:
    """Compare SECRET_KEY with the one that the database was prepared with."""
    subject, noted = "secret key", noted_fingerprint(database)
    if noted in (None, fingerprint(settings.secret_key.get_secret_value())):
        return Finding(subject=subject, says="the one this database knows" if noted else "noted by the next migrate")
    remedy = "Put the former SECRET_KEY back into .env. If it was replaced on purpose, run: "
    says = (
        "SECRET_KEY is another one than this database knows, so every cookie is void and everybody has to sign in again"
    )
    return Finding(subject=subject, says=says, fix=remedy + python("manage.py accept-secret-key"))


def _encryption(store: SqlStore, envelope: Envelope) -> Finding:
    """Reads stored values up to the first one that can't be read."""
    subject, stale = "encryption", False
    for entry in store.entries():
        try:
            if not envelope.is_current(entry):
                envelope.open(entry)
                stale = envelope.encrypts
        except UnreadableValueError as error:
            remedy = "Add the missing key to SESSION_ENCRYPTION_KEYS, behind the first, or update the code."
            return Finding(subject=subject, says=f"a value can't be read ({error})", fix=remedy)
        except CorruptValueError:
            continue  # quarantined as soon as its session is loaded
    if stale:
        remedy = f"Run: {python('manage.py rotate-keys')}"
        return Finding(subject=subject, says="on, but values are not under the first key", fix=remedy)
    if envelope.encrypts:
        return Finding(subject=subject, says="on; every value in the database is under the first key")
    return Finding(
        subject=subject, says=f"off; SESSION_ENCRYPTION_KEYS turns it on. A key is what this prints: {MAKE_A_KEY}"
    )


def _administrator(accounts: Accounts, settings: Settings) -> Finding:
    people = [
        user
        for user in accounts.users()
        if user.active and all(matches(user.permissions, needed) for needed in ADMINISTRATION)
    ]
    names = [(user.email or user.username) if settings.auth == "oidc" else user.username for user in people]
    if names:
        return Finding(subject="administrators", says=", ".join(names))
    remedy = (
        f"Run: {python('manage.py createuser NAME --role admin')}"
        if settings.auth == "password"
        else f"Let the person sign in once, then run: {python('manage.py setroles ADDRESS admin')}"
    )
    return Finding(subject="administrators", says="nobody may administer this project", fix=remedy)
