"""The project speaks the person's language; what a language lacks is said in English."""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from string import Formatter
from typing import get_args

import pytest

from core import words
from core.accounts import Event
from core.discovery import discover
from core.settings import PROJECT_ROOT
from core.words import Words, languages, spoken

ROOT = PROJECT_ROOT
FOLDER = Path(words.__file__).parent
OTHERS = sorted(set(languages()) - {"en"})
MOMENT = datetime(2026, 3, 4, 14, 2, tzinfo=UTC)


def catalogue(language: str) -> dict[str, object]:
    with (FOLDER / f"{language}.toml").open("rb") as file:
        tables = tomllib.load(file)
    return {f"{section}.{name}": entry for section, table in tables.items() for name, entry in table.items()}


def blanks(entry: object) -> set[str]:
    texts = entry.values() if isinstance(entry, dict) else [entry]
    return {name for text in texts if isinstance(text, str) for _, name, _, _ in Formatter().parse(text) if name}


def test_there_are_english_and_german() -> None:
    assert {"en": "English", "de": "Deutsch"}.items() <= languages().items()


@pytest.mark.parametrize("language", OTHERS)
def test_a_language_says_what_english_says(language: str) -> None:
    english, other = catalogue("en"), catalogue(language)
    strange = {name for name in other.keys() - english.keys() if not name.startswith("titles.")}
    assert not strange, f"{language}.toml has entries nobody asks for: {strange}"
    for name in other.keys() & english.keys():
        assert blanks(other[name]) == blanks(english[name]), name
        assert type(other[name]) is type(english[name]), name


def test_german_lacks_nothing() -> None:
    assert catalogue("en").keys() <= catalogue("de").keys()


def test_german_titles_are_those_of_the_engine_s_pages() -> None:
    engine = [spec for spec in discover() if spec.function.__module__.startswith("core.")]
    pages = {text for spec in engine for text in (spec.title, spec.app.title, spec.app.description) if text}
    translated = {name.removeprefix("titles.") for name in catalogue("de") if name.startswith("titles.")}
    assert pages <= translated
    assert translated - pages == {"Overview"}


def test_every_entry_the_code_asks_for_exists_and_every_entry_is_asked_for() -> None:
    sources = [path for folder in ("core", "apps") for path in (ROOT / folder).rglob("*.py")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    entries, sections = catalogue("en").keys(), {name.split(".")[0] for name in catalogue("en")}
    asked = set(re.findall(rf"""["']((?:{"|".join(sections)})\.(?!js\b)[a-z_]+)["']""", text))
    asked -= set(get_args(Event))  # names of events in the audit trail
    asked |= {f"preferences.theme_{theme}" for theme in ("system", "light", "dark")}
    scripts = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "core/ui").glob("*.js"))
    asked |= {f"status.{name}" for name in re.findall(r"\bwords\.([a-z_]+)", scripts)}
    unused = {name for name in entries - asked if not name.startswith(("dates.", "numbers.", "language.", "titles."))}
    assert not unused, f"nobody asks for {unused}"
    assert asked <= entries


def test_a_missing_word_is_said_in_english(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "en.toml").write_text((FOLDER / "en.toml").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "eo.toml").write_text('[language]\nname = "Esperanto"\n[restored]\nkeep = "Teni"\n', encoding="utf-8")
    monkeypatch.setattr(words, "_FOLDER", tmp_path)
    for cached in (words.languages, words.words_in, words._entries):
        cached.cache_clear()
    try:
        say = Words("eo")
        assert languages() == {"en": "English", "eo": "Esperanto"}
        assert (say("restored.keep"), say("restored.discard")) == ("Teni", "Discard")
    finally:
        monkeypatch.undo()
        for cached in (words.languages, words.words_in, words._entries):
            cached.cache_clear()


@pytest.mark.parametrize(
    ("locale", "language"), [("de-AT", "de"), ("de", "de"), ("DE_de", "de"), ("xx", "en"), ("", "en"), (None, "en")]
)
def test_a_browser_s_language_is_found_where_there_is_a_file_for_it(locale: str | None, language: str) -> None:
    assert spoken(locale) == language


@pytest.mark.parametrize(
    ("language", "moment", "number", "one", "many"),
    [
        ("en", "4 Mar 2026, 14:02", "1,234.5", "1 change not saved", "2 changes not saved"),
        ("de", "4. März 2026, 14:02", "1.234,5", "1 Änderung nicht gespeichert", "2 Änderungen nicht gespeichert"),
        ("none such", "4 Mar 2026, 14:02", "1,234.5", "1 change not saved", "2 changes not saved"),
    ],
)
def test_dates_numbers_and_counts(language: str, moment: str, number: str, one: str, many: str) -> None:
    say = Words(language)
    assert (say.moment(MOMENT), say.number(1234.5, 1)) == (moment, number)
    assert (say("saving.waiting", n=1), say("saving.waiting", n=2)) == (one, many)


def test_a_title_nobody_translated_stands_as_it_is() -> None:
    assert (Words("de").title("Preferences"), Words("de").title("Order desk")) == ("Einstellungen", "Order desk")
