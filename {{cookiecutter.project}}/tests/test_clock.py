"""Stamps order edits, whatever the wall clock does."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from core.clock import FakeClock, HybridClock, stamp_time


@given(st.lists(st.floats(min_value=-3600, max_value=3600), max_size=30))
def test_stamps_grow_however_the_clock_jumps(jumps: list[float]) -> None:
    clock = FakeClock()
    hybrid = HybridClock(clock)
    stamps = []
    for jump in jumps:
        clock.advance(jump)
        stamps.append(hybrid.tick())
    assert stamps == sorted(set(stamps))


def test_an_edit_made_after_seeing_a_value_sorts_after_it() -> None:
    ahead, behind = FakeClock(), FakeClock()
    ahead.advance(3600)
    seen = HybridClock(ahead).tick()
    mine = HybridClock(behind)
    mine.observe(seen)
    assert mine.tick() > seen


def test_two_processes_never_issue_the_same_stamp() -> None:
    clock = FakeClock()
    assert HybridClock(clock).tick() != HybridClock(clock).tick()


def test_more_edits_in_a_millisecond_than_the_counter_holds_stay_in_order() -> None:
    hybrid = HybridClock(FakeClock())
    stamps = [hybrid.tick() for _ in range(70_000)]
    assert stamps == sorted(set(stamps))


def test_a_stamp_tells_when_it_was_issued() -> None:
    clock = FakeClock()
    assert abs(stamp_time(HybridClock(clock).tick()) - clock.now()) < timedelta(milliseconds=1)
