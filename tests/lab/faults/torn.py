"""The closed files of a journal are damaged anywhere: bits flip, ends are missing, whatever they held.

What only the journal had can be lost to this, and the table says how much. A damaged log ends for SQLite where the
damage is, like one that a crash left unfinished.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing

import apsw
from sqlalchemy.exc import SQLAlchemyError

from core.errors import KeepError
from core.services import build_services
from core.settings import Settings
from core.state.paths import join_path
from tests.lab.chance import chance
from tests.lab.checker import Violation, misread
from tests.lab.faults import Fault, Result
from tests.lab.laboratory import Bench, Laboratory, Setup
from tests.lab.load import FIELDS, FORMS, Client
from tests.lab.records import Record
from tests.lab.stored import DatabaseRows, Place, tampered
from tests.lab.victim import shown

_SESSIONS = 5
_EDITED = join_path("form", "after", "field", "it")
_PARTS = ("journal.db", "journal.db-wal")

Values = dict[Place, str]
Files = Mapping[str, bytes]


def run(laboratory: Laboratory, dose: int) -> Result:
    violations, failures, costs, aside = list[Violation](), list[str](), list[int](), 0
    with laboratory.bench(sessions=_SESSIONS, purges=False) as bench:
        _write(bench, flush=True)
        before, database = bench.recorder.records, DatabaseRows(bench.database_url)
        _write(bench, flush=False)
        after, left = bench.recorder.records[len(before) :], _left_by_a_kill_and_by_a_close(bench)
        stored, right = _last(before), _last([*before, *after])
        later = {(record.session, path, value) for record in after for path, value in record.writes.items()}
        for number in range(dose):
            _put(bench, _damaged(chance().choice(left)))
            database.restore()
            try:
                found = _read(bench, edit=f"edit {number}")
                again = _read(bench)
            except (KeepError, SQLAlchemyError, apsw.Error) as error:
                failures.append(f"no recovery: {type(error).__name__}: {error}")
                continue
            # What the database had, or anything that was written after that: the journal may have lost its latest.
            wrong = {p for p in right.keys() | found.keys() if found.get(p) != stored.get(p)} - {
                (session, path) for session, path, value in later if found.get((session, path)) == value
            }
            violations += [misread(place, found.get(place), right.get(place)) for place in sorted(wrong)]
            edited = found | {(session, _EDITED): f"edit {number}" for session in bench.load.sessions}
            violations += [misread(p, again.get(p), v) for p, v in edited.items() if again.get(p) != v]
            costs.append(sum(found.get(place) != value for place, value in right.items()))
            aside += any(bench.folder.glob("journal.db.damaged-*"))
    return Result(
        done=dose,
        acknowledged=len(after) // 2,
        violations=violations,
        failures=failures,
        figures={
            "files quarantined": aside,
            "values that only the journal had": len(set(right.items()) - set(stored.items())),
            "of them lost to a damage, on average": sum(costs) / max(len(costs), 1),
            "of them lost to a damage, at most": max(costs, default=0),
        },
    )


def _write(bench: Bench, *, flush: bool) -> None:
    """Have every session hold something new everywhere, in the database or in the journal only."""
    with bench.victim(channels=1, debounce_delay=3600) as victim:
        client = Client(bench.recorder, victim.channels[0])
        for session in bench.load.sessions:
            client.save(session, FORMS[0])
            client.edit(session, FORMS[0], FIELDS[0])
        if flush:
            client.ask("flush")


def _last(records: Sequence[Record]) -> Values:
    return {(r.session, path): value for r in records for path, value in r.writes.items() if value is not None}


def _left_by_a_kill_and_by_a_close(bench: Bench) -> list[Files]:
    """With everything in the log, and with everything in the file itself."""
    killed = {name: (bench.folder / name).read_bytes() for name in _PARTS}
    with closing(apsw.Connection(str(bench.folder / _PARTS[0]))) as connection:
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    return [killed, {_PARTS[0]: (bench.folder / _PARTS[0]).read_bytes()}]


def _damaged(files: Files) -> Files:
    harmed = chance().choice([name for name, data in files.items() if data])
    return {**files, harmed: tampered(files[harmed])}


def _put(bench: Bench, files: Files) -> None:
    for old in bench.folder.glob("journal.db*"):
        old.unlink()
    for name, data in files.items():
        (bench.folder / name).write_bytes(data)


def _read(bench: Bench, edit: str | None = None) -> Values:
    """What fresh services show of every session. Each is edited meanwhile, and all is flushed."""
    services = build_services(Settings(_env_file=None, **bench.settings(debounce_delay=3600)))  # type: ignore[call-arg]
    found: Values = {}
    try:
        for name in bench.load.sessions:
            session = services.engine.open(name)
            found |= {(name, path): value for path, value in shown(session).items()}
            if edit:
                session.set_field("after", "it", edit)
        services.engine.flush()
    finally:
        services.engine.close()
    return found


FAULT = Fault(
    name="torn",
    says="flipped bits and truncation anywhere in the closed files of the journal",
    holds="the project starts, shows nothing wrong and takes edits; what the database has is untouched",
    full=500,
    short=10,
    run=run,
    setups=(Setup.SQLITE,),
)
