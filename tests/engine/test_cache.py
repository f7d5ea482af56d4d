"""What is cached is computed anew when something it depends on changed, here and in other processes, and only then."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import Engine, event, insert, text, update
from sqlalchemy.exc import OperationalError
from streamlit.runtime.caching import get_data_cache_stats_provider
from streamlit.testing.v1 import AppTest

from core import cache
from core.clock import FakeClock
from core.errors import StoreUnavailableError
from core.services import Services, build_services, use_services
from core.settings import PROJECT_ROOT, Settings
from core.state import forms
from core.storage import migrate
from core.storage.database import open_database
from core.storage.versions import Versions
from tests.engine.cached_page import orders

PATIENCE_SECONDS = 60


class Process:
    """Another process with a page of its own (`cached_page.py`)."""

    def __init__(self, **settings: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from tests.engine.cached_page import main; main()"],
            cwd=PROJECT_ROOT,
            env={**os.environ, **settings},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def tell(self, command: str, value: Any = None) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([command, value]) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(PATIENCE_SECONDS)
        finally:
            self._process.kill()


@pytest.fixture
def two_processes(database_url: str, tmp_path: Path) -> Iterator[tuple[Process, Process]]:
    """Two processes over one database, each with a journal of its own, as on two machines."""
    database = open_database(database_url)
    migrate.upgrade(database)
    orders.metadata.create_all(database)
    database.dispose()
    both = [
        Process(DATABASE_URL=database_url, JOURNAL_PATH=str(tmp_path / f"{name}.db"), AUTH="none")
        for name in ("one", "other")
    ]
    yield both[0], both[1]
    for process in both:
        process.close()


def test_another_process_shows_in_its_next_run_what_changed_and_computes_nothing_else(
    two_processes: tuple[Process, Process],
) -> None:
    """One story, because a process takes seconds to start."""
    one, other = two_processes
    for process in two_processes:
        assert process.tell("run")["shown"] == {"count": 0, "notes": []}

    assert one.tell("save", "first")["shown"]["notes"] == ["first"]
    assert other.tell("run") == {"shown": {"count": 0, "notes": ["first"]}, "computed": ["notes"]}

    one.tell("order", 1)
    assert one.tell("run") == {"shown": {"count": 1, "notes": ["first"]}, "computed": ["count"]}
    assert other.tell("run") == {"shown": {"count": 1, "notes": ["first"]}, "computed": ["count"]}

    one.tell("rolled-back order", 2)
    assert one.tell("run")["computed"] == []
    assert other.tell("run")["computed"] == []

    assert one.tell("submit", 3)["shown"]["count"] == 2, "what a form's Save stores in a table of the app's own"
    assert other.tell("run")["shown"]["count"] == 2

    other.tell("invalidate", "orders:*")
    assert one.tell("run")["computed"] == ["count"]
    assert one.tell("run")["computed"] == []


# In one process


@pytest.fixture
def built(make_settings: Callable[..., Settings], database_url: str, clock: FakeClock) -> Iterator[Services]:
    """Services over each kind of database, with all tables and one of a team's own."""
    services = build_services(make_settings(auth="none", database_url=database_url), clock)
    migrate.upgrade(services.database)
    orders.metadata.create_all(services.database)
    with use_services(services):
        yield services


@pytest.fixture
def names() -> Iterator[Callable[[str], str]]:
    """Names that no other test's function has; a cached function's is given up at the end."""
    before = dict(cache._functions)
    yield lambda name: name
    cache._functions.clear()
    cache._functions.update(before)


@pytest.fixture
def versions(built: Services) -> Callable[..., str]:
    """What another process would read now of some names."""

    def read(*names: str) -> str:
        reader = Versions(built.database, built.clock)
        reader.refresh(names)
        return reader.version_of(names).partition(":")[2]

    return read


def entries_cached() -> int:
    gc.collect()
    stats = get_data_cache_stats_provider().get_stats()
    return sum(1 for family in stats.values() for stat in family if "test_cache" in stat.cache_name)


WRITES = {
    "core": lambda connection: connection.execute(insert(orders).values(number=1)),
    "many": lambda connection: connection.execute(insert(orders), [{"number": 1}, {"number": 2}]),
    "text": lambda connection: connection.execute(text("INSERT INTO orders (number) VALUES (1)")),
    "driver": lambda connection: connection.exec_driver_sql('insert into "orders" (number) values (1)'),
    "with": lambda connection: connection.execute(
        text("WITH new AS (SELECT 1 AS n) INSERT INTO orders (number) SELECT n FROM new")
    ),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_every_way_of_writing_a_table_is_noticed(
    built: Services, versions: Callable[..., str], write: Callable[[Any], object]
) -> None:
    before = versions("table:orders")
    with built.database.begin() as connection:
        write(connection)
        assert versions_in(connection, "table:orders") == before, "only the end of the transaction tells"
    assert versions("table:orders") != before


def versions_in(connection: Any, name: str) -> str:
    found = connection.execute(text("SELECT version FROM versions WHERE name = :name"), {"name": name}).scalar()
    return str(found or 0)


def test_writing_without_a_transaction_is_noticed(built: Services, versions: Callable[..., str]) -> None:
    before = versions("table:orders")
    with built.database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(insert(orders).values(number=1))
    assert versions("table:orders") != before


def test_reading_and_writing_nothing_change_no_version(built: Services, versions: Callable[..., str]) -> None:
    with built.database.begin() as connection:
        connection.execute(orders.select())
        connection.execute(update(orders).where(orders.c.number == 99).values(number=100))
        connection.execute(text("SELECT 'UPDATE orders SET number = 1'"))
    assert versions("table:orders") == "0"


def test_a_savepoint_and_the_next_transaction_of_a_connection_are_kept_apart(
    built: Services, versions: Callable[..., str]
) -> None:
    with built.database.connect() as connection:
        connection.execute(insert(orders).values(number=1))
        connection.rollback()
        connection.execute(text("SELECT 1"))
        connection.commit()
    assert versions("table:orders") == "0"


def test_a_purged_session_takes_what_was_computed_from_it_along(built: Services, versions: Callable[..., str]) -> None:
    session = built.engine.open("s")
    session.save_form("note", {"text": "a"})
    built.engine.flush()
    before = versions("form:note")
    built.engine.purge("s")
    assert before != "0"
    assert versions("form:note") != before


def test_a_form_that_is_emptied_by_being_saved_was_saved(built: Services, versions: Callable[..., str]) -> None:
    session = built.engine.open("s")
    session.set_field("note", "text", "a")
    built.engine.flush()
    before = versions("form:note")
    session.commit(forms.submit(session, "note", {"text": "a"}, clear=True))
    built.engine.flush()
    assert versions("form:note") != before == "0"


def test_only_what_is_saved_counts_as_such(built: Services, versions: Callable[..., str]) -> None:
    session = built.engine.open("s")
    session.set_field("note", "saved", "typed")
    session.create_form_snapshot("note")
    built.engine.flush()
    assert versions("form:note") == "0"


@pytest.mark.usefixtures("built")
class TestACachedFunction:
    def test_arguments_are_kept_apart_and_dropped_together(self, names: Callable[[str], str]) -> None:
        calls: list[tuple[int, object]] = []

        @cache.data(names("argued"), depends_on=["tag:a"])
        def argued(number: int, *, _unhashed: object = None) -> int:
            calls.append((number, _unhashed))
            return number

        assert [argued(1), argued(2), argued(1, _unhashed=object())] == [1, 2, 1]
        assert len(calls) == 2
        assert cache.invalidate("tag:*") == ["argued"]
        assert [argued(1), argued(2)] == [1, 2]
        assert len(calls) == 4

    def test_nothing_of_what_was_invalidated_stays_in_memory(self, names: Callable[[str], str]) -> None:
        @cache.data(names("big"))
        def big(number: int) -> bytes:
            return bytes(number)

        big(1)
        before = entries_cached()
        assert before >= 1
        for _ in range(20):
            cache.invalidate("big")
            big(1)
        assert entries_cached() == before

    def test_a_result_computed_before_a_change_is_not_taken_for_one_after_it(self, names: Callable[[str], str]) -> None:
        source, results = ["old"], list[str]()
        begun, changed = threading.Event(), threading.Event()

        @cache.data(names("slow"))
        def slow() -> str:
            found = source[0]
            begun.set()
            assert changed.wait(PATIENCE_SECONDS)
            return found

        thread = threading.Thread(target=lambda: results.append(slow()))
        thread.start()
        assert begun.wait(PATIENCE_SECONDS)
        source[0] = "new"
        cache.invalidate("slow")
        before = entries_cached()
        changed.set()
        thread.join(PATIENCE_SECONDS)

        assert results == ["old"]
        assert entries_cached() == before, "what came too late is in memory"
        assert slow() == "new"

    def test_names_are_exact_and_one_function_each(self, names: Callable[[str], str]) -> None:
        cache.data(names("one"))(lambda: 1)

        def another() -> int:
            return 2

        with pytest.raises(ValueError, match="is the name of"):
            cache.data("one")(another)
        with pytest.raises(ValueError, match="is a pattern"):
            cache.data("two", depends_on=["orders:*"])
        with pytest.raises(ValueError, match="Depend on the form"):
            cache.data("three", depends_on=["table:entries"])


PAGE = """
import streamlit as st
from core import bootstrap_session, cache
from tests.engine import cached_page

bootstrap_session()
if st.session_state.get("calls", True):
    cached_page.count()
    cached_page.notes()
    cached_page.count()
if (go := st.session_state.pop("invalidate", None)):
    cache.invalidate(go)

@st.fragment
def part():
    cached_page.count()
    st.button("again")

if st.session_state.get("fragment"):
    part()
"""


class Queries:
    """Counts how often versions are read."""

    def __init__(self, database: Engine) -> None:
        self.count = 0
        event.listen(database, "before_cursor_execute", self._heard)

    def _heard(self, _connection: object, _cursor: object, statement: str, *_: object) -> None:
        self.count += statement.startswith("SELECT versions.")

    def take(self) -> int:
        taken, self.count = self.count, 0
        return taken


class TestInARun:
    def test_the_versions_are_read_once_and_only_where_something_is_cached(self, built: Services) -> None:
        tab, queries = AppTest.from_string(PAGE), Queries(built.database)
        assert not tab.run().exception
        queries.take()
        tab.run()
        assert queries.take() == 1

        tab.session_state["calls"] = False
        tab.run()
        assert queries.take() == 0

    def test_a_fragments_run_is_a_run(self, built: Services) -> None:
        tab = AppTest.from_string(PAGE)
        tab.session_state["fragment"] = True
        assert not tab.run().exception
        queries = Queries(built.database)
        tab.button[0].click().run()
        assert queries.take() == 1

    def test_the_names_a_session_used_are_tracked_until_they_are_invalidated(self, built: Services) -> None:
        tab = AppTest.from_string(PAGE).run()
        built.engine.flush()
        session_id = built.store.headers(1)[0].session_id
        tracked = {"orders:count": ("table:orders",), "notes:all": ("form:note",)}
        assert built.engine.open(session_id).cache_keys == tracked

        tab.session_state["invalidate"] = "orders:*"
        assert not tab.run().exception
        assert built.engine.open(session_id).cache_keys == {"notes:all": ("form:note",)}


class Outage:
    """The database doesn't answer."""

    def __init__(self, database: Engine) -> None:
        self._database = database

    def _refuse(self, *_: object) -> None:
        raise OperationalError("away", None, Exception("away"))

    def __enter__(self) -> None:
        event.listen(self._database, "before_cursor_execute", self._refuse)

    def __exit__(self, *_: object) -> None:
        event.remove(self._database, "before_cursor_execute", self._refuse)


class TestWhileTheDatabaseIsAway:
    def test_what_is_cached_is_served_and_it_is_said_once(self, built: Services, names: Callable[[str], str]) -> None:
        calls: list[int] = []

        @cache.data(names("served"))
        def served() -> int:
            calls.append(1)
            return len(calls)

        assert served() == 1
        with structlog.testing.capture_logs() as logs, Outage(built.database):
            assert [served(), served()] == [1, 1]
        assert [entry["event"] for entry in logs if entry["log_level"] == "warning"] == [
            "the database is away; what is cached is served as it is"
        ]

    def test_an_invalidation_counts_here_at_once_and_elsewhere_when_it_is_back(
        self, built: Services, versions: Callable[..., str], names: Callable[[str], str]
    ) -> None:
        calls: list[int] = []

        @cache.data(names("told"))
        def told() -> int:
            calls.append(1)
            return len(calls)

        assert told() == 1
        with Outage(built.database):
            cache.invalidate("told")
            assert told() == 2
            with pytest.raises(StoreUnavailableError):
                built.versions.forget(timedelta(0), 1)
        assert versions("told") == "0"
        reader = Versions(built.database, built.clock)
        built.versions.refresh(["told"])
        reader.refresh(["told"])
        assert not reader.version_of(["told"]).endswith(":0")


class TestForgetting:
    def test_a_name_that_was_forgotten_begins_beyond_what_anybody_saw(self, built: Services, clock: FakeClock) -> None:
        clock.advance(100)
        built.versions.forget(timedelta(seconds=50), 10)  # what the roles of a new database changed
        other = Versions(built.database, built.clock)
        for _ in range(3):
            built.versions.invalidate("a")
        other.refresh(["a"])
        seen = other.version_of(["a"])
        clock.advance(100)
        assert built.versions.forget(timedelta(seconds=50), 10) == 1
        other.refresh(["a"])
        assert other.version_of(["a"]) == seen, "forgetting is no change"

        built.versions.invalidate("a")
        other.refresh(["a"])
        assert other.version_of(["a"]) != seen

    def test_what_changed_lately_is_remembered(self, built: Services, clock: FakeClock) -> None:
        built.versions.invalidate("a")
        clock.advance(10)
        assert built.versions.forget(timedelta(seconds=50), 10) == 0
