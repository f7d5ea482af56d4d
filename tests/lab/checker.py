"""Compares what was promised with what is found, and names every value that should not be there, or should.

A path is a register in which the last write wins. Operations take time, and overlap: a write may have taken
effect at any moment between its invocation and its answer, and one without an answer may have, or not. So a write
is *outdated* when another write of its path was acknowledged that was invoked only after this one had ended. What
may be found is any write that is not outdated; what was found when the history was last settled counts as one.

| violation | what is found |
|---|---|
| lost | nothing, where an acknowledged value must be |
| stale | an outdated value, where a newer one was acknowledged |
| resurrected | a value that was removed, or anything of a session that was deleted |
| crossed | a value that belongs to another session or path |
| phantom | a value that nobody ever wrote |
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tests.lab.records import Record, State, origin

Kind = Literal["lost", "stale", "resurrected", "crossed", "phantom"]
KINDS: tuple[Kind, ...] = ("lost", "stale", "resurrected", "crossed", "phantom")


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One broken promise. `number` is the operation whose value is missing or wrong, None if there was none."""

    kind: Kind
    session: str
    path: str
    value: str | None
    """What was found."""
    number: int | None
    expected: tuple[str | None, ...] = ()
    """What would have been right."""

    def __str__(self) -> str:
        found, expected = _shown(self.value), " or ".join(_shown(value) for value in self.expected)
        return f"{self.kind}: {self.session} {self.path} holds {found}, expected {expected} (operation {self.number})"


def misread(
    place: tuple[str, str], found: str | None, right: str | None, before: Collection[str | None] = ()
) -> Violation:
    """The violation at a place (session and path) where one value is right, and one of `before` or another is there."""
    kind: Kind = "lost" if found is None else "stale" if found in before else "phantom"
    return _violation(kind, *place, found, expected=(right,))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Write:
    """One operation's effect on one path, and when it can have happened."""

    number: int
    value: str | None
    invoked: float
    ended: float = math.inf
    acknowledged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Session:
    """All that was asked of one session since the last settlement."""

    writes: Mapping[str, Sequence[_Write]]
    purged: Literal["yes", "maybe", "no"]


def check(records: Sequence[Record], recovered: State) -> list[Violation]:
    """Return what is wrong with `recovered`, after a history that begins with its last settlement."""
    settled, sessions = records[0], _sessions(records)
    if settled.kind != "settle":
        raise ValueError("A history begins with a settlement.")
    violations: list[Violation] = []
    for name in sorted(sessions.keys() | recovered.keys() | settled.state.keys()):
        session = sessions.get(name) or _Session(writes={}, purged="yes" if name in settled.purged else "no")
        found, before = recovered.get(name, {}), settled.state.get(name, {})
        if session.purged == "yes":
            for path, value in sorted(found.items()):
                writer = origin(value)
                violations.append(_violation("resurrected", name, path, value, writer[1] if writer else None))
        elif found or session.purged == "no":
            for path in sorted(session.writes.keys() | found.keys() | before.keys()):
                base = _Write(number=settled.number, value=before.get(path), invoked=0, ended=0, acknowledged=True)
                history = [base, *session.writes.get(path, ())]
                violations += _check_path(name, path, found.get(path), history, session, settled.number)
    return violations


def _check_path(
    name: str, path: str, found: str | None, history: Sequence[_Write], session: _Session, settled: int
) -> Iterator[Violation]:
    latest = max(write.invoked for write in history if write.acknowledged)
    permitted = [write for write in history if write.ended >= latest]
    if found in {write.value for write in permitted}:
        return
    expected = tuple(dict.fromkeys(write.value for write in permitted))
    promised = [write for write in permitted if write.acknowledged]
    if found is None:
        missing = max(promised, key=lambda write: write.invoked)
        writer = origin(missing.value) if missing.value else None
        yield _violation("lost", name, path, None, writer[1] if writer else missing.number, expected)
        return
    writer = origin(found)
    removed = all(write.value is None for write in promised)
    kind: Kind
    if writer is None:
        kind = "phantom"
    elif writer[0] != name or _belongs_elsewhere(found, path, session):
        kind = "crossed"
    elif writer[1] <= settled or found in {write.value for write in history}:
        kind = "resurrected" if removed else "stale"
    else:
        kind = "phantom"
    yield _violation(kind, name, path, found, writer[1] if writer else None, expected)


def _belongs_elsewhere(value: str, path: str, session: _Session) -> bool:
    return any(
        write.value == value for other, writes in session.writes.items() if other != path for write in writes
    ) and not any(write.value == value for write in session.writes.get(path, ()))


def _sessions(records: Sequence[Record]) -> dict[str, _Session]:
    answered = {
        record.number: (at, record.kind)
        for at, record in enumerate(records)
        if record.kind in ("acknowledge", "refused")
    }
    writes: dict[str, dict[str, list[_Write]]] = {}
    purged: dict[str, Literal["yes", "maybe"]] = dict.fromkeys(records[0].purged, "yes")
    for at, record in enumerate(records):
        if record.kind != "invoke" or not record.session:
            continue
        ended, answer = answered.get(record.number, (math.inf, ""))
        acknowledged = answer == "acknowledge"
        paths = writes.setdefault(record.session, {})
        for path, value in record.writes.items():
            paths.setdefault(path, []).append(
                _Write(number=record.number, value=value, invoked=at, ended=ended, acknowledged=acknowledged)
            )
        if record.what == "purge" and (acknowledged or record.session not in purged):
            purged[record.session] = "yes" if acknowledged else "maybe"
    return {name: _Session(writes=paths, purged=purged.get(name, "no")) for name, paths in writes.items()}


def _violation(
    kind: Kind,
    session: str,
    path: str,
    value: str | None,
    number: int | None = None,
    expected: tuple[str | None, ...] = (None,),
) -> Violation:
    return Violation(kind=kind, session=session, path=path, value=value, number=number, expected=expected)


def _shown(value: str | None) -> str:
    if value is None:
        return "nothing"
    return value if len(value) <= 60 else f"{value[:57]}..."
