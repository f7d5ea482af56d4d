"""What is done to victims: one module a fault, each with a `FAULT`.

A new fault is a new module here: `python -m tests.lab` and the tests find it by themselves.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.lab.checker import Violation
from tests.lab.laboratory import Laboratory, Setup


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a fault."""

    done: int
    """How often it was done."""
    acknowledged: int
    """How many operations were acknowledged meanwhile."""
    violations: list[Violation] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    """What else did not hold, a sentence each."""
    too_slow: list[str] = field(default_factory=list)
    """Which limits of time were not kept, a sentence each. In the short dose, beside other work, that says nothing."""
    left_out: str = ""
    """Why it could not be done on this machine."""
    figures: Mapping[str, float] = field(default_factory=dict)
    """What was measured, by name and unit: `exit at most, s`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A way to do harm, and what must hold all the same."""

    name: str
    says: str
    """What is done."""
    holds: str
    """What must hold."""
    full: int
    """How often `make chaos` does it, for each durability."""
    short: int
    """How often the tests do it."""
    run: Callable[[Laboratory, int], Result]
    setups: tuple[Setup, ...] = tuple(Setup)
    exhaustive: bool = False
    """The full dose is all there is to be done, however often that is."""
    elsewhere: str = ""
    """Why it is not done in the other setups."""
    harms_server: bool = False
    """It kills PostgreSQL itself, so it needs one of its own."""

    @property
    def times(self) -> str:
        """How often `make chaos` does it, in words: a number, or `each`."""
        return "each" if self.exhaustive else str(self.full)

    def shares(self, dose: int) -> dict[Setup, int]:
        """How often it is done in each setup. Both databases share the dose of `local`, SQLite taking most of it."""
        shares = dict.fromkeys(self.setups, dose)
        if Setup.SQLITE in shares and Setup.POSTGRES in shares:
            shares[Setup.POSTGRES] = dose // 5
            shares[Setup.SQLITE] = dose - dose // 5
        return {setup: share for setup, share in shares.items() if share}


def discover() -> dict[str, Fault]:
    """All faults, by name."""
    modules = (importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__))
    faults: list[Fault] = [module.FAULT for module in modules]
    return {fault.name: fault for fault in faults}
