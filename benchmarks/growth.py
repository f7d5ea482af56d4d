"""What a session costs after a year beside a day, and the memory after many edits beside few: part of `make bench`.

The clock is moved, nobody waits. What is counted (rows, rows read) is exact on every machine.
"""

from __future__ import annotations

import gc
import logging
import statistics
import sys
import tempfile
import tracemalloc
from pathlib import Path

import structlog
from sqlalchemy import text

from benchmarks.measuring import milli, row, side_by_side, title
from benchmarks.parts import services_in
from core.clock import FakeClock
from core.services import Services
from tests.engine.days import spend_a_day

DAYS = 365
PEOPLE, FEW, MANY, EVERY = 20, 100, 1_000, 10
"""People, the edits of each after which memory is measured for the first time and for the last, and how often."""
FIELDS = 10
_NO_DISK = Path("/dev/shm")  # noqa: S108
"""Where writing waits for no disk: nobody measures that here."""


def year(folder: Path) -> None:
    """A hundred edits and five tabs a day: the session after a year beside one of a day."""
    clock = FakeClock()
    services = services_in(folder, clock=clock)
    engine = services.engine
    spend_a_day(engine, clock, 0, "day")
    for day in range(DAYS):
        spend_a_day(engine, clock, day, "year")
    engine.flush()
    rows = {name: _rows(services, name) for name in ("day", "year")}
    factor = rows["year"] / rows["day"]
    measured = f"{rows['year']} beside {rows['day']}: {factor:.2f}x"
    row(f"rows of a session after {DAYS} days beside one", measured, target="at most 2x", met=factor <= 2)
    after, first = side_by_side(lambda: engine.open("year"), lambda: engine.open("day"), rounds=300)
    measured = f"{milli(after)} beside {milli(first)}: {after / first:.2f}x"
    row("opening it", measured, target="at most 1.2x", met=after <= 1.2 * first)
    services.engine.close()


def memory(folder: Path) -> None:
    """Many people's edits in one process: what they have open, the engine and the journal."""
    clock = FakeClock()
    services = services_in(folder, clock=clock)
    sessions = [services.engine.open(f"person{number}") for number in range(PEOPLE)]
    held: list[int] = []
    tracemalloc.start()
    for number in range(1, MANY + 1):
        for session in sessions:
            session.set_field("order", f"field{number % FIELDS}", f"{number} " + "x" * (number % 37))
        clock.advance(30)
        if number % EVERY == 0:
            services.engine.flush()
        if number % EVERY == 0 and not FEW * 2 <= number < MANY - FEW:
            gc.collect()
            held.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    # A form keeps fifty edits to seventy, so that what is held goes up and down: compared are medians over a hundred.
    some = FEW // EVERY
    few, many = statistics.median(held[some : 2 * some]), statistics.median(held[-some:])
    measured = f"{many / 1e6:.2f} MB beside {few / 1e6:.2f} MB: {many / few:.2f}x"
    name = f"memory after {PEOPLE * MANY:,} edits beside {PEOPLE * FEW:,}"
    row(name, measured, target="at most 1.1x", met=many <= 1.1 * few)
    services.engine.close()


def _rows(services: Services, session_id: str) -> int:
    counted = text("SELECT count(*) FROM entries WHERE session_id = :session")
    with services.database.connect() as connection:
        return int(connection.execute(counted, {"session": session_id}).scalar_one())


def main() -> int:
    logging.disable(logging.WARNING)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory(dir=_NO_DISK if _NO_DISK.exists() else None) as made:
        title("A session of a year, and memory over many edits")
        year(Path(made) / "year")
        memory(Path(made) / "memory")
    return 0


if __name__ == "__main__":
    sys.exit(main())
