"""Nothing ends early and stamps order edits, whatever the wall clock does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.clock import Clock, FakeClock, HybridClock, SteadyClock, SystemClock, stamp_time
from core.errors import CorruptValueError

HOUR = 3600.0
HOURS = st.floats(min_value=-100 * HOUR, max_value=100 * HOUR)
GARBAGE = ["x", "0" * 27, "0" * 29, "-" + "0" * 27, "0x" + "0" * 26, "F" * 28, "f" * 28, "٣" * 28, "\udcff"]


@given(st.lists(st.floats(min_value=-3600, max_value=3600), max_size=30))
def test_stamps_grow_however_the_clock_jumps(jumps: list[float]) -> None:
    clock = FakeClock()
    hybrid = HybridClock(clock)
    stamps = []
    for jump in jumps:
        clock.jump(jump)
        stamps.append(hybrid.tick())
    assert stamps == sorted(set(stamps))


def test_stamps_grow_even_before_the_epoch() -> None:
    hybrid = HybridClock(FakeClock(datetime(1960, 1, 1, tzinfo=UTC)))
    stamps = [hybrid.tick() for _ in range(3)]
    assert stamps == sorted(set(stamps))
    assert stamp_time(stamps[0]).year == 1970


def test_an_edit_made_after_seeing_a_value_sorts_after_it() -> None:
    ahead, behind = FakeClock(), FakeClock()
    ahead.jump(HOUR)
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


@pytest.mark.parametrize("text", GARBAGE)
def test_a_text_that_is_no_stamp_is_refused_and_changes_nothing(text: str) -> None:
    clock = FakeClock()
    hybrid = HybridClock(clock)
    for use in (hybrid.observe, hybrid.tick, stamp_time):
        with pytest.raises(CorruptValueError, match="is no stamp"):
            use(text)
    assert stamp_time(hybrid.tick()) == clock.now()


@pytest.mark.parametrize("years", [1, 50, 7900])
def test_a_stamp_from_far_in_the_future_does_not_take_the_others_along(years: int) -> None:
    clock, wrong = FakeClock(), FakeClock()
    wrong.jump(years * 365 * 24 * HOUR)
    seen = HybridClock(wrong).tick()
    hybrid = HybridClock(clock)
    hybrid.observe(seen)
    assert hybrid.tick(after=seen) > seen
    assert stamp_time(hybrid.tick()) == clock.now()


def test_edits_of_a_path_whose_stamp_is_far_in_the_future_stay_in_order() -> None:
    wrong = FakeClock()
    wrong.jump(1000 * HOUR)
    seen = HybridClock(wrong).tick()
    hybrid = HybridClock(FakeClock())
    one_tab, another = hybrid.tick(after=seen), hybrid.tick(after=seen)
    assert seen < one_tab < another < hybrid.tick(after=another)


def test_the_future_is_taken_over_when_it_has_come() -> None:
    clock, wrong = FakeClock(), FakeClock()
    wrong.jump(1000 * HOUR)
    hybrid = HybridClock(clock)
    beyond = hybrid.tick(after=HybridClock(wrong).tick())
    clock.advance(990 * HOUR)
    assert hybrid.tick() > beyond


@given(st.lists(st.tuples(st.sampled_from(["here", "there"]), HOURS), min_size=1, max_size=30))
def test_edits_of_two_machines_that_saw_each_other_sort_in_the_order_made(turns: list[tuple[str, float]]) -> None:
    clocks = {"here": FakeClock(), "there": FakeClock()}
    machines = {name: HybridClock(clock) for name, clock in clocks.items()}
    stamps = [""]
    for name, jump in turns:
        clocks[name].jump(jump)
        machines[name].observe(stamps[-1])
        stamps.append(machines[name].tick(after=stamps[-1]))
    assert stamps == sorted(set(stamps))


# What ends


STEPS = st.lists(st.tuples(st.floats(min_value=0, max_value=50 * HOUR), HOURS), max_size=20)


@given(before=STEPS, during=STEPS, lifetime=st.floats(min_value=1, max_value=200 * HOUR))
@example(before=[], during=[(0, HOUR)], lifetime=HOUR)
@example(before=[(0, -HOUR)], during=[(0, HOUR)], lifetime=HOUR)
def test_nothing_ends_before_its_real_lifetime(
    before: list[tuple[float, float]], during: list[tuple[float, float]], lifetime: float
) -> None:
    clock = FakeClock()
    steady = SteadyClock(clock)

    def live_through(steps: list[tuple[float, float]]) -> None:
        for seconds, jump in steps:
            clock.advance(seconds)
            clock.jump(jump)

    live_through(before)
    began, ends = clock.monotonic(), steady.latest() + timedelta(seconds=lifetime)
    live_through(during)
    if clock.monotonic() - began < lifetime - 0.001:
        assert steady.now() < ends


def test_a_clock_nobody_touches_ends_everything_in_time() -> None:
    clock = FakeClock()
    steady = SteadyClock(clock)
    ends = steady.latest() + timedelta(seconds=HOUR)
    clock.advance(HOUR)
    assert steady.now() == ends


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_a_clock_that_is_put_right_again_ends_everything_in_time(jump: float) -> None:
    clock = FakeClock()
    steady = SteadyClock(clock)
    clock.jump(jump)
    clock.jump(-jump)
    ends = steady.latest() + timedelta(seconds=HOUR)
    clock.advance(HOUR)
    assert steady.now() == ends


def test_time_never_runs_backwards_in_tests() -> None:
    with pytest.raises(ValueError, match="jump"):
        FakeClock().advance(-1)


@pytest.mark.parametrize("clock", [SystemClock(), FakeClock()], ids=["system", "fake"])
def test_every_clock_is_aware_and_its_monotonic_reading_never_falls(clock: Clock) -> None:
    assert clock.now().tzinfo is UTC
    readings = [clock.monotonic() for _ in range(100)]
    assert readings == sorted(readings)
