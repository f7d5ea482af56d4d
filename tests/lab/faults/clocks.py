"""Wall clocks jump by up to an hour, forward and back, while two processes work on the same sessions."""

from __future__ import annotations

import threading
from contextlib import ExitStack

from tests.lab.chance import chance
from tests.lab.faults import Fault, Result
from tests.lab.laboratory import Bench, Laboratory
from tests.lab.load import FIELDS, FORMS, Client
from tests.lab.nursery import Victim
from tests.lab.waiting import wait_until

_SESSIONS = 4
_HOUR = 3600.0
_TIMEOUT_SECONDS = 600.0
"""Much less than a jump, much more than all of this takes: whoever believes the wall clock ends everything early."""
_EDITS_BETWEEN_JUMPS = 10


def run(laboratory: Laboratory, dose: int) -> Result:
    with laboratory.bench(sessions=_SESSIONS, purges=False) as bench, ExitStack() as stack:
        # The last channel of each is for its clock and for cleaning up.
        victims = [
            stack.enter_context(bench.victim(channels=_SESSIONS + 1, session_timeout=_TIMEOUT_SECONDS))
            for _ in range(2)
        ]
        failures = _jump(bench, victims, dose)
        for victim in victims:
            victim.kill()
        violations = bench.check()
        return Result(
            done=dose,
            acknowledged=bench.recorder.acknowledged,
            violations=violations,
            failures=[*failures, *bench.failures],
            figures={"jump at most, s": _HOUR, "sessions end after, s": _TIMEOUT_SECONDS},
        )


def _jump(bench: Bench, victims: list[Victim], dose: int) -> list[str]:
    """Set one clock or the other while people are at work, and clean up after each jump. Returns what ended early."""
    ended, failures, errors = threading.Event(), list[str](), list[Exception]()
    threads = [
        threading.Thread(target=_work, args=(bench, victims, lane, ended, failures, errors))
        for lane in range(_SESSIONS)
    ]
    for session in bench.load.sessions:
        victims[0].channels[-1].ask("register", session=session)
    for thread in threads:
        thread.start()
    try:
        for number in range(dose):
            aim = bench.recorder.acknowledged + _EDITS_BETWEEN_JUMPS
            wait_until(lambda aim=aim: bench.recorder.acknowledged >= aim or bool(errors), "people edited")  # type: ignore[misc]
            seconds = chance().choice((_HOUR, -_HOUR, chance().uniform(-_HOUR, _HOUR), 0.0))
            victims[number % 2].channels[-1].ask("shift", seconds=seconds)
            failures += _ended_early(bench, victims, seconds)
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    if errors:
        raise errors[0]
    return failures


def _work(
    bench: Bench,
    victims: list[Victim],
    lane: int,
    ended: threading.Event,
    failures: list[str],
    errors: list[Exception],
) -> None:
    """Edit one session, now in one process and then in the other, each time after a look at it: the later edit wins."""
    session = bench.load.sessions[lane]
    clients = [Client(bench.recorder, victim.channels[lane]) for victim in victims]
    try:
        while not ended.wait(chance().uniform(0, 0.02)):
            one, other = (client.ask("read", session=session) for client in clients)
            if one != other:
                failures.append(f"two processes don't show the same of {session}")
            chance().choice(clients).edit(session, FORMS[0], chance().choice(FIELDS[:2]))
    except Exception as error:  # noqa: BLE001 - handed on to the thread that started this one
        errors.append(error)


def _ended_early(bench: Bench, victims: list[Victim], seconds: float) -> list[str]:
    failures = []
    for victim in victims:
        channel = victim.channels[-1]
        answer = channel.ask("cleanup")
        if answer.get("removed") != 0:
            failures.append(f"after a jump of {seconds:.0f} s, cleaning up sessions that are in use: {answer}")
        for session in bench.load.sessions:
            answer = channel.ask("come_back", session=session)
            if answer.get("standing") != "good":
                failures.append(f"after a jump of {seconds:.0f} s a browser was told {answer}")
    return failures


FAULT = Fault(
    name="clocks",
    says="clocks of two processes on the same sessions jump by up to an hour, forward and back",
    holds="the later edit of a path wins; no session and no token ends early",
    full=50,
    short=5,
    run=run,
)
