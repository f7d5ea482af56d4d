"""`manage.py doctor`: what could be wrong with this installation, and how to mend it."""

from __future__ import annotations

import fcntl
import shlex
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import apsw
import click
from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url

from core.accounts import Accounts
from core.accounts.rights import ADMINISTRATION
from core.clock import SystemClock, stamp_time
from core.command_line import python
from core.commands.checks import Finding, check_project
from core.commands.quarantine import describe
from core.errors import (
    ConfigurationError,
    CorruptValueError,
    JournalError,
    SchemaError,
    StoreDamagedError,
    StoreRefusesError,
    StoreUnavailableError,
    UnreadableValueError,
)
from core.settings import MAKE_A_KEY, Settings, get_settings
from core.storage.database import fingerprint, noted_fingerprint, open_read_only, reachable
from core.storage.entry import Quarantined
from core.storage.envelope import Envelope
from core.storage.journal import Journal
from core.storage.migrate import schema_state
from core.storage.replicas import Replicas, differences
from core.storage.sql_store import SqlStore
from core.wildcards import matches

_BACKLOG_LIMIT = timedelta(minutes=1)
_SHOWN = 20


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at everything that can be looked at from here, the cheapest first."""
    yield from check_project(settings)
    yield from _journal(settings)
    yield from _database(settings)


@click.command()
def doctor() -> None:
    """Look for trouble; each finding comes with its fix. Exit code 1 if there is any."""
    try:
        findings = examine(get_settings())
    except ConfigurationError as error:
        findings = iter([_of_setting(problem) for problem in error.problems])
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


def _of_setting(problem: str) -> Finding:
    """Return the finding for a setting that can't be used, with the command where the problem names one."""
    says, runs, command = problem.partition(" Run: ")
    remedy = "Change it in .env or in the environment; .env.example explains every setting."
    return Finding(subject="settings", says=says, fix=f"Run: {command}" if runs else remedy)


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
        remedy = database_remedy(settings.resolved_database_url, error)
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
    yield from _replicas(database, settings)
    if settings.auth != "none":
        accounts = Accounts(database, SystemClock(), session_timeout=settings.session_timeout)
        yield _administrator(accounts, settings)


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


def _replicas(database: Engine, settings: Settings) -> Iterator[Finding]:
    """Compare the servers that run now with each other."""
    subject, running = "servers", Replicas(database, SystemClock(), "").running()
    for says, fix in differences(running):
        yield Finding(subject=subject, says=says, fix=fix)
    names = ", ".join(f"{each.name} ({each.pages} open pages)" for each in running)
    yield Finding(subject=subject, says=names or "none runs now")
    if len(running) > 1 and settings.durability == "local":
        says = (
            "DURABILITY=local: a lost disk takes along what only that server's journal has, usually edits of the last "
            f"{settings.debounce_delay:g} s. DURABILITY=database has none"
        )
        yield Finding(subject=subject, says=says)


def _administrator(accounts: Accounts, settings: Settings) -> Finding:
    people = [
        user
        for user in accounts.users.all()
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


def database_remedy(address: str, error: StoreUnavailableError) -> str:
    """Return one or two sentences for the database at `address`, a resolved DATABASE_URL. They show no password."""
    url = make_url(address)
    correct = "correct DATABASE_URL in .env or the environment."
    if url.get_backend_name() == "sqlite":
        path = Path(url.database or "")
        if isinstance(error, StoreDamagedError):
            copied = path.with_name(f"{path.stem}-backup{path.suffix}")  # as docs/operations.md has it
            file, backup, folder = (shlex.quote(str(place)) for place in (path, copied, path.parent / "damaged"))
            restore = f"mkdir {folder} && mv {file}* {folder} && cp {backup} {file} && {python('manage.py migrate')}"
            return f"Stop the servers, and restore the backup (docs/operations.md). With it in {backup} run: {restore}"
        if not path.parent.is_dir():
            return f"DATABASE_URL names {path}. Run: mkdir -p {shlex.quote(str(path.parent))}, or {correct}"
        return f"DATABASE_URL names {path}. This user must be able to write it and its folder; the disk needs room."
    if isinstance(error, StoreRefusesError):
        return f"DATABASE_URL is {url}. Create what is missing there, or {correct}"
    return f"Start the database at {url.host or 'localhost'}:{url.port or 5432}, or {correct}"
