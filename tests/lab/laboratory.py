"""The laboratory: for one way to be durable, benches with a database, victims, load, recovery and the check."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import apsw
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from core.errors import KeepError
from core.services import build_services
from core.settings import PROJECT_ROOT, Settings
from core.storage.database import open_database
from core.storage.migrate import schema_state, upgrade
from tests.lab.checker import Violation, check
from tests.lab.load import Load
from tests.lab.nursery import Nursery, Victim
from tests.lab.postgres import Postgres
from tests.lab.records import Record, Recorder, State
from tests.lab.upcoming import add_engine_revision, copy_revisions
from tests.lab.victim import shown
from tests.lab.waiting import PATIENCE_SECONDS

Durability = Literal["local", "database"]
_upgrading = threading.Lock()
"""Alembic can upgrade one database of a process at a time."""


class Setup(Enum):
    """Where an edit is acknowledged, and which database it ends up in."""

    SQLITE = "local, SQLite"
    POSTGRES = "local, PostgreSQL"
    DATABASE = "database, PostgreSQL"

    @property
    def durability(self) -> Durability:
        return "database" if self is Setup.DATABASE else "local"


class Bench:
    """One database and journal, the history of what was done to them, and people who work with them."""

    def __init__(
        self, laboratory: Laboratory, folder: Path, *, sessions: int, purges: bool, empty: bool, code: Path
    ) -> None:
        self._laboratory, self.folder, self.code = laboratory, folder, code
        self.database_url = laboratory.new_database(folder, empty=empty)
        self.recorder = Recorder(folder / "history.jsonl")
        self.load = Load(self.recorder, sessions=sessions, purges=purges)
        self.failures: list[str] = []
        """What did not hold besides the values: an end that took too long, entries that stayed behind."""

    def settings(self, folder: Path | None = None, **changes: Any) -> dict[str, Any]:
        """The settings of a victim on this bench, or on the files in another folder, as plain data."""
        return {
            "title": "Laboratory",
            "environment": "development",
            "auth": "password",
            "secret_key": "0" * 64,
            "database_url": self.database_url if folder is None else f"sqlite:///{folder / 'sessions.db'}",
            "journal_path": str((folder or self.folder) / "journal.db"),
            "files_url": str((folder or self.folder) / "files"),
            "durability": self._laboratory.setup.durability,
            "debounce_delay": 0.05,
            **changes,
        }

    @contextlib.contextmanager
    def victim(self, *, channels: int = 4, variant: str = "real", **settings: Any) -> Iterator[Victim]:
        """A running victim, killed at the end of the block unless it is dead by then."""
        order = {"variant": variant, "settings": self.settings(**settings)}
        victim = self._laboratory.nursery.start(order, channels)
        try:
            yield victim
        finally:
            victim.close()

    def check(self) -> list[Violation]:
        """Recover with all victims dead, return what is wrong, and go on from what was found."""
        self._wait_for_the_dead()
        records = self.recorder.records
        recovered, flushed = self.recover(records)
        self.recorder.settle(flushed)
        return check(records, recovered) + (check(records, flushed) if flushed != recovered else [])

    def recover(self, records: Sequence[Record], folder: Path | None = None) -> tuple[State, State]:
        """Read everything through fresh services: from the database and what waits beside it, then flushed.

        With `folder`, from the files that are there instead of the bench's own.
        """
        sessions = {record.session for record in records if record.session} | records[0].state.keys()
        settings = self.settings(folder, debounce_delay=3600)
        try:
            recovered, flushed = self._read(sessions, settings), self._read(sessions, settings)
        except (KeepError, SQLAlchemyError, apsw.Error) as error:
            self.failures.append(f"no recovery: {type(error).__name__}: {error}")
            return {}, {}
        for file in sorted((folder or self.folder).glob("*.db")):
            connection = apsw.Connection(str(file))
            if (found := connection.pragma("integrity_check")) != "ok":
                self.failures.append(f"integrity check of {file.name}: {found}")
            connection.close()
        return recovered, flushed

    def close(self) -> None:
        self.recorder.close()

    def _read(self, sessions: set[str], settings: Mapping[str, Any]) -> State:
        """Read everything through services that share nothing with those of before; their end flushes."""
        services = build_services(Settings(_env_file=None, **settings))  # type: ignore[call-arg]
        try:
            if not schema_state(services.database, self.code).is_current:
                with _upgrading:
                    upgrade(services.database, self.code)  # as every start of the server does
            stored = {header.session_id for header in services.store.headers(limit=100_000)}
            found = {name: shown(services.engine.open(name)) for name in sorted(sessions | stored)}
            services.engine.flush()
            if waiting := services.engine.status().pending:
                self.failures.append(f"{waiting} entries stayed in the journal after a flush")
        finally:
            services.engine.close()
        return {name: values for name, values in found.items() if values}

    def _wait_for_the_dead(self) -> None:
        """A commit that was sent may still happen after its sender died: wait until PostgreSQL has let go."""
        postgres, name = self._laboratory.postgres, make_url(self.database_url).database
        deadline = time.monotonic() + PATIENCE_SECONDS
        while postgres is not None and postgres.connections(str(name)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"PostgreSQL kept a connection of a dead process for {PATIENCE_SECONDS:g} s.")
            time.sleep(0.005)


class Laboratory:
    """What all benches of one setup share: a folder, the nursery, and PostgreSQL where that is used.

    What it is not given, it makes and removes itself.
    """

    def __init__(
        self,
        setup: Setup,
        folder: Path | None = None,
        postgres: Postgres | None = None,
        nursery: Nursery | None = None,
    ) -> None:
        self.setup = setup
        self._stack = contextlib.ExitStack()
        self.folder = folder or Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        self.nursery = nursery or Nursery(self.folder / "victims.log")
        if nursery is None:
            self._stack.callback(self.nursery.close)
        self.postgres: Postgres | None = None
        if setup is not Setup.SQLITE:
            self.postgres = postgres or Postgres(self.folder)
            if postgres is None:
                self._stack.callback(self.postgres.close)
        self._benches = itertools.count(1)
        self._lock = threading.Lock()
        self._templates: dict[bool, str] = {}
        self._updated = copy_revisions(self.folder / "updated")
        add_engine_revision(self._updated)

    @contextlib.contextmanager
    def bench(
        self, *, sessions: int = 20, purges: bool = True, empty: bool = False, updated: bool = False
    ) -> Iterator[Bench]:
        """A bench with a database that holds the project's tables, or none, and nothing else.

        With `updated`, `migrate` and a recovery bring it to a revision of the engine that the project doesn't have yet.
        """
        folder = self.folder / f"bench-{next(self._benches)}"
        folder.mkdir()
        code = self._updated if updated else PROJECT_ROOT
        bench = Bench(self, folder, sessions=sessions, purges=purges, empty=empty, code=code)
        try:
            yield bench
        finally:
            bench.close()

    @property
    def server(self) -> Postgres:
        """The PostgreSQL of a setup that has one."""
        if self.postgres is None:
            raise LookupError(f"There is no PostgreSQL in the setup {self.setup.value!r}.")
        return self.postgres

    def new_database(self, folder: Path, *, empty: bool) -> str:
        """Make a database with the project's tables, or none, and return its address. The second one is a copy."""
        with self._lock:
            template = self._templates.get(empty) or self._make_template(empty=empty)
            self._templates[empty] = template
            if self.postgres is not None:
                return self.postgres.create_database(template=template)
        shutil.copy(template, folder / "sessions.db")
        return f"sqlite:///{folder / 'sessions.db'}"

    def _make_template(self, *, empty: bool) -> str:
        if self.postgres is None:
            template = str(self.folder / f"template{'-empty' if empty else ''}.db")
            url = f"sqlite:///{template}"
        else:
            url = self.postgres.create_database()
            template = str(make_url(url).database)
        database = open_database(url)
        if empty:
            database.connect().close()  # which makes the file of a SQLite database
        else:
            with _upgrading:
                upgrade(database)
        database.dispose()
        return template

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
