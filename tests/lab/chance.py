"""Chance: whatever the laboratory leaves to it follows from one number, so that a run can be repeated.

Each thread has its own sequence. The choices repeat; how threads and processes then overtake each other does not.
"""

from __future__ import annotations

import random
import secrets
import threading


class _Chance:
    """The sequences that belong to a seed."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._lock = threading.Lock()
        self._threads = 0
        self._own = threading.local()

    def of_this_thread(self) -> random.Random:
        sequence: random.Random | None = getattr(self._own, "sequence", None)
        if sequence is None:
            with self._lock:
                self._threads += 1
                sequence = self._own.sequence = random.Random(f"{self._seed} {self._threads}")  # nosec B311
        return sequence


_current = _Chance(secrets.token_hex(8))


def begin(seed: str) -> None:
    """Let all choices from now on follow from a seed."""
    global _current
    _current = _Chance(seed)


def chance() -> random.Random:
    """Return what this thread chooses with."""
    return _current.of_this_thread()
