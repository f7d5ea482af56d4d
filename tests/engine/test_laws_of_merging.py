"""Merging is commutative, associative and idempotent, in every store and through the journal; so a crash costs nothing.

Everything else rests on these laws: a flush, a replay and a second replica are the same operation, may happen
twice, late or out of order, and need no lock between machines.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from core.codec import encode
from core.errors import StoreUnavailableError
from core.session import REMOVED, Change, UserSession
from core.session_persistence import SessionPersistenceEngine
from core.storage.entry import Entry, newest
from core.storage.envelope import Envelope
from core.storage.journal import Journal
from core.storage.sql_store import SqlStore
from tests.engine.conftest import SESSION_TIMEOUT, sqlite_store


def entry(session: str, path: str, moment: int) -> Entry:
    """One of the possible edits and removals. A stamp is issued once, so it always comes with the same value."""
    value = None if moment % 4 == 0 else encode(f"{session} {path} {moment}")
    return Envelope().seal(Entry(session_id=session, path=path, value=value, stamp=f"{moment:012x}0000{'a' * 12}"))


entries = st.builds(entry, st.sampled_from("st"), st.sampled_from("ab"), st.integers(1, 20))
batches = st.lists(entries, max_size=12)


@given(batches, batches, batches)
def test_merging_is_commutative_associative_and_idempotent(a: list[Entry], b: list[Entry], c: list[Entry]) -> None:
    def merge(one: Sequence[Entry], other: Sequence[Entry]) -> list[Entry]:
        return sorted(newest([*one, *other]).values(), key=lambda e: (e.session_id, e.path))

    assert merge(a, b) == merge(b, a)
    assert merge(merge(a, b), c) == merge(a, merge(b, c))
    assert merge(merge(a, b), b) == merge(a, b)


@pytest.fixture
def lasting_store(tmp_path: Path) -> SqlStore:
    """A store for many examples; each takes session ids of its own."""
    return sqlite_store(tmp_path)


_examples = itertools.count()


def contents(store: SqlStore, *sessions: str) -> dict[tuple[str, str], Entry]:
    return {(e.session_id, e.path): e for session in sessions for e in store.load(session).entries}


@settings(max_examples=40)
@given(written=st.lists(batches, max_size=4), data=st.data())
def test_a_store_ends_up_the_same_whatever_the_order_the_batches_and_the_repetitions(
    lasting_store: SqlStore, written: list[list[Entry]], data: st.DataObject
) -> None:
    example = next(_examples)
    ids = {name: f"{name}{example}" for name in "st"}
    edits = [entry(ids[e.session_id], e.path, int(e.stamp[:12], 16)) for batch in written for e in batch]
    again = st.lists(st.sampled_from(edits), max_size=5) if edits else st.just([])
    arriving = data.draw(st.permutations(edits)) + data.draw(again)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(arriving)), max_size=4)))
    for start, end in itertools.pairwise([0, *cuts, len(arriving)]):
        lasting_store.upsert(arriving[start:end])
    assert contents(lasting_store, *ids.values()) == newest(edits)


class JournalAndStore(RuleBasedStateMachine):
    """Processes that append to one journal and drain it into one store, each at its own pace, and die at any point.

    A process takes a batch from the journal, upserts it, and discards it. It may be stopped for any time between
    two of these, do the upsert twice, or never get to the next one.
    """

    taken, written = Bundle("taken"), Bundle("written")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.processes = [Journal(self.folder / "journal.db") for _ in range(2)]
        self.dead: list[Journal] = []
        self.store = sqlite_store(self.folder)
        self.acknowledged: list[Entry] = []

    @rule(process=st.integers(0, 1), edits=st.lists(entries, min_size=1, max_size=6))
    def append(self, process: int, edits: list[Entry]) -> None:
        self.processes[process].append(edits)
        self.acknowledged += edits

    @rule(target=taken, process=st.integers(0, 1), limit=st.sampled_from([1, 10]))
    def take_a_batch(self, process: int, limit: int) -> list[Entry]:
        return self.processes[process].batch(limit)

    @rule(target=written, batch=taken)
    def upsert(self, batch: list[Entry]) -> list[Entry]:
        self.store.upsert(batch)
        return batch

    @rule(process=st.integers(0, 1), batch=written)
    def discard(self, process: int, batch: list[Entry]) -> None:
        self.processes[process].discard(batch)

    @rule(process=st.integers(0, 1))
    def die_and_start_again(self, process: int) -> None:
        self.dead.append(self.processes[process])  # nobody closes what it had open
        self.processes[process] = Journal(self.folder / "journal.db")

    @invariant()
    def everything_acknowledged_is_in_one_or_the_other(self) -> None:
        waiting = [e for session in "st" for e in self.processes[0].pending(session)]
        stored = contents(self.store, "s", "t").values()
        assert newest([*stored, *waiting]) == newest(self.acknowledged)

    def teardown(self) -> None:
        while batch := self.processes[1].batch(3):
            self.store.upsert(batch)
            self.processes[0].discard(batch)
        assert contents(self.store, "s", "t") == newest(self.acknowledged)
        for process in [*self.processes, *self.dead]:
            process.close()
        shutil.rmtree(self.folder)


TestJournalAndStore = JournalAndStore.TestCase
TestJournalAndStore.settings = settings(max_examples=60, stateful_step_count=20)


class Crash(BaseException):
    """The process is gone at this very point."""


class Fuse:
    """Burns through at one of the steps of a process: after it, that process does nothing any more."""

    def __init__(self) -> None:
        self.at: str | None = None
        self.burnt = False

    def step(self, name: str) -> None:
        if self.burnt:
            raise StoreUnavailableError("A process that is gone reaches nothing.")
        if name == self.at:
            self.burnt = True
            raise Crash(name)


class FusedJournal(Journal):
    def __init__(self, path: Path, fuse: Fuse) -> None:
        super().__init__(path)
        self.fuse = fuse

    def append(self, entries: Sequence[Entry]) -> None:
        self.fuse.step("before append")
        super().append(entries)
        self.fuse.step("after append")

    def batch(self, limit: int) -> list[Entry]:
        return [] if self.fuse.burnt else super().batch(limit)

    def discard(self, entries: Sequence[Entry]) -> None:
        self.fuse.step("before discard")
        super().discard(entries)
        self.fuse.step("after discard")


class FusedStore(SqlStore):
    """One process's way to the database that all share."""

    fuse: Fuse

    def upsert(self, entries: Sequence[Entry]) -> None:
        self.fuse.step("before upsert")
        super().upsert(entries)
        self.fuse.step("after upsert")

    def merge(self, source_id: str, target_id: str) -> None:
        self.fuse.step("before merge")
        super().merge(source_id, target_id)
        self.fuse.step("after merge")


WAYS = ("local", "database")
STEPS = [f"{when} {what}" for what in ("append", "upsert", "discard") for when in ("before", "after")]
ACTIONS: dict[str, Callable[[UserSession, str, int], object]] = {
    "edit": lambda session, field, value: session.set_field("f", field, value),
    "remove": lambda session, _field, _value: session.reset_form("f"),
    "save": lambda session, field, value: session.save_form("f", {**session.form("f").values, field: value}),
    "snapshot": lambda session, field, _value: session.create_form_snapshot("f", field),
    "discard": lambda session, _field, _value: session.discard_drafts("f"),
    "undo": lambda session, _field, _value: session.undo("f"),
    "redo": lambda session, _field, _value: session.redo("f"),
}
Start = Callable[[], tuple[SessionPersistenceEngine, Fuse]]


def machine(folder: Path, durability: Literal["local", "database"]) -> Start:
    """How to start one more process, over the same journal and the same database."""

    def start() -> tuple[SessionPersistenceEngine, Fuse]:
        fuse, store = Fuse(), sqlite_store(folder, kind=FusedStore)
        store.fuse = fuse
        journal = FusedJournal(folder / "journal.db", fuse) if durability == "local" else None
        engine = SessionPersistenceEngine(3600, SESSION_TIMEOUT, store=store, journal=journal)
        return engine, fuse

    return start


def recovered(start: Start, session_id: str) -> dict[str, Any]:
    """All that a process that begins now finds of a session. It flushes nothing on its way out."""
    engine, fuse = start()
    values = engine.open(session_id).values
    fuse.burnt = True
    engine.close()
    return values


class Recording:
    """Writes what it is asked to, and notes it before."""

    def __init__(self, engine: SessionPersistenceEngine, asked: list[Change]) -> None:
        self._engine, self._asked = engine, asked

    def write(self, session: UserSession, changes: Sequence[Change]) -> Mapping[str, str]:
        self._asked += changes
        return self._engine.write(session, changes)


@pytest.mark.parametrize("durability", WAYS)
@settings(max_examples=40)
@given(
    actions=st.lists(
        st.tuples(
            st.integers(0, 1),
            st.sampled_from([*ACTIONS, "edit"]),
            st.sampled_from("abc"),
            st.integers(),
            st.booleans(),
            st.sampled_from([None, *STEPS]),
        ),
        max_size=15,
    )
)
def test_recovery_equals_the_state_after_the_last_acknowledged_change_whatever_dies_when(
    tmp_path_factory: pytest.TempPathFactory,
    durability: Literal["local", "database"],
    actions: list[tuple[int, str, str, int, bool, str | None]],
) -> None:
    start = machine(tmp_path_factory.mktemp("machine"), durability)
    processes = [start() for _ in range(2)]
    expected: dict[str, Any] = {}
    for who, action, field, value, flush, crash in actions:
        engine, fuse = processes[who]
        session = engine.open("s")
        assert session.values == expected
        asked = list[Change]()
        session.persistence = Recording(engine, asked)
        fuse.at = crash
        told = True
        try:
            ACTIONS[action](session, field, value)
            if flush:
                engine.flush()
        except Crash:
            told = session.values != expected
            engine.close()
            processes[who] = start()
        fuse.at = None
        after = {**expected, **{change.path: change.value for change in asked}}
        possible = [{path: held for path, held in after.items() if held is not REMOVED}]
        if not told:
            possible.append(expected)
        found = recovered(start, "s")
        assert found in possible
        expected = found
    for engine, _ in processes:
        engine.close()


@pytest.mark.parametrize("durability", WAYS)
@settings(max_examples=40)
@given(
    edits=st.lists(st.tuples(st.sampled_from("st"), st.sampled_from("abc"), st.booleans()), max_size=10),
    crashes=st.lists(st.sampled_from([*STEPS[:4], "before merge", "after merge"]), max_size=3),
)
def test_two_sessions_become_one_whatever_dies_when_and_nothing_is_lost(
    tmp_path_factory: pytest.TempPathFactory,
    durability: Literal["local", "database"],
    edits: list[tuple[str, str, bool]],
    crashes: list[str],
) -> None:
    start = machine(tmp_path_factory.mktemp("machine"), durability)
    engine, fuse = start()
    expected: dict[str, Any] = {}
    for value, (session, field, flush) in enumerate(edits):
        engine.open(session).set_field("f", field, value)
        expected[f"form/f/field/{field}"] = value
        if flush:
            engine.flush()
    for crash in [*crashes, None]:
        fuse.at = crash
        try:
            engine.merge_sessions("s", "t")
        except Crash:
            engine.close()
            found = {**recovered(start, "t"), **recovered(start, "s")}
            assert found.keys() >= expected.keys(), "what is not in the one yet is still in the other"
            engine, fuse = start()
        fuse.at = None
    assert {path: held for path, held in recovered(start, "t").items() if path in expected} == expected
    assert recovered(start, "s") == {}
    engine.close()
