"""The journal keeps what it acknowledged, also when its process is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from core.clock import FakeClock, HybridClock
from core.errors import JournalError
from core.storage.entry import Entry
from core.storage.journal import Journal

PROJECT = Path(__file__).parent.parent

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
    assert (journal.count(), journal.quarantined()) == (0, [(poison, "refused")])


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


@pytest.mark.parametrize("acknowledgements", [1, 20, 100])
def test_nothing_acknowledged_is_lost_to_a_kill(tmp_path: Path, acknowledgements: int) -> None:
    path = tmp_path / "journal.db"
    victim = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], cwd=PROJECT, stdout=subprocess.PIPE, text=True)
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
