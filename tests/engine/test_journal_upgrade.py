"""Edits that wait in a journal of the first version are kept when a newer one opens it."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from core.clock import HybridClock
from core.session_persistence import SessionPersistenceEngine
from core.storage.codec import encode
from core.storage.journal import Journal
from core.storage.memory import MemoryStore
from core.storage.sealing import Seal
from tests.engine.conftest import RETENTION, SESSION_TIMEOUT

FIRST_SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
    session_id TEXT NOT NULL, path TEXT NOT NULL, value TEXT, stamp TEXT NOT NULL, base TEXT NOT NULL,
    PRIMARY KEY (session_id, path)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS quarantine (
    session_id TEXT NOT NULL, path TEXT NOT NULL, value TEXT, stamp TEXT NOT NULL, base TEXT NOT NULL,
    reason TEXT NOT NULL, PRIMARY KEY (session_id, path, stamp)
) WITHOUT ROWID;
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal as the first version left it: edits, a removed path, a damaged value, one that was set aside."""
    path, hybrid = tmp_path / "journal.db", HybridClock()
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(FIRST_SCHEMA)
    values = {f"form/f/field/{number}": encode((number, "é")) for number in range(50)}
    for name, value in {**values, "form/f/field/gone": None}.items():
        connection.execute("INSERT INTO entry VALUES ('s', ?, ?, ?, '')", (name, value, hybrid.tick()))
    damaged = "INSERT INTO entry VALUES ('s', 'form/f/field/cut', CAST(x'7bff' AS TEXT), ?, '')"
    connection.execute(damaged, (hybrid.tick(),))
    aside = "INSERT INTO quarantine VALUES ('s', 'form/f/field/aside', '1', ?, '', 'refused')"
    connection.execute(aside, (hybrid.tick(),))
    connection.close()
    return path


def test_what_waits_is_kept_and_what_was_damaged_is_set_aside(path: Path) -> None:
    journal = Journal(path)
    store = MemoryStore(session_timeout=SESSION_TIMEOUT, retention=RETENTION)
    engine = SessionPersistenceEngine(3600, store=store, journal=journal)
    session = engine.open("s")
    assert session.form("f").values == {str(number): (number, "é") for number in range(50)}
    aside = {quarantined.entry.path: quarantined for quarantined in journal.quarantined()}
    assert set(aside) == {"form/f/field/cut", "form/f/field/aside"}
    assert aside["form/f/field/aside"].reason == "refused"
    assert Seal().open(aside["form/f/field/aside"].entry).value == "1"
    engine.flush()
    assert len(store.load("s").entries) == 51
    engine.close()


def test_opening_it_again_changes_nothing(path: Path) -> None:
    journals = [Journal(path) for _ in range(2)]
    first = journals[0].pending("s")
    assert journals[1].pending("s") == first
    assert len(first) == 52
    for journal in journals:
        journal.close()


def test_an_upgrade_that_is_interrupted_anywhere_is_as_if_it_had_not_begun(path: Path) -> None:
    class InterruptedHereError(Exception):
        pass

    left = interruptions = 0

    def count_down(_cursor: apsw.Cursor, statement: str, _bindings: object) -> bool:
        nonlocal left
        left -= 1
        if left < 0 and "ROLLBACK" not in statement:
            raise InterruptedHereError
        return True

    def trace(connection: apsw.Connection) -> None:
        connection.exec_trace = count_down

    while True:
        left = interruptions
        apsw.connection_hooks.append(trace)
        try:
            Journal(path).close()
            break
        except InterruptedHereError:
            interruptions += 1
        finally:
            apsw.connection_hooks.remove(trace)
    assert interruptions > 60
    journal = Journal(path)
    assert len(journal.pending("s")) == 52
    assert len(journal.quarantined()) == 1
    journal.close()
