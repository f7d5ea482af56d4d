"""Values as a person reads them, and what differs between two of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime, time
from difflib import SequenceMatcher
from html import escape
from typing import Any

from core.state.paths import REMOVED
from core.ui.table_edits import TableEdit, edits_of, is_kept
from core.ui.table_values import INDEX_IDENTIFIER
from core.ui.times import local_time
from core.words import Words

_LONGEST = 2_000
"""Characters of a value that are shown. More than that are compared as a whole, because comparing takes its time."""
_SHORT = 60
_PIECES = re.compile(r"\s+|\w+|[^\w\s]")


def format_value(value: Any, say: Words, *, longest: int = _LONGEST) -> str:
    """Return a value of a field as text; a dash stands for nothing."""
    match value:
        case None | () | []:
            return "–"
        case str() if not value:
            return "–"
        case datetime() if value != value:
            return "–"
        case bool():
            return say("history.yes" if value else "history.no")
        case datetime() if value.tzinfo is not None:
            with suppress(OverflowError):  # at the end of time it is no moment in another zone
                return local_time(value)
            return say.moment(value)
        case datetime():
            return say.moment(value)
        case date():
            return say.moment(datetime.combine(value, time()), "day")
        case time():
            return say.moment(datetime.combine(date.min.replace(year=2000), value), "time")
        case int() | float():
            return str(value)
        case dict() if is_kept(value):
            text = "\n".join(format_edit(edit, say) for edit in edits_of(value)) or "–"
        case list() | tuple() | set() | frozenset():
            text = ", ".join(format_value(item, say, longest=longest) for item in value)
        case _ if value is REMOVED:
            return "–"
        case _:
            text = str(value)
    return text if len(text) <= longest else f"{text[:longest]} …"


def format_edit(edit: TableEdit, say: Words) -> str:
    """Return an edit of a table on one line."""
    if edit.row is None:
        cells = edit.value if edit.column is None else {edit.column: edit.value}
        return say(
            "table.added", cells=", ".join(f"{_column(name, say)}: {_short(cells[name], say)}" for name in cells)
        )
    if edit.column is None:
        return say("table.deleted", row=edit.row)
    return say("table.cell", row=edit.row, column=_column(edit.column, say), value=_short(edit.value, say))


def _column(name: str, say: Words) -> str:
    """Return the name of a column for people; the labels have none of their own."""
    return say("table.label") if name == INDEX_IDENTIFIER else name


def _short(value: Any, say: Words) -> str:
    """Return a value on one line."""
    return " ".join(format_value(value, say, longest=_SHORT).split())


def differences(one: str, other: str) -> tuple[str, str]:
    """Return two texts as HTML, with what is only in the first as `del` and what is only in the second as `ins`."""
    if max(len(one), len(other)) > _LONGEST:
        return f"<del>{escape(one)}</del>", f"<ins>{escape(other)}</ins>"
    ours, theirs = _PIECES.findall(one), _PIECES.findall(other)
    left, right = "", ""
    for kind, a, b, c, d in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        old, new = escape("".join(ours[a:b])), escape("".join(theirs[c:d]))
        left += old if kind == "equal" or not old else f"<del>{old}</del>"
        right += new if kind == "equal" or not new else f"<ins>{new}</ins>"
    return left, right


def rows(one: dict[str, Any], other: dict[str, Any], say: Words) -> Iterator[tuple[str, str, str]]:
    """Yield the fields in which two states of a form differ: name, and both values as HTML."""
    for name in dict.fromkeys([*one, *other]):
        left, right = (format_value(state.get(name, REMOVED), say) for state in (one, other))
        if left != right:
            yield name, *differences(left, right)
