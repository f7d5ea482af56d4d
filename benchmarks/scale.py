"""How many edits a second several servers take: 1, 2 and 3 on one PostgreSQL, behind HAProxy with sticky sessions.

    PYTHONPATH="{{cookiecutter.project}}" .venv/bin/python -m benchmarks.scale

People who are signed in have a page of ten text fields open. What they enter all together comes faster in each step,
until the time to the end of the run gets too long for one in twenty. Servers, PostgreSQL, HAProxy and people share the
machine, so more servers than it has cores for show nothing: from what an edit takes of the processors follows what
another machine has room for.
"""

from __future__ import annotations

import math
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import click
from sqlalchemy.engine import make_url

from benchmarks.crowd import APP, MAIN, spread
from benchmarks.measuring import milli, row, seconds_used, title
from benchmarks.people import People
from core.accounts.setup import seed_administrator
from core.services import build_services
from core.settings import Settings
from tests.engine.office import Office
from tests.lab.fleet import Fleet
from tests.lab.laboratory import Bench, Laboratory, Setup
from tests.lab.postgres import Postgres

REPLICAS, PAGES, LIMIT_SECONDS = (1, 2, 3), 300, 0.25
_FIRST_RATE, _HALVINGS = 10.0, 3
_STEP_SECONDS, _OPENED_A_SECOND = 5.0, 15.0
_SHORT_REPLICAS, _SHORT_PAGES, _SHORT_STEP_SECONDS = (1, 2), 20, 1.0
_COUNTED = 60
"""Edits over which queries are counted."""
_QUERIES = (b"SELECT", b"INSERT", b"UPDATE", b"DELETE", b"WITH")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What came out while so many edits a second were made."""

    rate: float
    median: float
    most: float
    """Seconds that 95 % stay below."""
    used: Sequence[float]
    """Seconds of the processors an edit: of the servers, PostgreSQL, HAProxy and the people."""


class Scale:
    """A fleet under load."""

    def __init__(self, fleet: Fleet, postgres: Postgres, people: People, *, seconds: float) -> None:
        self._fleet, self._postgres, self._people, self._seconds = fleet, postgres, people, seconds

    def step(self, rate: float) -> Step:
        """Let people enter so much for some seconds, the edits evenly spread over the time and the pages."""
        before = self._used()
        took = self._enter(round(rate * self._seconds), rate)
        used = [(after - then) / len(took) for after, then in zip(self._used(), before, strict=True)]
        median, most = spread(took)
        return Step(rate=rate, median=median, most=most, used=used)

    def highest(self) -> Step | None:
        """Return the fastest step that stays below the limit; None if already the first one doesn't."""
        best: Step | None = None
        rate, too_fast, halved = _FIRST_RATE, math.inf, 0
        while halved <= _HALVINGS:
            step = self.step(rate)
            if step.most <= LIMIT_SECONDS:
                best = step
            elif best is None:
                return None
            else:
                too_fast = rate
            if best is not None and too_fast < math.inf:
                rate, halved = math.sqrt(best.rate * too_fast), halved + 1
            else:
                rate *= 2
        return best

    def queries(self) -> tuple[float, float]:
        """Return how many queries PostgreSQL answers for an edit, and how many statements with BEGIN and the like.

        Those in the background are included.
        """
        self._postgres.configure(log_statement="all")
        self._enter(len(self._people.all), _FIRST_RATE * 2)  # every connection has heard of it then
        before = self._postgres.log.stat().st_size
        self._enter(_COUNTED, _FIRST_RATE)
        with self._postgres.log.open("rb") as log:
            log.seek(before)
            statements = re.findall(rb" LOG:  (?:execute [^:]*|statement): (\w+)", log.read())
        self._postgres.configure(log_statement="none")
        queries = [statement for statement in statements if statement.upper() in _QUERIES]
        return len(queries) / _COUNTED, len(statements) / _COUNTED

    def _enter(self, edits: int, rate: float) -> list[float]:
        who = min(edits, len(self._people.all))
        return self._people.edit(who, pause=who / rate, edits=max(1, round(edits / who)))

    def _used(self) -> tuple[float, ...]:
        servers = [server.process.pid for server in self._fleet.servers]
        everybody = servers, self._postgres.processes(), [self._fleet.balancer.process.pid]
        return (*(sum(map(seconds_used, processes)) for processes in everybody), time.process_time())


def measure(laboratory: Laboratory, bench: Bench, app: Path, replicas: int, pages: int, seconds: float) -> None:
    """Measure one fleet, and add its rows."""
    with ExitStack() as stack:
        fleet = stack.enter_context(closing(Fleet(bench, replicas, app=app)))
        services = stack.enter_context(closing(build_services(Settings(_env_file=None, **bench.settings()))))  # type: ignore[call-arg]
        seed_administrator(services.accounts, None)
        services.accounts.roles.save("member", ["home.*"])
        office = Office(services, fleet.servers[0], bench.settings())
        cookies = [
            f"{office.cookie(office.sign_in(office.person()))}; replica=r{number % replicas}" for number in range(pages)
        ]
        people = stack.enter_context(People(fleet.balancer.port, cookies, "sheet"))
        people.open(pages, within=pages / _OPENED_A_SECOND)
        scale = Scale(fleet, laboratory.server, people, seconds=seconds)
        queries = scale.queries()
        best = scale.highest()
        services.close()  # whose connections don't count
        connections = laboratory.server.connections(str(make_url(bench.database_url).database))
    name = f"{replicas} {'server' if replicas == 1 else 'servers'}"
    if best is None:
        row(f"{name}: edits a second", f"fewer than {_FIRST_RATE:g}")
    else:
        row(f"{name}: edits a second", f"{best.rate:.0f} (median {milli(best.median)}, 95 % {milli(best.most)})")
        row("  processors an edit: servers, PostgreSQL, HAProxy", ", ".join(map(milli, best.used[:3])))
        row("  and of the people themselves", milli(best.used[3]))
    row("  queries an edit, and with BEGIN and the like", f"{queries[0]:.1f}, {queries[1]:.1f}")
    row("  connections", str(connections))


@click.command()
@click.option("--short", is_flag=True, help="A minute, to see that it works: the figures say nothing.")
def main(*, short: bool) -> None:
    if sys.platform != "linux":
        raise SystemExit("This reads /proc, which only Linux has.")
    pages, seconds = (_SHORT_PAGES, _SHORT_STEP_SECONDS) if short else (PAGES, _STEP_SECONDS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "laboratory").mkdir()
        (folder / "app.py").write_text(APP, encoding="utf-8")
        shutil.copyfile(MAIN, folder / "main.py")
        with (
            closing(Postgres(folder, syncs=True)) as postgres,
            Laboratory(Setup.DATABASE, folder / "laboratory", postgres) as laboratory,
        ):
            most = f"95 % end within {LIMIT_SECONDS * 1000:g} ms"
            title(f"Several servers, {pages} open pages: edits a second of which {most}")
            for replicas in _SHORT_REPLICAS if short else REPLICAS:
                with laboratory.bench() as bench:
                    measure(laboratory, bench, folder / "app.py", replicas, pages, seconds)


if __name__ == "__main__":
    main()
