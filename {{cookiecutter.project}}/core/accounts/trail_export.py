"""The audit trail as a file: what of it somebody asked for, with the names that people have now."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any, Literal, Unpack

from core.accounts.audit import Actor, Asked, Audited, AuditTrail
from core.accounts.names import Names

Format = Literal["csv", "json"]
MOST = 100_000
"""Lines of one file. Who wants more asks for a time of which there is less."""

_AT_ONCE = 5_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_PERSON = "person:"


class TrailExport(AuditTrail, Names):
    """The part of `Accounts` that hands out the audit trail."""

    def export_trail(self, kind: Format, *, by: Actor, most: int = MOST, **asked: Unpack[Asked]) -> str:
        """Return what is asked for as CSV with a line of titles, or as a JSON array, and note that it was handed out.

        It holds the newest `most` lines.
        """
        lines = list(self._lines(most, asked))
        names = self.names({person for line in lines for person in people_of(line)})
        self.note("trail.exported", by=by, detail=f"{len(lines)} lines as {kind}{_said(asked)}")
        return WRITERS[kind](_rows(lines, names))

    def _lines(self, most: int, asked: Asked) -> Iterator[Audited]:
        before = None
        while most > 0:
            lines = self.trail(limit=min(_AT_ONCE, most), before=before, **asked)
            yield from lines
            most -= len(lines)
            if len(lines) < _AT_ONCE:
                return
            before = lines[-1].number


def people_of(line: Audited) -> Iterator[str]:
    """The ids of those who did something, and to whom it was done."""
    if line.actor_id:
        yield line.actor_id
    if line.subject.startswith(_PERSON):
        yield line.subject.removeprefix(_PERSON)


def name_of(user_id: str, names: Mapping[str, str]) -> str:
    """The name of somebody; of a deleted person only a part of the id is left to tell them from others."""
    return names.get(user_id, f"deleted ({user_id[:8]})")


def subject_of(line: Audited, names: Mapping[str, str]) -> str:
    """To whom or what it happened, as a person reads it."""
    kind, _, what = line.subject.partition(":")
    return name_of(what, names) if kind == "person" else f"{kind} {what}".strip()


def _rows(lines: Iterable[Audited], names: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        yield asdict(line) | {
            "at": line.at.isoformat(),
            "actor": name_of(line.actor_id, names) if line.actor_id else "",
            "subject_name": subject_of(line, names),
        }


def _as_csv(rows: Iterable[Mapping[str, Any]]) -> str:
    """What a spreadsheet would take for a formula begins with an apostrophe: names are what people gave themselves."""
    text = io.StringIO()
    titles = [*Audited.__dataclass_fields__, "actor", "subject_name"]
    writer = csv.DictWriter(text, titles)
    writer.writeheader()
    for row in rows:
        writer.writerow({key: f"'{value}" if str(value).startswith(_FORMULA) else value for key, value in row.items()})
    return text.getvalue()


def _as_json(rows: Iterable[Mapping[str, Any]]) -> str:
    return json.dumps(list(rows), ensure_ascii=False, indent=1)


WRITERS: dict[Format, Callable[[Iterable[Mapping[str, Any]]], str]] = {"csv": _as_csv, "json": _as_json}


def _said(asked: Asked) -> str:
    said = [f"{key} {value}" for key in ("person", "address", "since", "until") if (value := asked.get(key))]
    kinds = " ".join(sorted(asked.get("events", ())))
    return "".join(f", {part}" for part in [*said, *([f"events {kinds}"] if kinds else [])])
