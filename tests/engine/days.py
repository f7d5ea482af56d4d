"""What one person does in a day: five tabs, a hundred edits, some of them undone."""

from __future__ import annotations

from datetime import timedelta

from core.clock import FakeClock
from core.session_persistence import SessionPersistenceEngine

TABS, EDITS, FIELDS = 5, 100, 10
_TWO_HOURS = timedelta(hours=2).total_seconds()


def spend_a_day(engine: SessionPersistenceEngine, clock: FakeClock, day: int, session_id: str = "s") -> None:
    """Open one tab after another, look at two pages in each, enter texts, undo two of them, and go on."""
    for tab in range(TABS):
        session = engine.open(session_id)
        session.attach_tab(f"{day * TABS + tab:032x}")
        for page in ("home", "order"):
            session.visit(page)
        for number in range(EDITS // TABS):
            session.set_field("order", f"field{number % FIELDS}", f"{day} {tab} {number}" + "x" * (number % 7))
            clock.advance(10)
        for _ in range(2):
            session.undo("order")
        engine.flush()
        clock.advance(_TWO_HOURS)
    clock.advance(86_400 - TABS * (_TWO_HOURS + 10 * EDITS // TABS))
