"""Both ways of making an edit durable: acknowledged means kept, and trouble is told from refusal."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from core.clock import FakeClock, HybridClock
from core.errors import JournalError, NotKeptError, StatementRefusedError, StoreUnavailableError
from core.storage.entry import Entry
from core.storage.envelope import Envelope
from core.storage.group_commit import GroupCommit
from core.storage.journal import Journal
from core.storage.sql_store import SqlStore
from core.storage.writer import EntryWriter
from tests.engine.conftest import sqlite_store
from tests.lab.waiting import wait_until


class FussyStore(SqlStore):
    """Away while told so, for as many calls as told; refuses one value as a database would."""

    away = 0
    answer_lost = False

    def upsert(self, entries: Sequence[Entry]) -> None:
        if self.away:
            self.away -= 1
            if self.answer_lost:
                super().upsert(entries)
            raise StoreUnavailableError("The database is away.")
        if any("poison" in (entry.value or "") for entry in entries):
            raise StatementRefusedError("The database refuses it (poison).")
        super().upsert(entries)


@pytest.fixture
def store(tmp_path: Path, clock: FakeClock) -> FussyStore:
    return sqlite_store(tmp_path, clock, kind=FussyStore)


@pytest.fixture
def behind(store: FussyStore, journal: Journal) -> EntryWriter:
    return EntryWriter(store, Envelope(), journal=journal, debounce_delay=3600)


@pytest.fixture
def hybrid(clock: FakeClock) -> HybridClock:
    return HybridClock(clock)


def entry(hybrid: HybridClock, text: str = '"1"', path: str = "p") -> Entry:
    return Envelope().seal(Entry(session_id="s", path=path, value=text, stamp=hybrid.tick()))


def stored(store: FussyStore) -> list[Entry]:
    return list(store.load("s").entries)


def test_an_edit_waits_in_the_journal_until_it_is_flushed(
    behind: EntryWriter, store: FussyStore, hybrid: HybridClock
) -> None:
    edit = entry(hybrid)
    behind.append([edit])
    assert (behind.pending("s"), stored(store), behind.status().pending) == ([edit], [], 1)
    behind.flush()
    assert (behind.pending("s"), stored(store), behind.status().pending) == ([], [edit], 0)


def test_a_flush_is_one_transaction_also_while_people_type(
    behind: EntryWriter, store: FussyStore, hybrid: HybridClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    transactions = []

    def upsert(entries: Sequence[Entry]) -> None:
        transactions.append(len(entries))
        if len(transactions) < 10:  # somebody types on
            behind.append([entry(hybrid)])
        SqlStore.upsert(store, entries)

    monkeypatch.setattr(store, "upsert", upsert)
    behind.append([entry(hybrid)])
    behind.flush()
    assert transactions == [1]
    assert len(behind.pending("s")) == 1
    assert behind.flushes.deadline is not None, "what was typed meanwhile is flushed by itself"


def test_what_the_journal_can_not_take_goes_into_the_database_at_once(
    behind: EntryWriter, journal: Journal, store: FussyStore, hybrid: HybridClock
) -> None:
    journal.close()
    edit = entry(hybrid)
    behind.append([edit])
    assert stored(store) == [edit]
    trouble = behind.status().journal_error
    assert trouble is not None
    assert "journal.db" in trouble


def test_an_edit_that_neither_can_take_is_refused(
    behind: EntryWriter, journal: Journal, store: FussyStore, hybrid: HybridClock
) -> None:
    journal.close()
    store.away = 2
    with pytest.raises(JournalError, match=r"journal\.db.*database is away"):
        behind.append([entry(hybrid)])
    assert stored(store) == []


def test_one_entry_that_the_database_refuses_is_quarantined_alone(
    behind: EntryWriter, store: FussyStore, hybrid: HybridClock
) -> None:
    edits = [entry(hybrid, '"poison"' if number == 3 else '"1"', path=f"p{number}") for number in range(8)]
    behind.append(edits)
    behind.flush()
    assert len(stored(store)) == 7
    assert [(aside.entry, "poison" in aside.reason) for aside in behind.quarantined()] == [(edits[3], True)]


def test_a_connection_that_broke_is_tried_once_more(store: FussyStore, hybrid: HybridClock) -> None:
    through = EntryWriter(store, Envelope(), journal=None)
    store.away, store.answer_lost = 1, True  # the commit happened, its answer got lost
    through.append([entry(hybrid)])
    assert len(stored(store)) == 1
    store.away, store.answer_lost = 2, False
    with pytest.raises(StoreUnavailableError):
        through.append([entry(hybrid)])
    assert (through.status().failures, through.status().last_error) == (1, "The database is away.")
    through.append([entry(hybrid)])
    assert through.status().failures == 0


def test_nobody_is_refused_for_what_another_one_wrote(store: FussyStore, hybrid: HybridClock) -> None:
    through = EntryWriter(store, Envelope(), journal=None)
    refused: list[str] = []

    def write(number: int) -> None:
        try:
            through.append([entry(hybrid, '"poison"' if number % 4 == 0 else '"1"', path=f"p{number}")])
        except NotKeptError as error:
            refused.append(error.path)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(refused) == ["p0", "p12", "p4", "p8"]
    assert len(stored(store)) == 12


def test_whoever_waits_behind_a_write_shares_the_next_one(hybrid: HybridClock) -> None:
    begun, go = threading.Event(), threading.Event()
    writes: list[int] = []

    def write(entries: Sequence[Entry]) -> None:
        writes.append(len(entries))
        begun.set()
        assert go.wait(timeout=300)

    group = GroupCommit(write)
    first = threading.Thread(target=group.append, args=([entry(hybrid)],))
    first.start()
    assert begun.wait(timeout=300)
    others = [threading.Thread(target=group.append, args=([entry(hybrid)],)) for _ in range(10)]
    for thread in others:
        thread.start()
    wait_until(lambda: group.queued == 10, "all others wait")
    go.set()
    for thread in [first, *others]:
        thread.join()
    assert writes == [1, 10]


def test_a_shutdown_does_not_wait_for_a_database_that_hangs(tmp_path: Path, clock: FakeClock) -> None:
    hangs = threading.Event()

    class HangingStore(SqlStore):
        def upsert(self, entries: Sequence[Entry]) -> None:
            assert hangs.wait(timeout=300)

    store = sqlite_store(tmp_path, clock, kind=HangingStore)
    behind = EntryWriter(store, Envelope(), journal=Journal(tmp_path / "journal.db"), debounce_delay=3600)
    edit = entry(HybridClock(clock))
    behind.append([edit])
    with pytest.raises(TimeoutError):
        behind.flushes.close(timeout=0.05)
    with closing(Journal(tmp_path / "journal.db")) as another:
        assert another.pending("s") == [edit], "what the database has not answered for stays in the journal"
    hangs.set()
    behind.close()
