"""Every feature of the session system, without a browser: `python demo_session_system.py`.

It works in a folder of its own that is gone afterwards, and prints what really happens.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

from core import SessionPersistenceEngine, UserSession
from core.clock import FakeClock, SystemClock
from core.errors import NotKeptError
from core.storage.database import open_database
from core.storage.journal import Journal
from core.storage.models import Base
from core.storage.sql_store import SqlStore

PROJECT = Path(__file__).parent

# What a second process does before it is killed.
VICTIM = """
import sys
from pathlib import Path
from demo_session_system import start
session = start(Path(sys.argv[1])).open("demo", "ada")
for number in range(10**9):
    session.set_field("order", "amount", number)
    print(number, flush=True)
"""


def start(folder: Path, clock: FakeClock | SystemClock | None = None) -> SessionPersistenceEngine:
    """Start an engine over the databases in `folder`, as each process of an app does."""
    clock = clock or SystemClock()
    database = open_database(f"sqlite:///{folder / 'sessions.db'}")
    Base.metadata.create_all(database)
    store = SqlStore(database, session_timeout=86400, retention=90 * 86400, clock=clock)
    return SessionPersistenceEngine(
        debounce_delay=2.0,
        session_timeout=86400,
        store=store,
        journal=Journal(folder / "journal.db"),
        clock=clock,
    )


def title(text: str) -> None:
    print(f"\n{text}\n{'-' * len(text)}")


def show_forms(session: UserSession) -> None:
    title("Forms: drafts, dirty fields, saving")
    session.set_field("order", "customer", "Ada")
    session.set_field("order", "due", date(2026, 12, 24))
    print("draft:        ", session.form("order").values)
    print("dirty fields: ", sorted(session.form("order").dirty_fields))
    session.save_form("order", {"customer": "Ada", "due": date(2026, 12, 24), "amount": 3})
    print("after saving: ", "dirty" if session.form("order").is_dirty else "clean", session.form("order").saved_at)
    session.set_errors("order", {"amount": "must be at least 5"})
    print("validation:   ", session.form("order").errors)


def show_snapshots(session: UserSession) -> None:
    title("Snapshots: going back, and back again")
    snapshot = session.create_form_snapshot("order", "Before changes")
    session.set_field("order", "customer", "Grace")
    session.restore_form_snapshot(snapshot.snapshot_id)
    print("restored:     ", session.form("order").values["customer"])
    session.undo("order")
    print("undone:       ", session.form("order").values["customer"])
    print("snapshots:    ", [s.description for s in session.form("order").snapshots])


def show_navigation(session: UserSession) -> None:
    title("Navigation: history, params, back, forward, scroll")
    session.attach_tab("tab-1")
    session.navigate_to("home")
    session.navigate_to("profile", {"user_id": "123"})
    session.go_back()
    print("after back:   ", session.current_page)
    session.go_forward()
    print("after forward:", session.current_page, session.navigation_history[-1].params)


def show_the_rest(session: UserSession) -> None:
    title("Preferences, cache keys, roles, metrics")
    session.set_preference("theme", "dark")
    print("preferences:  ", session.preferences)
    session.track_cache_key("orders:2026", ["table:orders"])
    print("invalidated:  ", session.invalidate_cache("table:orders"))
    session.roles, session.permissions = frozenset({"clerk"}), frozenset({"orders.*"})
    print(
        "may read orders / manage users:", session.has_permission("orders.read"), session.has_permission("users.manage")
    )
    metrics = session.metrics
    print(f"metrics:       {metrics.page_views} views, {metrics.interactions} interactions")


def show_refusal(session: UserSession) -> None:
    title("What can't be kept is refused by name, and the value before it is intact")
    try:
        session.set_field("order", "customer", object())
    except NotKeptError as error:
        print("refused:      ", error)
    print("still there:  ", session.form("order").values["customer"])


def show_debouncing(engine: SessionPersistenceEngine, session: UserSession) -> None:
    title("Debouncing: many edits, one transaction")
    for number in range(500):
        session.set_field("order", "amount", number)
    print("waiting in the journal:", engine.status().pending, "entries for 500 edits, each durable already")
    engine.flush()
    print("after one flush:       ", engine.status().pending)


def show_recovery(folder: Path) -> None:
    title("kill -9, and back")
    victim = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", VICTIM, str(folder)], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
    with victim:
        told = [victim.stdout.readline() for _ in range(200)] if victim.stdout else []
        victim.send_signal(signal.SIGKILL)
        acknowledged = int((told + (victim.stdout.readlines() if victim.stdout else []))[-1])
    engine = start(folder)
    recovered = engine.open("demo").form("order").values["amount"]
    engine.close()
    print(
        "last acknowledged edit:", acknowledged, "| recovered:", recovered, "| lost:", max(0, acknowledged - recovered)
    )


def show_two_tabs(folder: Path) -> None:
    title("Two tabs: different fields both stay, of the same field the later one")
    engine, elsewhere = start(folder), start(folder)
    laptop, phone = engine.open("demo"), elsewhere.open("demo")
    laptop.set_field("order", "customer", "from the laptop")
    phone.set_field("order", "note", "from the phone")
    engine.refresh(laptop)
    elsewhere.refresh(phone)
    same = laptop.form("order").values == phone.form("order").values
    print("both see both:", same, {k: laptop.form("order").values[k] for k in ("customer", "note")})
    engine.close()
    elsewhere.close()


def show_expiry(folder: Path) -> None:
    title("Expiry: a browser's session after 24 h, a person's drafts after 90 days")
    clock = FakeClock(SystemClock().now())
    engine = start(folder, clock)
    engine.open("somebody's browser").set_field("order", "customer", "?")
    engine.flush()
    clock.advance(86400 + 600)  # and some minutes, in which nobody is cut off who was just seen
    print("after a day, removed:   ", engine.cleanup())
    clock.advance(90 * 86400)
    print("after 90 days, removed: ", engine.cleanup())
    engine.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        engine = start(folder)
        session = engine.open("demo", "ada")
        show_forms(session)
        show_snapshots(session)
        show_navigation(session)
        show_the_rest(session)
        show_refusal(session)
        show_debouncing(engine, session)
        title("Serialization: a session as plain data and back")
        copy = UserSession.from_dict(session.to_dict())
        print("same state:   ", copy.form_states == session.form_states, f"({len(session.to_dict()['values'])} paths)")
        engine.close()
        show_recovery(folder)
        show_two_tabs(folder)
        show_expiry(folder)


if __name__ == "__main__":
    main()
