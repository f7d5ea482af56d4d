"""Waiting for a state, with a limit that ends in a clear failure."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE_SECONDS = 300.0
"""For what has to happen sometime, however slow the machine is: after it something hangs."""
_PAUSE_SECONDS = 0.01


def wait_until(reached: Callable[[], bool], what: str, *, seconds: float = PATIENCE_SECONDS) -> float:
    """Return how many seconds it took until `reached`. Raises TimeoutError, which names `what`, after `seconds`."""
    began = time.monotonic()
    while not reached():
        if time.monotonic() - began > seconds:
            raise TimeoutError(f"Waited {seconds:g} s in vain until {what}.")
        time.sleep(_PAUSE_SECONDS)
    return time.monotonic() - began
