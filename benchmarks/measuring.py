"""Two sides that take turns, and a table of what came out beside what it should be.

Where `BENCH_REPORT` names a file, what is printed is written there, too: a section for each title, in place of the one
that an earlier run has left.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

Action = Callable[[], object]

ROUNDS = 1_000
_INTRODUCTION = """# Benchmarks

What `make bench` has measured, each figure beside its target. What is compared was measured in one run, in turns, so
that a machine with other work to do slows both sides. Two sections may be of different days and machines.
"""
_section: list[str] = []
"""The heading of the section that rows are added to, and its lines so far."""


def side_by_side(*actions: Action, rounds: int = ROUNDS) -> list[float]:
    """The median seconds of each action. They take turns, so a machine that slows down slows all of them."""
    times: list[list[float]] = [[] for _ in actions]
    for _ in range(rounds):
        for took, action in zip(times, actions, strict=True):
            began = time.perf_counter()
            action()
            took.append(time.perf_counter() - began)
    return [statistics.median(took) for took in times]


def seconds_used(process: int) -> float:
    """Return the processor time of a process so far, by its id. Linux has it in /proc."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def title(text: str) -> None:
    """Begin a section."""
    print(f"\n{text}\n{'-' * len(text)}", flush=True)
    _section[:] = [text, "", _where_and_when(), "", "| what | measured | target | |", "|---|---|---|---|"]


def row(name: str, measured: str, *, target: str = "", met: bool | None = None) -> None:
    """Print one line: what was measured, and if there is a target, whether it is met."""
    verdict = "" if met is None else ("met" if met else "MISSED")
    print(f"{name:<58} {measured:<38} {target:<16} {verdict}".rstrip(), flush=True)
    _section.append(f"| {name.strip()} | {measured} | {target} | {verdict} |")
    _report()


def ratio(name: str, one: Action, other: Action, *, at_most: float | None = None, rounds: int = ROUNDS) -> None:
    """Measure two actions side by side; the target is how many times the other's time the first may take."""
    first, second = side_by_side(one, other, rounds=rounds)
    target = "" if at_most is None else f"at most {at_most:g}x"
    met = None if at_most is None else first <= at_most * second
    row(name, f"{micro(first)} beside {micro(second)}: {first / second:.2f}x", target=target, met=met)


def micro(seconds: float) -> str:
    return f"{seconds * 1e6:.0f} µs"


def milli(seconds: float) -> str:
    return f"{seconds * 1e3:.2f} ms"


def _where_and_when() -> str:
    load = f"load {os.getloadavg()[0]:.1f} at the beginning"
    machine = f"{platform.system()} {platform.machine()}, {_processor()}{os.cpu_count()} cores"
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {machine}, {load}, Python {platform.python_version()}."


def _processor() -> str:
    """Return the name of the processor and a comma; nothing where it isn't known."""
    described = Path("/proc/cpuinfo")
    lines = described.read_text(encoding="utf-8").splitlines() if described.exists() else []
    return next((f"{line.partition(': ')[2]}, " for line in lines if line.startswith("model name")), "")


def _report() -> None:
    name = os.environ.get("BENCH_REPORT")
    if not name:
        return
    report = Path(name)
    text = report.read_text(encoding="utf-8") if report.exists() else _INTRODUCTION
    first, *sections = text.rstrip("\n").split("\n\n## ")
    by_heading = {section.partition("\n")[0]: section for section in sections}
    by_heading[_section[0]] = "\n".join(_section)
    report.write_text("\n\n## ".join([first, *by_heading.values()]) + "\n", encoding="utf-8")
