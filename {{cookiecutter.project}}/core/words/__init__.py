"""The project's own words: one file per language beside this one, and English where a file lacks an entry.

A new language is a new file, named by its code (`fr.toml`). It is offered in the preferences from then on.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

FALLBACK = "en"
"""The language that has every entry."""

_FOLDER = Path(__file__).parent


class Words:
    """The texts of the project in one language, with its formats of dates and numbers."""

    def __init__(self, language: str = FALLBACK) -> None:
        self.language = language if language in languages() else FALLBACK
        self._entries = {**_entries(FALLBACK), **_entries(self.language)}

    def __call__(self, name: str, /, **values: Any) -> str:
        """Return the entry, such as `restored.keep`, with its `{…}` filled in. Raises KeyError for an unknown one.

        An entry of two forms takes `one` where the value `n` is 1, and `other` otherwise.
        """
        entry = self._entries[name]
        if isinstance(entry, Mapping):
            entry = entry["one" if values["n"] == 1 else "other"]
        return str(entry).format(**values) if values else str(entry)

    def title(self, title: str) -> str:
        """Return the title of an app or a page in this language, as far as `titles` has it."""
        return ": ".join(str(self._entries.get(f"titles.{part}", part)) for part in title.split(": "))

    def section(self, name: str) -> dict[str, str]:
        """Return all plain entries of a section, by the rest of their names: for a script in the browser."""
        prefix = f"{name}."
        return {key.removeprefix(prefix): text for key, text in self._entries.items() if key.startswith(prefix)}

    def moment(self, moment: datetime, pattern: str = "moment") -> str:
        """Write a datetime as it is, in no other zone. `pattern` is an entry of `dates`, or one of `strftime`."""
        pattern = self._entries.get(f"dates.{pattern}", pattern)
        for code, months in (("%B", "months"), ("%b", "months_short")):
            pattern = pattern.replace(code, self._entries[f"dates.{months}"][moment.month - 1])
        return moment.strftime(pattern)

    def number(self, value: float, digits: int = 0) -> str:
        """Write a number with separators, and that many decimal places."""
        signs = {",": self._entries["numbers.thousands"], ".": self._entries["numbers.decimal"]}
        return "".join(signs.get(sign, sign) for sign in f"{value:,.{digits}f}")

    def chart_locale(self) -> dict[str, Any]:
        """Return `config.locale` of Vega for this language: formats of numbers and dates."""
        asked = {
            "number": {"decimal": "numbers.decimal", "thousands": "numbers.thousands"},
            "time": {
                "months": "dates.months",
                "shortMonths": "dates.months_short",
                "days": "dates.weekdays",
                "shortDays": "dates.weekdays_short",
                "dateTime": "dates.moment",
                "date": "dates.day",
                "time": "dates.time",
            },
        }
        said = {kind: {key: self._entries[name] for key, name in names.items()} for kind, names in asked.items()}
        said["number"] |= {"grouping": [3], "currency": ["", ""]}
        said["time"] |= {"periods": ["AM", "PM"]}
        return said


@cache
def languages() -> Mapping[str, str]:
    """Return the languages there are: code to name, each in its own words."""
    return {path.stem: str(_entries(path.stem)["language.name"]) for path in sorted(_FOLDER.glob("*.toml"))}


@cache
def words_in(language: str) -> Words:
    """Return the words of a language, English ones for a language there is no file for."""
    return Words(language)


def spoken(locale: str | None) -> str:
    """Return the language for a browser's locale, such as `de-AT`."""
    code = (locale or FALLBACK).replace("_", "-").split("-")[0].lower()
    return code if code in languages() else FALLBACK


@cache
def _entries(language: str) -> Mapping[str, Any]:
    with (_FOLDER / f"{language}.toml").open("rb") as file:
        return {
            f"{section}.{name}": entry for section, table in tomllib.load(file).items() for name, entry in table.items()
        }
