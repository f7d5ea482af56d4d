"""A hundred people typing: how many transactions the database sees, with the writer and the debounce of every day."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from sqlalchemy import Connection, event

from benchmarks.measuring import row
from benchmarks.parts import services_in, value
from core.services import Services

SESSIONS, EDITS_A_SECOND, SECONDS, THREADS = 100, 10, 12, 10
DEBOUNCE = 2.0


class Commits:
    """Counts every commit of an engine's connections, whoever causes it."""

    def __init__(self, services: Services) -> None:
        self.count = 0
        event.listen(services.database, "commit", self._note)

    def _note(self, _connection: Connection) -> None:
        self.count += 1


def transactions(folder: Path) -> None:
    """Count commits beside edits, to the last flush; then read everything back."""
    services = services_in(folder, debounce_delay=DEBOUNCE)
    commits = Commits(services)
    last: dict[str, str] = {}
    slowest = [0.0] * THREADS

    def type_away(thread: int) -> None:
        mine = [services.engine.open(f"s{number}") for number in range(thread, SESSIONS, THREADS)]
        began = time.perf_counter()
        for turn in range(SECONDS * EDITS_A_SECOND):
            for session in mine:
                asked = time.perf_counter()
                last[session.session_id] = text = value()
                session.set_field("form0", "field0", text)
                slowest[thread] = max(slowest[thread], time.perf_counter() - asked)
            time.sleep(max(0.0, began + (turn + 1) / EDITS_A_SECOND - time.perf_counter()))

    threads = [threading.Thread(target=type_away, args=(number,)) for number in range(THREADS)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    services.engine.close()

    edits = SESSIONS * EDITS_A_SECOND * SECONDS
    again = services_in(folder)
    kept = {name: again.engine.open(name).form("form0").values["field0"] for name in last}
    again.engine.close()
    if kept != last:
        raise SystemExit("The database does not hold what was typed: the count means nothing.")
    row(
        f"{SESSIONS} sessions x {EDITS_A_SECOND} edits/s, {took:.0f} s, to the last flush",
        f"{commits.count} commits for {edits:,} edits: {1 - commits.count / edits:.2%} fewer",
        target="at least 99 %",
        met=commits.count <= edits / 100,
    )
    row("  edits a second, and the slowest edit of all", f"{edits / took:.0f}/s, {max(slowest) * 1e3:.0f} ms")
