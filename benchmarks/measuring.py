"""Two sides that take turns, and a table of what came out beside what it should be."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

Action = Callable[[], object]

ROUNDS = 1_000


def side_by_side(*actions: Action, rounds: int = ROUNDS) -> list[float]:
    """The median seconds of each action. They take turns, so a machine that slows down slows all of them."""
    times: list[list[float]] = [[] for _ in actions]
    for _ in range(rounds):
        for took, action in zip(times, actions, strict=True):
            began = time.perf_counter()
            action()
            took.append(time.perf_counter() - began)
    return [statistics.median(took) for took in times]


def title(text: str) -> None:
    print(f"\n{text}\n{'-' * len(text)}", flush=True)


def row(name: str, measured: str, *, target: str = "", met: bool | None = None) -> None:
    """Print one line: what was measured, and if there is a target, whether it is met."""
    verdict = "" if met is None else ("met" if met else "MISSED")
    print(f"{name:<58} {measured:<38} {target:<16} {verdict}".rstrip(), flush=True)


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
