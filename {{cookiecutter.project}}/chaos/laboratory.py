"""The laboratory: for one way to be durable, benches with a database, victims, load, recovery and the check."""

from __future__ import annotations

import contextlib
import itertools
import tempfile
import time
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from sqlalchemy.engine import make_url

from chaos.checker import Violation, check
from chaos.load import Load
from chaos.nursery import Nursery, Victim
from chaos.postgres import Postgres
from chaos.records import Recorder, State
from chaos.victim import shown
from core.services import build_services
from core.settings import Settings
from core.storage.database import open_database
from core.storage.migrate import upgrade

Durability = Literal["local", "database"]
_GONE_SECONDS = 30.0


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

    def __init__(self, laboratory: Laboratory, folder: Path, *, sessions: int, purges: bool) -> None:
        self._laboratory, self.folder = laboratory, folder
        self.database_url = laboratory.new_database(folder)
        self.recorder = Recorder(folder / "history.jsonl")
        self.load = Load(self.recorder, sessions=sessions, purges=purges)
        self.failures: list[str] = []
        """What did not hold besides the values: an end that took too long, entries that stayed behind."""
        database = open_database(self.database_url)
        upgrade(database)
        database.dispose()

    def settings(self, **changes: Any) -> dict[str, Any]:
        """The settings of a victim on this bench, as plain data."""
        return {
            "title": "Laboratory",
            "environment": "development",
            "secret_key": "0" * 64,
            "database_url": self.database_url,
            "journal_path": str(self.folder / "journal.db"),
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
        sessions = {record.session for record in records if record.session} | records[0].state.keys()
        # Once from the database and what waits beside it, then after that was flushed, from the database alone.
        recovered = self._recover(sessions)
        flushed = self._recover(sessions)
        self.recorder.settle(flushed)
        violations = check(records, recovered)
        return violations + (check(records, flushed) if flushed != recovered else [])

    def close(self) -> None:
        self.recorder.close()

    def _recover(self, sessions: set[str]) -> State:
        """Read everything through services that share nothing with those of before; their end flushes."""
        settings = Settings(_env_file=None, **self.settings(debounce_delay=3600))  # type: ignore[call-arg]
        services = build_services(settings)
        try:
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
        deadline = time.monotonic() + _GONE_SECONDS
        while postgres is not None and postgres.connections(str(name)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"PostgreSQL kept a connection of a dead process for {_GONE_SECONDS:g} s.")
            time.sleep(0.005)


class Laboratory:
    """What all benches of one setup share: a folder, the nursery, and PostgreSQL where that is used."""

    def __init__(self, setup: Setup, folder: Path | None = None, postgres: Postgres | None = None) -> None:
        self.setup = setup
        self._stack = contextlib.ExitStack()
        self.folder = folder or Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        self.nursery = Nursery(self.folder / "victims.log")
        self._stack.callback(self.nursery.close)
        self.postgres: Postgres | None = None
        if setup is not Setup.SQLITE:
            self.postgres = postgres or Postgres(self.folder)
            if postgres is None:
                self._stack.callback(self.postgres.close)
        self._benches = itertools.count(1)

    @contextlib.contextmanager
    def bench(self, *, sessions: int = 20, purges: bool = True) -> Iterator[Bench]:
        """A bench with an empty database."""
        folder = self.folder / f"bench-{next(self._benches)}"
        folder.mkdir()
        bench = Bench(self, folder, sessions=sessions, purges=purges)
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

    def new_database(self, folder: Path) -> str:
        return f"sqlite:///{folder / 'sessions.db'}" if self.postgres is None else self.postgres.create_database()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
