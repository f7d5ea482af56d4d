"""A form and the team's own tables are stored together or not at all, and once, whatever is killed or sent twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from core.errors import NotKeptError
from core.services import Services, build_services, use_services
from core.session import UserSession
from core.settings import PROJECT_ROOT, Settings
from core.state import forms
from core.storage.models import Base
from core.storage.submissions import Receipt, Work

PLACES = [("sqlite", "local"), ("postgresql", "local"), ("postgresql", "database")]
INSERT = text("INSERT INTO notes VALUES (:name)")

KILLED = """
import os, signal, sys
from sqlalchemy import text
from core.state import forms
from core.services import get_services

moment, key = sys.argv[1:]
services = get_services()
session = services.engine.open("s")

def work(db):
    db.execute(text("INSERT INTO notes VALUES ('Ada')"))
    if moment == "between":
        os.kill(os.getpid(), signal.SIGKILL)
    return "number 1"

def store(entries):
    services.submissions.submit(key, "f", entries, work)
    os.kill(os.getpid(), signal.SIGKILL)

services.engine.submit(session, forms.submit(session, "f", {"name": "Ada"}, clear=False), store)
"""


@pytest.fixture(params=PLACES, ids="-".join)
def settings(request: pytest.FixtureRequest, make_settings: Callable[..., Settings]) -> Settings:
    backend, durability = request.param
    if backend == "sqlite":
        return make_settings(durability=durability)
    return make_settings(durability=durability, database_url=request.getfixturevalue("postgres_url"))


@pytest.fixture
def services(settings: Settings) -> Iterator[Services]:
    built = build_services(settings)
    Base.metadata.create_all(built.database)
    with built.database.begin() as connection:
        connection.execute(text("CREATE TABLE notes (name TEXT)"))
    with use_services(built):
        yield built


def draft(services: Services) -> UserSession:
    session = services.engine.open("s")
    session.set_field("f", "name", "Ada")
    return session


def store_note(db: Session) -> str:
    db.execute(INSERT, {"name": "Ada"})
    return "number 1"


def submit(
    services: Services, session: UserSession, key: str, work: Work = store_note, *, clear: bool = False
) -> Receipt:
    changes = forms.submit(session, "f", session.form("f").values, clear=clear)
    return services.engine.submit(session, changes, lambda found: services.submissions.submit(key, "f", found, work))


def notes(services: Services) -> list[str]:
    with services.database.connect() as connection:
        return list(connection.scalars(text("SELECT name FROM notes")))


def saved(services: Services) -> dict[str, object]:
    return dict(services.engine.open("s").form("f").saved)


def test_both_are_there_and_the_draft_stays(services: Services) -> None:
    session = draft(services)
    receipt = submit(services, session, forms.submission_key(session, "f"))
    assert (receipt.result, receipt.again) == ("number 1", False)
    assert (notes(services), saved(services)) == (["Ada"], {"name": "Ada"})
    assert session.form("f").saved == {"name": "Ada"}
    assert not session.form("f").is_dirty


def test_clearing_leaves_an_empty_form(services: Services) -> None:
    session = draft(services)
    submit(services, session, forms.submission_key(session, "f"), clear=True)
    services.engine.flush()
    assert (session.form("f").values, services.engine.open("s").form("f").values) == ({}, {})


def test_sent_again_it_is_the_same_receipt_and_nothing_more(services: Services) -> None:
    session, other = draft(services), services.engine.open("s")
    key = forms.submission_key(session, "f")
    assert forms.submission_key(other, "f") == key, "tabs agree before anything was submitted"
    first = submit(services, session, key)
    assert submit(services, other, key) == Receipt(at=first.at, result="number 1", again=True)
    assert notes(services) == ["Ada"]
    assert forms.submission_key(session, "f") == forms.submission_key(other, "f") != key


def test_many_at_the_same_moment_store_once(services: Services) -> None:
    draft(services)
    tabs = [services.engine.open("s") for _ in range(6)]
    key, begin, receipts = forms.submission_key(tabs[0], "f"), threading.Barrier(len(tabs)), list[Receipt]()

    def press(tab: UserSession) -> None:
        begin.wait()
        receipts.append(submit(services, tab, key))

    threads = [threading.Thread(target=press, args=(tab,)) for tab in tabs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(receipt.again for receipt in receipts) == [False, True, True, True, True, True]
    assert {receipt.result for receipt in receipts} == {"number 1"}
    assert notes(services) == ["Ada"]


def test_if_the_team_s_code_raises_nothing_is_stored_and_the_key_is_free(services: Services) -> None:
    def fail(db: Session) -> str:
        store_note(db)
        db.commit()  # it can't end a transaction that isn't its own
        raise ValueError("no")

    session = draft(services)
    key = forms.submission_key(session, "f")
    with pytest.raises(ValueError, match="no"):
        submit(services, session, key, fail)
    assert (notes(services), saved(services), forms.submission_key(session, "f")) == ([], {}, key)
    assert services.engine.open("s").form("f").values == {"name": "Ada"}
    assert not submit(services, session, key).again


def test_a_deleted_session_writes_no_table(services: Services) -> None:
    session = draft(services)
    services.engine.purge("s")
    with pytest.raises(NotKeptError, match="deleted"):
        submit(services, session, forms.submission_key(session, "f"))
    assert notes(services) == []


@pytest.mark.parametrize("moment", ["between", "after"])
def test_a_process_killed_on_the_way_leaves_all_or_nothing_and_a_second_press_stores_it_once(
    settings: Settings, services: Services, moment: str
) -> None:
    key = forms.submission_key(draft(services), "f")
    environment = {
        **os.environ,
        "AUTH": "password",
        "DURABILITY": settings.durability,
        "DATABASE_URL": settings.resolved_database_url,
        "JOURNAL_PATH": str(settings.resolved_journal_path),
        "SECRET_KEY": settings.secret_key.get_secret_value(),
    }
    died = subprocess.run([sys.executable, "-c", KILLED, moment, key], cwd=PROJECT_ROOT, env=environment, check=False)
    assert died.returncode == -signal.SIGKILL
    assert notes(services) == ([] if moment == "between" else ["Ada"])
    assert saved(services) == ({} if moment == "between" else {"name": "Ada"})
    assert services.engine.open("s").form("f").values == {"name": "Ada"}
    assert submit(services, services.engine.open("s"), key).again == (moment == "after")
    assert (notes(services), saved(services)) == (["Ada"], {"name": "Ada"})


def test_what_nobody_can_send_again_is_forgotten(services: Services) -> None:
    session = draft(services)
    submit(services, session, forms.submission_key(session, "f"))
    assert services.submissions.forget(timedelta(days=1), 10) == 0
    assert services.submissions.forget(timedelta(seconds=-3600), 10) == 1


def test_a_connection_cut_in_the_middle_is_tried_once_more(
    postgres_url: str, make_settings: Callable[..., Settings]
) -> None:
    cut = 0

    def cut_off(db: Session) -> str:
        nonlocal cut
        cut += 1
        result = store_note(db)
        if cut == 1:
            own = db.scalar(text("SELECT pg_backend_pid()"))
            with services.database.connect() as other:
                other.execute(text("SELECT pg_terminate_backend(:own)"), {"own": own})
        return result

    services = build_services(make_settings(database_url=postgres_url))
    Base.metadata.create_all(services.database)
    with use_services(services):
        with services.database.begin() as connection:
            connection.execute(text("CREATE TABLE notes (name TEXT)"))
        session = draft(services)
        assert not submit(services, session, forms.submission_key(session, "f"), cut_off).again
        assert (cut, notes(services)) == (2, ["Ada"])
