"""Negative controls: seven ways to lose data, each done on purpose, each of which the checker must notice.

Each script is played twice, with the variant that loses data and with its sound counterpart under the same
circumstances. A control that finds nothing wrong with the first, or anything with the second, proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.lab.checker import Kind, Violation
from tests.lab.faults import pairs, power
from tests.lab.faults.syscalls import OPERATIONS, append
from tests.lab.laboratory import Bench, Laboratory, Setup
from tests.lab.load import FIELDS, FORMS, Client

Script = Callable[[Bench, str], list[Violation]]
"""Plays something on a bench with a variant, and returns what the checker found."""

FORM, FIELD, OTHER_FIELD = FORMS[0], FIELDS[0], FIELDS[1]

_PAIRS = 8
"""Without the ingress nearly all are lost: both meet a run that has begun, and the page is gone before it ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """A way to lose data. `kinds` are the violations it must be noticed by, any of them."""

    name: str
    broken: str
    play: Script
    kinds: frozenset[Kind]
    sound: str = "real"
    setup: Setup = Setup.SQLITE


def killed_after_edits(bench: Bench, variant: str) -> list[Violation]:
    with bench.victim(channels=1, variant=variant) as victim:
        append(Client(bench.recorder, victim.channels[0]), bench)
        victim.kill()
    return bench.check()


def power_cut_after_edits(bench: Bench, variant: str) -> list[Violation]:
    recording = power.record(bench, OPERATIONS[0], variant)
    return power.cut(recording, len(recording.calls), "none")


def two_tabs_in_turn(bench: Bench, variant: str) -> list[Violation]:
    with bench.victim(channels=2, variant=variant) as victim:
        one, two = (Client(bench.recorder, channel) for channel in victim.channels)
        one.edit("one", FORM, FIELD)
        two.edit("one", FORM, OTHER_FIELD)
        one.edit("one", FORM, FIELD)
        two.edit("one", FORM, OTHER_FIELD)
        victim.kill()
    return bench.check()


def two_machines_in_turn(bench: Bench, variant: str) -> list[Violation]:
    """The first one flushes once more what it flushed before, after the second wrote something newer."""
    elsewhere = str(bench.folder / "elsewhere.db")
    with (
        bench.victim(channels=1, variant=variant, debounce_delay=3600) as victim,
        bench.victim(channels=1, debounce_delay=3600, journal_path=elsewhere) as other,
    ):
        here, there = Client(bench.recorder, victim.channels[0]), Client(bench.recorder, other.channels[0])
        here.edit("one", FORM, FIELD)
        here.flush()
        there.edit("one", FORM, FIELD)
        there.flush()
        here.edit("one", FORM, OTHER_FIELD)
        here.flush()
        victim.kill()
        other.kill()
    return bench.check()


def flush_that_fails(bench: Bench, variant: str) -> list[Violation]:
    with bench.victim(channels=1, variant=variant, debounce_delay=3600) as victim:
        client = Client(bench.recorder, victim.channels[0])
        client.edit("one", FORM, FIELD)
        client.flush()
        victim.kill()
    return bench.check()


CONTROLS = (
    Control(
        name="acknowledge before commit",
        broken="acknowledge before commit",
        play=killed_after_edits,
        kinds=frozenset({"lost"}),
    ),
    Control(
        name="acknowledge before commit, without a journal",
        broken="acknowledge before the database commits",
        play=killed_after_edits,
        kinds=frozenset({"lost"}),
        setup=Setup.DATABASE,
    ),
    Control(
        name="synchronous=OFF, power cut",
        broken="synchronous off",
        play=power_cut_after_edits,
        kinds=frozenset({"lost"}),
    ),
    Control(
        name="whole-session last-write-wins",
        broken="whole session",
        play=two_tabs_in_turn,
        kinds=frozenset({"stale", "lost"}),
    ),
    Control(
        name="non-idempotent replay",
        broken="flushes twice, last arrival wins",
        sound="flushes twice",
        play=two_machines_in_turn,
        kinds=frozenset({"stale"}),
    ),
    Control(
        name="debounce that pops before success",
        broken="database away once, pop before success",
        sound="database away once",
        play=flush_that_fails,
        kinds=frozenset({"lost"}),
    ),
    Control(
        name="what the widgets' callbacks keep, and nothing else",
        broken="ingress",
        sound="",
        play=lambda bench, without: pairs.play(bench, _PAIRS, without=without, fast_reruns=False, in_a_run=True),
        kinds=frozenset({"lost", "stale"}),
    ),
)


def prove(control: Control, laboratory: Laboratory) -> str | None:
    """Why the control failed, or None if the checker noticed what it must, and nothing else."""
    with laboratory.bench() as bench:
        found = {violation.kind for violation in control.play(bench, control.broken)}
    with laboratory.bench() as bench:
        false_alarms = control.play(bench, control.sound)
    if not found & control.kinds:
        return f"{control.name}: not noticed; expected {sorted(control.kinds)}, found {sorted(found) or 'nothing'}"
    if false_alarms:
        return f"{control.name}: its sound counterpart is accused: {false_alarms[0]}"
    return None
