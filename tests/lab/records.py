"""What was asked of a victim and what it answered, written down where its death can't reach it.

An operation is *invoked* before its command is sent and *acknowledged* (or *refused*) after its answer arrived;
one without an answer may have happened or not. When every victim is dead and the data were recovered, the
history is *settled*: what was found then is what all later findings are measured against.

Every value names the session, path and number of the operation that wrote it, so that a wrong value can be
told where it came from. Its length changes with the number: equal lengths hide partial writes.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from tests.lab.waiting import PATIENCE_SECONDS

State = Mapping[str, Mapping[str, str]]
"""What is stored: session -> path -> value. What was removed or never written is not in it."""

Writes = Mapping[str, str | None]
"""What an operation writes into its session: path -> value, None where it removes the path."""

_VALUE = re.compile(r"([^|&]+)\|([^|&]+)\|(\d+)\|([^|&]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One line of the history. `number` is the operation's; for a settlement, the last one before it."""

    kind: Literal["invoke", "acknowledge", "refused", "settle"]
    number: int
    what: str = ""
    """The command, such as `edit` or `purge`."""
    session: str = ""
    writes: Writes = field(default_factory=dict)
    reason: str = ""
    """Why it was refused."""
    state: State = field(default_factory=dict)
    """What was found when the history was settled."""
    purged: frozenset[str] = frozenset()
    """Sessions whose deletion was acknowledged before the settlement."""


class Recorder:
    """Appends records to a file of JSON lines; each is synced to the disk before the call returns."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)
        self._lock = threading.Condition()
        self._number = 0
        self._open: dict[int, str] = {}
        self._purges: dict[int, str] = {}
        self._records: list[Record] = [Record(kind="settle", number=0)]
        self.acknowledged = 0
        """How many operations were acknowledged so far."""
        self.edits_answered = 0
        """How many operations but flushes were acknowledged or refused so far."""

    def invoke(self, what: str, session: str = "", writes: Callable[[int], Writes] | None = None) -> Record:
        """Note that an operation is about to be asked for. `writes` makes its values from its number."""
        with self._lock:
            self._number += 1
            number = self._number
            record = Record(
                kind="invoke", number=number, what=what, session=session, writes=writes(number) if writes else {}
            )
            self._open[number] = what
            if what == "purge":
                self._purges[number] = session
            self._append(record)
            return record

    def acknowledge(self, number: int) -> None:
        """Note that the answer "done" arrived."""
        with self._lock:
            self._close(number)
            self.acknowledged += 1
            self._lock.notify_all()
            self._append(Record(kind="acknowledge", number=number))

    def wait_for(self, acknowledged: int, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until so many operations were acknowledged. Raises TimeoutError."""
        with self._lock:
            if not self._lock.wait_for(lambda: self.acknowledged >= acknowledged, seconds):
                raise TimeoutError(f"Only {self.acknowledged} of {acknowledged} were acknowledged in {seconds:g} s.")

    def refuse(self, number: int, reason: str) -> None:
        """Note that the answer "not done" arrived: nothing is promised, whatever is found later."""
        with self._lock:
            self._close(number)
            self._append(Record(kind="refused", number=number, reason=reason))

    def settle(self, state: State) -> None:
        """Note what was recovered. Every victim must be dead: what is unanswered now can't happen later."""
        with self._lock:
            before = self._records[0].purged
            acknowledged = {record.number for record in self._records if record.kind == "acknowledge"}
            purged = before | {session for number, session in self._purges.items() if number in acknowledged}
            self._open.clear()
            self._purges.clear()
            self._records.clear()
            self._append(Record(kind="settle", number=self._number, state=state, purged=frozenset(purged)))

    @property
    def records(self) -> list[Record]:
        """The history since it was last settled, beginning with the settlement."""
        with self._lock:
            return list(self._records)

    def close(self) -> None:
        self._file.close()

    def _close(self, number: int) -> None:
        if number not in self._open:
            raise ValueError(f"Operation {number} was not asked for, or answered already, or settled.")
        if self._open.pop(number) != "flush":
            self.edits_answered += 1

    def _append(self, record: Record) -> None:
        plain = {key: value for key, value in asdict(record).items() if value or key in ("kind", "number")}
        self._file.write(json.dumps(plain, default=sorted).encode() + b"\n")
        os.fsync(self._file.fileno())
        self._records.append(record)


def value_of(session: str, path: str, number: int) -> str:
    """The value that operation writes there. Most are short, some are longer than a page of the database."""
    length = number * 37 % 150 if number % 40 else 5000 + number % 1000
    return f"{session}|{path}|{number}|{'é😀z' * (length // 3)}"


def joined(values: Iterable[str]) -> str:
    """Several values of one operation as one, for what keeps a whole form at one path."""
    return "&".join(sorted(values))


def origin(value: str) -> tuple[str, int] | None:
    """The session and number of the operation that wrote a value; None for one that nobody wrote like that."""
    origins = set()
    for part in value.split("&"):
        match = _VALUE.fullmatch(part)
        if match is None or part != value_of(match[1], match[2], int(match[3])):
            return None
        origins.add((match[1], int(match[3])))
    return origins.pop() if len(origins) == 1 else None
