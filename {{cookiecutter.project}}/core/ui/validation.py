"""Validation of a form by a pydantic model, with messages for people.

What a field holds that nobody has filled in is no answer: where the model allows None it is None, where the model's
own default is empty too it is that, and otherwise the field is missing. A validator's `ValueError("…")` is told as it
is written; pydantic's own errors are told in the person's language.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Generic, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, ValidationError
from pydantic.fields import FieldInfo

from core.words import Words

M = TypeVar("M", bound=BaseModel)
M_co = TypeVar("M_co", bound=BaseModel, covariant=True)

Quote = Callable[[str], str]

WHOLE_FORM: Final = ""
"""The field of a problem that belongs to no single field."""

_SAID: Mapping[str, str] = {
    "missing": "invalid.missing",
    "not_ticked": "invalid.not_ticked",
    "string_type": "invalid.text",
    "string_too_short": "invalid.too_short",
    "string_too_long": "invalid.too_long",
    "string_pattern_mismatch": "invalid.pattern",
    "int_parsing": "invalid.whole",
    "int_parsing_size": "invalid.whole",
    "int_type": "invalid.whole",
    "int_from_float": "invalid.whole",
    "float_parsing": "invalid.number",
    "float_type": "invalid.number",
    "decimal_parsing": "invalid.number",
    "decimal_type": "invalid.number",
    "finite_number": "invalid.number",
    "complex_str_parsing": "invalid.number",
    "complex_type": "invalid.number",
    "greater_than": "invalid.greater",
    "greater_than_equal": "invalid.at_least",
    "less_than": "invalid.less",
    "less_than_equal": "invalid.at_most",
    "greater_than_date": "invalid.after",
    "greater_than_equal_date": "invalid.not_before",
    "less_than_date": "invalid.before",
    "less_than_equal_date": "invalid.not_after",
    "multiple_of": "invalid.multiple",
    "decimal_max_places": "invalid.places",
    "too_short": "invalid.too_few",
    "too_long": "invalid.too_many",
    "edits_unfit": "invalid.edits_unfit",
    "literal_error": "invalid.choice",
    "enum": "invalid.choice",
    "bool_parsing": "invalid.yes_no",
    "bool_type": "invalid.yes_no",
    "date_type": "invalid.date",
    "date_parsing": "invalid.date",
    "date_from_datetime_parsing": "invalid.date",
    "date_from_datetime_inexact": "invalid.date",
    "datetime_type": "invalid.date",
    "datetime_parsing": "invalid.date",
    "datetime_from_date_parsing": "invalid.date",
    "date_past": "invalid.past",
    "datetime_past": "invalid.past",
    "date_future": "invalid.future",
    "datetime_future": "invalid.future",
    "time_type": "invalid.time",
    "time_parsing": "invalid.time",
    "url_parsing": "invalid.url",
    "url_scheme": "invalid.url",
    "url_syntax_violation": "invalid.url",
}
"""By pydantic's type of error: the entry that says it. A type that is missing here is said in pydantic's own words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong. `field` is the model's, or WHOLE_FORM; `text` what pydantic says of it."""

    field: str
    kind: str
    text: str
    context: Mapping[str, Any]
    entry: int | str | None = None
    """The entry of a list, counted from 1, or the id of a table's row."""
    part: str = ""
    """The field of that entry."""

    def said(self, say: Words, quote: Quote = str) -> str:
        """Return the message for the person, in a language. `quote` is what foreign words go through."""
        message = self._message(say, quote)
        if self.part:
            part = self.part.replace("_", " ").capitalize()
            return say("invalid.entry_part", n=self.entry, part=part, message=message)
        return message if self.entry is None else say("invalid.entry", n=self.entry, message=message)

    def _message(self, say: Words, quote: Quote) -> str:
        error = self.context.get("error")
        if isinstance(error, Exception):  # a validator of the team's own
            return quote(str(error) or self.text)
        name = _SAID.get(self.kind)
        return (
            quote(self.text)
            if name is None
            else say(name, **{key: _written(of, say) for key, of in self.context.items()})
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked(Generic[M_co]):
    """The result of validating a form: the model's instance, or the problems."""

    value: M_co | None
    problems: tuple[Problem, ...] = ()

    def messages(self, say: Words, quote: Quote = str) -> dict[str, str]:
        """Return the first message of each field that has one, in the order of the model."""
        said: dict[str, str] = {}
        for problem in self.problems:
            said.setdefault(problem.field, problem.said(say, quote))
        return said


def check(model: type[M], values: Mapping[str, Any]) -> Checked[M]:
    """Hold what was entered, by field, against a model. Values of fields it doesn't have are left out."""
    given: dict[str, Any] = {}
    for name, info in model.model_fields.items():
        untouched = _untouched(info)
        if untouched is not None and values.get(name) is None:
            given[name] = untouched
        elif name in values:
            given.update(_given(name, info, values[name]))
    try:
        return Checked(value=model.model_validate(given, by_name=True, by_alias=False))
    except ValidationError as error:
        problems = [_problem(found) for found in error.errors(include_url=False)]
        order = [*model.model_fields, WHOLE_FORM]
        return Checked(value=None, problems=tuple(sorted(problems, key=lambda problem: order.index(problem.field))))


def is_blank(value: object) -> bool:
    """Return whether a field is empty."""
    return value is None or (isinstance(value, str) and not value.strip())


def _untouched(info: FieldInfo) -> object | None:
    """Return the edits of an unedited table, for a field that is validated from edits; None for others."""
    validators = (each.func for each in info.metadata if isinstance(each, BeforeValidator))
    return next((func.untouched for func in validators if hasattr(func, "untouched")), None)


def _given(name: str, info: FieldInfo, value: Any) -> dict[str, Any]:
    """Return the values that the model gets for a field; none for a field that was not filled in."""
    if not is_blank(value):
        return {name: value}
    if type(None) in get_args(info.annotation):
        return {name: None}
    made = info.default_factory
    default_is_empty = made in (list, dict, set, tuple) if made else not info.default
    return {} if info.is_required() or default_is_empty else {name: None}


def _problem(found: Mapping[str, Any]) -> Problem:
    place: tuple[Any, ...] = found["loc"]
    name = str(place[0]) if place else WHOLE_FORM
    kind, context = found["type"], found.get("ctx", {})
    if found["input"] is None:
        kind, context = "missing", {}
    elif kind == "literal_error" and context.get("expected") == "True":
        kind = "not_ticked"
    elif kind.startswith(("greater_than", "less_than")) and any(isinstance(bound, str) for bound in context.values()):
        kind = f"{kind}_date"  # pydantic gives the bound of a date or a time as a text
    problem = Problem(field=name, kind=kind, text=found["msg"], context=context)
    match place[1:]:
        case ["added", int(entry), *rest] | ["changed", entry, *rest]:  # of a table
            return replace(problem, entry=entry + 1 if place[1] == "added" else entry, part="".join(map(str, rest[:1])))
        case [int(entry), str(part)]:
            return replace(problem, entry=entry + 1, part=part)
        case [int(entry), *_]:
            return replace(problem, entry=entry + 1)
    return problem


def _written(value: Any, say: Words) -> str:
    match value:
        case str():
            try:
                return say.moment(datetime.fromisoformat(value), "day" if len(value) == len("2026-03-04") else "moment")
            except ValueError:
                return value
        case float() if value.is_integer():
            return str(int(value))
        case float() | Decimal():
            return str(value).replace(".", say("numbers.decimal"))
        case _:
            return str(value)
