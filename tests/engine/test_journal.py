"""The journal keeps what it acknowledged, also when its process is killed."""

from __future__ import annotations

import contextlib
import gc
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from core.clock import FakeClock, HybridClock
from core.errors import JournalError
from core.storage.entry import Entry
from core.storage.journal import MAX_WAL_BYTES, Journal

WRITER = """
import sys
from pathlib import Path
from core.clock import HybridClock
from core.storage.entry import Entry
from core.storage.journal import Journal

journal, clock = Journal(Path(sys.argv[1])), HybridClock()
for number in range(10**9):
    journal.append([Entry(session_id="s", path=f"p{number % 50}", value=str(number), stamp=clock.tick())])
    print(number, flush=True)
"""


@pytest.fixture
def hybrid(clock: FakeClock) -> HybridClock:
    return HybridClock(clock)


def entry(hybrid: HybridClock, value: str = "1", path: str = "p") -> Entry:
    return Entry(session_id="s", path=path, value=value, stamp=hybrid.tick())


def test_the_latest_edit_of_a_path_is_pending(journal: Journal, hybrid: HybridClock) -> None:
    old, new = entry(hybrid, "1"), entry(hybrid, "2")
    journal.append([new])
    journal.append([old])
    assert journal.pending("s") == [new]


def test_an_entry_edited_after_it_was_flushed_stays(journal: Journal, hybrid: HybridClock) -> None:
    flushed, edited = entry(hybrid), entry(hybrid)
    journal.append([flushed])
    journal.append([edited])
    journal.discard([flushed])
    assert journal.pending("s") == [edited]
    journal.discard([edited])
    assert journal.count() == 0


def test_another_process_of_the_machine_sees_and_drains_the_same_entries(journal: Journal, hybrid: HybridClock) -> None:
    journal.append([entry(hybrid)])
    other = Journal(journal.path)
    other.discard(other.batch(10))
    other.close()
    assert journal.count() == 0


def test_an_entry_in_quarantine_is_kept_but_out_of_the_way(journal: Journal, hybrid: HybridClock) -> None:
    poison = entry(hybrid)
    journal.append([poison])
    journal.quarantine(poison, "refused")
    assert (journal.count(), [(q.entry, q.reason) for q in journal.quarantined()]) == (0, [(poison, "refused")])


def test_an_entry_whose_path_is_no_text_any_more_can_be_quarantined_and_its_reason_may_quote_it(
    journal: Journal, hybrid: HybridClock
) -> None:
    poison = entry(hybrid, path="form/\udce5")
    journal.append([poison])
    (found,) = journal.pending("s")
    journal.quarantine(found, f"{found.path} is damaged")
    assert journal.count() == 0
    assert [(q.entry, q.reason) for q in journal.quarantined()] == [(poison, "form/\\udce5 is damaged")]


def test_threads_that_write_at_once_all_get_their_entries_kept(journal: Journal, hybrid: HybridClock) -> None:
    def write(number: int) -> None:
        for count in range(20):
            journal.append([entry(hybrid, path=f"{number}/{count}")])

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert journal.count() == 160


def test_a_journal_that_cannot_be_written_says_so_and_acknowledges_nothing(
    journal: Journal, hybrid: HybridClock
) -> None:
    journal.close()
    with pytest.raises(JournalError, match=r"journal\.db"):
        journal.append([entry(hybrid)])


@contextlib.contextmanager
def pinned(journal: Journal) -> Iterator[Path]:
    """Somebody reads the journal and never ends. Yields the log, which can't be emptied meanwhile."""
    with contextlib.closing(apsw.Connection(str(journal.path))) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM entry").fetchall()
        yield journal.path.with_name("journal.db-wal")
        reader.execute("ROLLBACK")


@pytest.mark.parametrize("paths", [8, 1000], ids=["little waits", "much waits and is removed when it is stored"])
def test_the_log_stays_in_bounds_while_a_process_pins_it_and_is_emptied_when_it_is_gone(
    journal: Journal, hybrid: HybridClock, paths: int
) -> None:
    def write_until_refused() -> None:
        for number in range(1000):
            journal.append([entry(hybrid, secrets.token_hex(125_000), path=f"p{number % paths}")])

    journal.append([entry(hybrid)])
    with pinned(journal) as log:
        with pytest.raises(JournalError, match="wal is full"):
            write_until_refused()
        with contextlib.suppress(JournalError):
            journal.discard(journal.batch(1000))
        assert MAX_WAL_BYTES // 2 < log.stat().st_size <= MAX_WAL_BYTES
        with pytest.raises(JournalError, match="full"):
            journal.append([entry(hybrid, secrets.token_hex(125_000))])
    with contextlib.closing(Journal(journal.path)) as other:  # another process, for whom no pause has begun
        other.append([entry(hybrid, secrets.token_hex(125_000))])
    journal.append([entry(hybrid)])
    assert log.stat().st_size < MAX_WAL_BYTES // 2


LARGE = "x" * 250_000


def many(hybrid: HybridClock, session: str, count: int) -> list[Entry]:
    return [replace(entry(hybrid, LARGE, path=f"p{number}"), session_id=session) for number in range(count)]


def test_no_crowd_takes_the_log_past_its_bound_and_whoever_is_told_so_is_kept(
    journal: Journal, hybrid: HybridClock
) -> None:
    kept: list[str] = []
    at_once = threading.Barrier(40)

    def write(session: str) -> None:
        at_once.wait()
        with contextlib.suppress(JournalError):
            journal.append(many(hybrid, session, 8))
            kept.append(session)

    threads = [threading.Thread(target=write, args=(f"s{number}",)) for number in range(40)]
    with pinned(journal) as log:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert log.stat().st_size <= MAX_WAL_BYTES
    assert 0 < len(kept) < len(threads)
    assert {f"s{number}": len(journal.pending(f"s{number}")) for number in range(40)} == {
        f"s{number}": 8 if f"s{number}" in kept else 0 for number in range(40)
    }


def test_nothing_that_is_done_to_much_takes_the_log_past_its_bound(journal: Journal, hybrid: HybridClock) -> None:
    (poison,) = many(hybrid, "t", 1)
    journal.append([poison])

    works: tuple[Callable[[], object], ...] = (
        lambda: journal.append(many(hybrid, "s", 70)),
        *[lambda number=number: journal.append(many(hybrid, f"other {number}", 8)) for number in range(10)],
        *[lambda number=number: journal.discard(journal.pending(f"other {number}")) for number in range(10)],
        lambda: journal.discard_session("s"),
        lambda: journal.quarantine(poison, "refused"),
        journal.compact,
    )
    with pinned(journal) as log:
        for work in works:
            with contextlib.suppress(JournalError):
                work()
            assert log.stat().st_size <= MAX_WAL_BYTES
        assert journal.pending("s"), "there was no room to remove all that"
    journal.discard_session("s")
    journal.quarantine(poison, "refused")
    journal.compact()
    assert (journal.count(), log.stat().st_size) == (0, 0)


def test_an_edit_does_not_wait_for_ever_for_a_process_that_was_stopped_in_a_commit(
    journal: Journal, hybrid: HybridClock
) -> None:
    with contextlib.closing(apsw.Connection(str(journal.path))) as stopped:
        stopped.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalError, match="locked"):
            journal.append([entry(hybrid)])
    journal.append([entry(hybrid)])


class TestDamagedFile:
    """A file that SQLite can't read is renamed by the first process to open it, and what is readable is saved."""

    @pytest.fixture
    def path(self, tmp_path: Path, hybrid: HybridClock) -> Path:
        journal = Journal(tmp_path / "journal.db")
        journal.append([entry(hybrid, "x" * 3000 + str(number), path=f"p{number:03}") for number in range(100)])
        journal.close()
        return journal.path

    def damage(self, path: Path) -> None:
        with path.open("r+b") as file:
            file.seek(path.stat().st_size // 2)
            file.write(b"\xff" * 20_000)

    def test_what_is_readable_is_saved_and_the_file_is_kept(self, path: Path, hybrid: HybridClock) -> None:
        self.damage(path)
        damaged = path.read_bytes()
        mended = Journal(path)
        assert 50 < mended.count() < 100
        assert {e.value for e in mended.pending("s")} <= {"x" * 3000 + str(number) for number in range(100)}
        mended.append([entry(hybrid, path="after")])
        mended.close()
        assert [file.read_bytes() for file in path.parent.glob("journal.db.damaged-*")] == [damaged]

    @pytest.mark.parametrize(("name", "damaged"), [("value", "walue"), ("entry", "antry")])
    def test_what_is_readable_is_saved_when_a_name_in_the_file_is_damaged(
        self, path: Path, hybrid: HybridClock, name: str, damaged: str
    ) -> None:
        """SQLite's own check calls such a file sound."""
        with contextlib.closing(Journal(path)) as journal:
            kept = journal.pending("s")
            assert kept
        path.write_bytes(path.read_bytes().replace(name.encode(), damaged.encode()))
        with contextlib.closing(Journal(path)) as journal:
            assert journal.pending("s") == kept
        assert list(path.parent.glob("journal.db.damaged-*"))

    def test_something_that_is_no_database_is_quarantined(self, path: Path, hybrid: HybridClock) -> None:
        path.write_bytes(b"no database at all" * 1000)
        mended = Journal(path)
        mended.append([entry(hybrid)])
        assert mended.count() == 1
        mended.close()

    def test_a_file_in_use_is_not_taken_away_from_its_user(self, path: Path, hybrid: HybridClock) -> None:
        user = Journal(path)
        user.append([entry(hybrid, path="first")])
        self.damage(path)
        other = Journal(path)
        other.close()
        user.close()
        assert list(path.parent.glob("journal.db.damaged-*")) == []

    @pytest.mark.parametrize("renames", [0, 1, 2])
    def test_a_crash_while_mending_loses_nothing_that_was_readable(
        self, path: Path, monkeypatch: pytest.MonkeyPatch, renames: int
    ) -> None:
        self.damage(path)
        left = renames
        rename = Path.rename

        def crash(self: Path, target: Path) -> Path:
            nonlocal left
            if left == 0:
                raise KeyboardInterrupt
            left -= 1
            return rename(self, target)

        monkeypatch.setattr(Path, "rename", crash)
        with pytest.raises(KeyboardInterrupt):
            Journal(path)
        monkeypatch.undo()
        gc.collect()  # the process that crashed would have let go of its lock
        mended = Journal(path)
        assert 50 < mended.count() < 100
        mended.close()


@pytest.mark.parametrize("acknowledgements", [1, 20, 100])
def test_nothing_acknowledged_is_lost_to_a_kill(tmp_path: Path, acknowledgements: int) -> None:
    path = tmp_path / "journal.db"
    victim = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    assert victim.stdout is not None
    for _ in range(acknowledgements):
        last = int(victim.stdout.readline())
    victim.send_signal(signal.SIGKILL)
    last = max([last, *(int(line) for line in victim.stdout.read().split("\n")[:-1])])
    victim.wait()
    survivor = Journal(path)
    kept = {int(e.value) for e in survivor.pending("s") if e.value is not None}
    survivor.close()
    acknowledged = range(max(0, last - 49), last + 1)
    assert [n for n in acknowledged if n not in kept and n + 50 not in kept] == [], "acknowledged and lost"
    assert max(kept) <= last + 1, "only the edit that was under way may be there unacknowledged"
