"""One of two processes is stopped in the middle of its work, and goes on late, when the other has edited the same."""

from __future__ import annotations

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field

from tests.lab.chance import chance
from tests.lab.checker import Violation
from tests.lab.faults import Fault, Result
from tests.lab.laboratory import Bench, Laboratory
from tests.lab.load import FIELDS, FORMS, Client
from tests.lab.waiting import wait_until

_FULL, _SHORT = 100, 3
_STOP_SECONDS, _SHORT_STOP_SECONDS = (1.0, 60.0), (1.0, 3.0)
_AT_ONCE = 50
"""Pairs of processes side by side."""
_LANES = 2
_HELD_UP_SECONDS = 30.0
"""The longest that an edit may be held up by the other process's stop: a little more than all locks are waited for."""


@dataclass(slots=True)
class _Lane:
    """One session, edited in two processes by turns, each time after a look at what the other one did.

    While the first is stopped, perhaps in the middle of its turn, the second goes on without being given its own.
    """

    session: str
    pause: float
    first_client: Client
    second_client: Client
    turn: threading.Lock = field(default_factory=threading.Lock)
    first_is_busy: threading.Event = field(default_factory=threading.Event)
    first_is_stopped: threading.Event = field(default_factory=threading.Event)
    second_is_busy: threading.Lock = field(default_factory=threading.Lock)
    ended: threading.Event = field(default_factory=threading.Event)

    def work_in_first(self) -> None:
        while not self.ended.wait(chance().uniform(0, self.pause)):
            with self.turn:
                self.first_is_busy.set()
                _look_and_edit(self.first_client, self.session)
                self.first_is_busy.clear()

    def work_in_second(self) -> None:
        while not self.ended.wait(chance().uniform(0, self.pause)):
            with self.second_is_busy:
                while not (mine := self.turn.acquire(timeout=0.01)) and not self.first_is_stopped.is_set():
                    pass
                try:
                    _look_and_edit(self.second_client, self.session)
                finally:
                    if mine:
                        self.turn.release()


def _look_and_edit(client: Client, session: str) -> None:
    if client.ask("read", session=session)["ok"]:
        client.edit(session, FORMS[0], chance().choice(FIELDS[:2]))


class _Pair:
    """Two processes that serve the same sessions, and people at work in both."""

    def __init__(self, bench: Bench, stack: ExitStack, pause: float) -> None:
        self.bench = bench
        first, second = (stack.enter_context(bench.victim(channels=_LANES)) for _ in range(2))
        self._victims = (first, second)
        self.lanes = [
            _Lane(session, pause, Client(bench.recorder, one), Client(bench.recorder, other))
            for session, one, other in zip(bench.load.sessions, first.channels, second.channels, strict=True)
        ]
        self.failures: list[str] = []
        self.meanwhile = 0
        """Edits that the second process accepted while the first was stopped."""

    def stop(self, seconds: float) -> None:
        """Stop the first process in the middle of something, and let it go on after a while."""
        wait_until(chance().choice(self.lanes).first_is_busy.is_set, "the first process is at work")
        time.sleep(chance().expovariate(1 / 0.005))
        before = self._accepted()
        self._victims[0].signal(signal.SIGSTOP)
        for lane in self.lanes:
            lane.first_is_stopped.set()
        time.sleep(seconds)
        # What the second does should end before the first goes on, unless it waits for a lock of the first: what
        # overlaps may be found in either order.
        held = [lane.second_is_busy.acquire(timeout=0.5) for lane in self.lanes]
        self.meanwhile += self._accepted() - before
        for lane in self.lanes:
            lane.first_is_stopped.clear()
        self._victims[0].signal(signal.SIGCONT)
        for lane, was_held in zip(self.lanes, held, strict=True):
            if was_held:
                lane.second_is_busy.release()
        known = sum(lane.first_client.accepted["edit"] for lane in self.lanes)
        wait_until(
            lambda: sum(lane.first_client.accepted["edit"] for lane in self.lanes) > known,
            "the process that was stopped accepts edits again",
        )

    def end(self) -> list[Violation]:
        """Wait for what is left to be flushed, and check."""
        wait_until(
            lambda: not any(victim.channels[0].ask("status")["pending"] for victim in self._victims),
            "both processes have flushed",
        )
        for victim in self._victims:
            victim.kill()
        violations = self.bench.check()
        self.failures += self.bench.failures
        return violations

    def _accepted(self) -> int:
        return sum(lane.second_client.accepted["edit"] for lane in self.lanes)


def run(laboratory: Laboratory, dose: int) -> Result:
    pairs_at_once = min(dose, _AT_ONCE)
    longest = _STOP_SECONDS if dose > _SHORT else _SHORT_STOP_SECONDS
    with ExitStack() as stack:
        pairs = []
        for _ in range(pairs_at_once):
            bench = stack.enter_context(laboratory.bench(sessions=_LANES, purges=False))
            pairs.append(_Pair(bench, stack, pause=0.03 * pairs_at_once))
        _stop_all(pairs, dose, longest)
        violations = [violation for pair in pairs for violation in pair.end()]
    lanes = [lane for pair in pairs for lane in pair.lanes]
    meanwhile = sum(pair.meanwhile for pair in pairs)
    refusals = [refusal for lane in lanes for refusal in lane.second_client.refusals]
    slowest = max(lane.second_client.slowest.get("edit", 0.0) for lane in lanes)
    # Whoever is stopped in the middle of a transaction may leave the other no place to write, who is then told so.
    failures = [failure for pair in pairs for failure in pair.failures]
    late = [f"an edit in the other process took {slowest:.1f} s"] if slowest > _HELD_UP_SECONDS else []
    if not meanwhile:
        failures.append("no edit was accepted by the other process while one was stopped")
    return Result(
        done=dose,
        acknowledged=sum(pair.bench.recorder.acknowledged for pair in pairs),
        violations=violations,
        failures=failures,
        too_slow=late,
        figures={
            "stopped at most, s": longest[1],
            "edits accepted by the other process meanwhile": float(meanwhile),
            "refused meanwhile, with the reason": float(len(refusals)),
            "edit in the other process at most, s": slowest,
            "read in the other process at most, s": max(lane.second_client.slowest.get("read", 0.0) for lane in lanes),
        },
    )


def _stop_all(pairs: list[_Pair], dose: int, longest: tuple[float, float]) -> None:
    """Have people at work in all pairs, and stop one process of each, again and again until the dose is done."""
    lanes = [lane for pair in pairs for lane in pair.lanes]
    with ThreadPoolExecutor(max_workers=2 * len(lanes) + len(pairs)) as pool:
        work = [pool.submit(do) for lane in lanes for do in (lane.work_in_first, lane.work_in_second)]
        try:
            for begun in range(0, dose, len(pairs)):
                stops = [pool.submit(pair.stop, chance().uniform(*longest)) for pair in pairs[: dose - begun]]
                for stop in stops:
                    stop.result()
        finally:
            for lane in lanes:
                lane.ended.set()
        for each in work:
            each.result()


FAULT = Fault(
    name="stopped",
    says="SIGSTOP for 1-60 s (in the tests 1-3 s) of one of two processes in mid-work, then a late flush",
    holds="nothing newer overwritten; nothing acknowledged lost; the other goes on, or refuses aloud within 30 s",
    full=_FULL,
    short=_SHORT,
    run=run,
)
