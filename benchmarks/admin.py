"""How long the pages for administrators take, with 10,000 sessions and as many browsers.

    python -m benchmarks.admin [--explain]

First what they wait for the database, then their runs as a whole. Beside it, what adding up activity by reading all
sessions takes, as it was done before there were daily totals.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event, select, update
from streamlit.testing.v1 import AppTest

from benchmarks.crowd import BROWSERS, DAYS, PEOPLE, YEAR, crowd
from benchmarks.measuring import Action, milli, row, title
from benchmarks.parts import services_in
from core.accounts import Wanted
from core.accounts.first_start import seed_administrator
from core.services import Services, use_services
from core.storage.models import EntryModel, SessionModel
from tests.lab.postgres import Postgres

ROUNDS, PER_PAGE, BATCH = 30, 20, 50
TARGET_SECONDS = 0.05
PAGE = """
import streamlit as st
from core import bootstrap_session, get_session_manager
from core.router import Router

bootstrap_session()
manager = get_session_manager()
if go := st.session_state.pop("go", None):
    manager.navigate_to(go)
Router(manager).run()
"""


def seconds(action: Action, rounds: int = ROUNDS) -> float:
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        action()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def pages(services: Services, *, explain: bool) -> None:
    """What one look at a page asks the database, each median of a few."""
    accounts, today = services.accounts, services.clock.now().date()
    held = [browser.token_hash for browser in accounts.find_browsers(Wanted(), limit=PER_PAGE)]

    def listed(offset: int = 0, **wanted: str) -> Action:
        asked = Wanted(**wanted)
        return lambda: (
            accounts.count_browsers(asked),
            accounts.find_browsers(asked, limit=PER_PAGE, offset=offset),
        )

    asked: dict[str, Action] = {
        "sessions: the first page and the count": listed(),
        "sessions: the last page": listed(BROWSERS - PER_PAGE),
        "sessions: by part of a name": listed(person="person 17"),
        "sessions: by device and page": listed(device="safari", page="intake"),
        "sessions: refreshing what is shown": lambda: (
            accounts.count_browsers(Wanted()),
            accounts.browsers(held),
        ),
        "sessions: what of them waits in the journal": lambda: services.engine.waiting_since(held),
        "metrics: a year of days": lambda: services.activity.days(today - timedelta(days=YEAR - 1)),
    }
    for name, action in asked.items():
        took = seconds(action)
        row(name, milli(took), target="at most 50 ms", met=took <= TARGET_SECONDS)
    if explain:
        for name in ("sessions: the first page and the count", "sessions: by part of a name"):
            print_plans(services.database, name, asked[name])


def adding_up(services: Services) -> None:
    """Taking everything in the first time, then what a tenth of the sessions did since, beside reading all of it."""
    began = time.perf_counter()
    batches = 0
    while services.activity.take_in(BATCH):
        batches += 1
    services.activity.add_up()
    took = time.perf_counter() - began
    row(f"activity: taking in {BROWSERS:,} sessions x {DAYS} days at first", f"{took:.1f} s in {batches} batches")

    def news() -> None:
        while services.activity.take_in(BATCH):
            pass
        services.activity.add_up()

    news_of(services, BROWSERS // 10)
    row("activity: news of a tenth of the sessions", milli(seconds(news, rounds=1)))
    news_of(services, 1)
    row("activity: news of one, as when Metrics is opened", milli(seconds(news, rounds=1)))
    row("activity: when there is nothing new", milli(seconds(news, rounds=5)))


def news_of(services: Services, sessions: int) -> None:
    """Have the first so many sessions written once more, with what they did today."""
    some = select(SessionModel.session_id).order_by(SessionModel.session_id).limit(sessions)
    today = f"metric/%/{services.clock.now():%Y-%m-%d}"
    with services.database.begin() as connection:
        ids = connection.scalars(some).all()
        changed = update(SessionModel).where(SessionModel.session_id.in_(ids))
        connection.execute(changed.values(version=SessionModel.version + 1))
        done = update(EntryModel).where(EntryModel.session_id.in_(ids), EntryModel.path.like(today))
        connection.execute(done.values(version=EntryModel.version + 1))


def runs() -> None:
    """A whole run of each page, as Streamlit's own test runner runs it."""
    for name in ("admin-sessions", "admin-metrics", "admin-health", "home"):
        page = AppTest.from_string(PAGE, default_timeout=60).run()
        page.session_state["go"] = name
        page.run()
        if page.exception:
            raise SystemExit(page.exception[0].value)
        row(f"a run of {name}", milli(seconds(page.run, rounds=10)))


def print_plans(database: Engine, name: str, action: Action) -> None:
    """Show how the database does what an action asks."""
    asked: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        asked.append((statement, parameters))

    event.listen(database, "before_cursor_execute", note)
    action()
    event.remove(database, "before_cursor_execute", note)
    prefix = "EXPLAIN QUERY PLAN" if database.dialect.name == "sqlite" else "EXPLAIN ANALYZE"
    print(f"\n  plan of {name}")
    with database.connect() as connection:
        for statement, parameters in asked:
            for line in connection.exec_driver_sql(f"{prefix} {statement}", parameters):
                print("   ", line[-1])
    print(flush=True)


def measure(folder: Path, *, explain: bool, **settings: object) -> None:
    services = services_in(folder, auth="none", **settings)
    seed_administrator(services.accounts, None)
    crowd(services)
    adding_up(services)
    pages(services, explain=explain)
    with use_services(services):  # which closes them
        runs()


def main() -> int:
    explain = "--explain" in sys.argv[1:]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL, started by root, runs as somebody else
        title(f"Administration with {BROWSERS:,} browsers of {PEOPLE} people and others (SQLite)")
        measure(folder / "sqlite", explain=explain)
        title("The same with PostgreSQL")
        (folder / "server").mkdir()
        server = Postgres(folder / "server")
        try:
            measure(folder / "postgresql", explain=explain, database_url=server.create_database())
        finally:
            server.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
