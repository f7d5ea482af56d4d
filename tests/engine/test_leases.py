"""A lease is one process's at a time, and nobody's for ever."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest
from sqlalchemy import Engine

from core.clock import FakeClock
from core.settings import PROJECT_ROOT
from core.storage.leases import Lease

ASK_AT_ONCE = """
import sys
from core.clock import SystemClock
from core.storage.database import open_database
from core.storage.leases import Lease

lease = Lease(open_database(sys.argv[1]), SystemClock())
print("ready", flush=True)
sys.stdin.readline()
print(sum(lease.hold(f"work {number}", 60) for number in range(25)))
"""


def test_one_holds_a_lease_and_the_other_waits_for_its_end(database: Engine, clock: FakeClock) -> None:
    one, other = Lease(database, clock), Lease(database, clock)
    assert one.hold("cleanup", 60)
    assert not other.hold("cleanup", 60)
    assert other.hold("something else", 60)
    clock.advance(59)
    assert not other.hold("cleanup", 60)
    clock.advance(1)
    assert other.hold("cleanup", 60)
    assert not one.hold("cleanup", 60)


def test_whoever_holds_a_lease_can_prolong_it(database: Engine, clock: FakeClock) -> None:
    one, other = Lease(database, clock), Lease(database, clock)
    assert one.hold("cleanup", 60)
    clock.advance(59)
    assert one.hold("cleanup", 60)
    clock.advance(59)
    assert not other.hold("cleanup", 60)


@pytest.mark.parametrize("jump", [3600, -3600])
def test_a_lease_is_not_taken_away_by_setting_the_clock(database: Engine, clock: FakeClock, jump: float) -> None:
    one, other = Lease(database, clock), Lease(database, clock)
    assert one.hold("cleanup", 60)
    clock.jump(jump)
    assert not other.hold("cleanup", 60)


def test_of_threads_that_ask_at_once_one_gets_it(database: Engine, clock: FakeClock) -> None:
    start = threading.Barrier(8)
    got: list[bool] = []

    def ask() -> None:
        lease = Lease(database, clock)
        start.wait(30)
        got.append(lease.hold("cleanup", 60))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [False] * 7 + [True]


def test_of_processes_that_ask_at_once_one_gets_each(database: Engine, database_url: str) -> None:
    command = [sys.executable, "-c", ASK_AT_ONCE, database_url]
    pipe = subprocess.PIPE
    asking = [subprocess.Popen(command, cwd=PROJECT_ROOT, stdin=pipe, stdout=pipe, text=True) for _ in range(2)]
    for process in asking:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in asking:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    got = [int(process.communicate(timeout=60)[0]) for process in asking]
    assert sum(got) == 25
