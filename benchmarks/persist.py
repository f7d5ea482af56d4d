"""What keeping work costs, beside the least it could cost and beside the targets: part of `make bench`.

Everything is measured in one run on one disk, and what is compared takes turns.
"""

from __future__ import annotations

import logging
import statistics
import sys
import tempfile
import time
from pathlib import Path

from cryptography.fernet import Fernet

from benchmarks.ingress import ingress
from benchmarks.load import transactions
from benchmarks.measuring import milli, ratio, row, title
from benchmarks.parts import bare_postgresql, bare_sqlite, edit, fill, services_in
from benchmarks.warm_run import warm_run
from benchmarks.widgets import widgets
from core.services import Services
from tests.engine.writing import put
from tests.lab.postgres import Postgres

STORED = 10_000
RECOVERIES = 50


def edits(folder: Path) -> None:
    """One edit: beside a bare upsert, in a large session, among many, and encrypted."""
    one = services_in(folder / "one")
    small = one.engine.open("small")
    ratio(
        "persist of one field, beside a bare upsert (WAL, FULL)", edit(small), bare_sqlite(folder / "bare"), at_most=1.5
    )

    large = one.engine.open("large")
    fill(large)
    one.engine.flush()
    ratio(
        "in a session of 2 forms x 20 fields x 50 snapshots", edit(large), edit(one.engine.open("empty")), at_most=1.2
    )

    crowded = services_in(folder / "crowded")
    for number in range(STORED):
        put(crowded.engine, f"stored{number}", {"form/form0/field/field0": "x" * (number % 37)})
    crowded.engine.flush()
    alone = services_in(folder / "alone")
    ratio(
        f"with {STORED:,} stored sessions, beside one",
        edit(crowded.engine.open("one more")),
        edit(alone.engine.open("one")),
        at_most=1.2,
    )
    keys = [Fernet.generate_key().decode()]
    encrypted = services_in(folder / "encrypted", session_encryption_keys=keys)
    ratio("encrypted, beside plain", edit(encrypted.engine.open("s")), edit(alone.engine.open("s")))
    for services in (one, crowded, alone, encrypted):
        services.engine.close()


def recovery(folder: Path) -> None:
    """Open the large session from files nobody has open, by services that were just built."""
    services = services_in(folder)
    fill(services.engine.open("large"))
    services.engine.close()
    took = []
    for _ in range(RECOVERIES):
        services = services_in(folder)
        services.database.dispose()
        took.append(seconds_to_open(services))
        services.engine.close()
    median = statistics.median(took)
    row("cold recovery of the large session", milli(median), target="at most 10 ms", met=median <= 0.010)


def seconds_to_open(services: Services) -> float:
    began = time.perf_counter()
    session = services.engine.open("large")
    took = time.perf_counter() - began
    if len(session.form("form0").snapshots) < 50:
        raise SystemExit("The large session did not come back whole.")
    return took


def postgresql(folder: Path) -> None:
    """DURABILITY=database: each edit is committed in PostgreSQL before it is acknowledged."""
    folder.mkdir()
    server = Postgres(folder, syncs=True)
    try:
        url = server.create_database()
        services = services_in(folder / "services", database_url=url, durability="database")
        bare = bare_postgresql(server.create_database())
        name = "persist of one field, beside psycopg's upsert and commit"
        ratio(name, edit(services.engine.open("s")), bare, at_most=2)
        services.engine.close()
        warm_run(folder / "warm", at_most=0.0008, database_url=server.create_database(), durability="database")
    finally:
        server.close()


def main() -> int:
    logging.disable(logging.WARNING)  # Streamlit's, about scripts that run in no server
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL, started by root, runs as somebody else
        title("One edit, durable against power loss (SQLite and journal)")
        edits(folder)
        title("On the way in")
        ingress(folder / "ingress")
        title("Many edits")
        transactions(folder / "load")
        title("Coming back")
        recovery(folder / "recovery")
        warm_run(folder / "warm")
        title("A page")
        widgets(folder / "widgets")
        title("DURABILITY=database (PostgreSQL, no journal)")
        postgresql(folder / "postgresql")
    return 0


if __name__ == "__main__":
    sys.exit(main())
