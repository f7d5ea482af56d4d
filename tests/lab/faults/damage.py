"""Bits flip and ends go missing in stored rows, in any column, in the database and in the journal."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.services import build_services
from core.settings import Settings
from core.state.paths import split_path
from tests.lab.checker import Violation, misread
from tests.lab.faults import Fault, Result
from tests.lab.laboratory import Bench, Laboratory, Setup
from tests.lab.load import FIELDS, FORMS, Client
from tests.lab.stored import DatabaseRows, JournalRows, Place, StoredRows
from tests.lab.victim import shown

_ROWS_AT_ONCE = 20
_IN_JOURNAL = 0.4
"""The share of the dose that is done to rows of the journal, where there is one."""

Values = dict[Place, str]


@dataclass(slots=True)
class _Tally:
    violations: list[Violation] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    damaged: int = 0
    quarantined: int = 0


def run(laboratory: Laboratory, dose: int) -> Result:
    tally = _Tally()
    in_journal = 0 if laboratory.setup is Setup.DATABASE else int(dose * _IN_JOURNAL)
    with laboratory.bench(purges=False) as bench:
        _write(bench)
        stored, _ = _read(bench)
        database = DatabaseRows(bench.database_url)
        for _ in range(0, dose - in_journal, _ROWS_AT_ONCE):
            _damage(bench, database, min(_ROWS_AT_ONCE, dose - in_journal - tally.damaged), stored, {}, tally)
            database.restore()
        if in_journal:
            _write(bench)
            waiting = _written(bench)
            journal = JournalRows(bench.folder / "journal.db")
            for _ in range(0, in_journal, _ROWS_AT_ONCE):
                _damage(bench, journal, min(_ROWS_AT_ONCE, dose - tally.damaged), waiting, stored, tally)
                database.restore()
                journal.restore()
        acknowledged = bench.recorder.acknowledged
    return Result(
        done=tally.damaged,
        acknowledged=acknowledged,
        violations=tally.violations,
        failures=tally.failures,
        figures={"rows damaged": tally.damaged, "rows quarantined": tally.quarantined},
    )


def _write(bench: Bench) -> None:
    """Have every session hold something everywhere, and leave it in the journal, where there is one."""
    with bench.victim(channels=1, debounce_delay=3600) as victim:
        client = Client(bench.recorder, victim.channels[0])
        for session in bench.load.sessions:
            for form in FORMS:
                client.save(session, form)
            client.edit(session, FORMS[0], FIELDS[0])


def _written(bench: Bench) -> Values:
    """What was written last, everywhere."""
    records = bench.recorder.records
    return {(r.session, path): value for r in records for path, value in r.writes.items() if value is not None}


def _read(bench: Bench, edits: Values | None = None) -> tuple[Values, int]:
    """What fresh services show of every session, and how many entries they quarantine. `edits` are made meanwhile."""
    services = build_services(Settings(_env_file=None, **bench.settings(debounce_delay=3600)))  # type: ignore[call-arg]
    found: Values = {}
    try:
        for name in bench.load.sessions:
            session = services.engine.open(name)
            found |= {(name, path): value for path, value in shown(session).items()}
            for path, value in ((path, value) for (owner, path), value in (edits or {}).items() if owner == name):
                _, form, _, field_name = split_path(path)
                session.set_field(form, field_name, value)
        services.engine.flush()
        return found, len(services.engine.quarantined())
    finally:
        services.engine.close()


def _damage(bench: Bench, rows: StoredRows, count: int, right: Values, older: Values, tally: _Tally) -> None:
    """Damage some rows, look at everything, edit what was damaged, and look again."""
    damaged = rows.damage(count)
    edits = {place: f"{place[1]} again" for place in damaged if split_path(place[1])[2:3] == ("field",)}
    found, aside = _read(bench, edits)
    again, _ = _read(bench)
    tally.damaged += count
    tally.quarantined += aside
    for place in sorted(right.keys() | found.keys()):
        got, want = found.get(place), right.get(place)
        # A damaged entry of the journal uncovers what the database had before.
        excused = {None, older.get(place)} if damaged.get(place, "version") != "version" else set()
        if got != want and got not in excused:
            tally.violations.append(misread(place, got, want))
    if aside > count:
        tally.failures.append(f"{count} rows were damaged, but {aside} quarantined")
    for place, want in {**found, **edits}.items():
        if again.get(place) != want:
            tally.violations.append(misread(place, again.get(place), want))


FAULT = Fault(
    name="damage",
    says="flipped bits and truncation in rows of the database and of the journal, in any column",
    holds="only the damaged record is quarantined; everything else loads exactly; the place can be edited again",
    full=10_000,
    short=200,
    run=run,
)
