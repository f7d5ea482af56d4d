"""The page that says how storage is: while all is well, while the database is away, when something is damaged."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.engine import make_url

from core.apps.admin.pages.health import troubles
from core.errors import StoreUnavailableError
from core.services import Services
from core.storage.models import EntryModel
from tests.engine.pages import go, open_page
from tests.engine.writing import put


def says(services: Services) -> list[str]:
    return [trouble.says for trouble in troubles(services)]


@pytest.fixture
def away(as_admin: Services) -> Path:
    """Where the database's file would be: a folder in its place makes it unreachable."""
    return Path(str(make_url(as_admin.settings.resolved_database_url).database))


def take_away(services: Services, file: Path) -> None:
    services.database.dispose()
    file.rename(file.with_suffix(".away"))
    file.mkdir()


def test_all_is_well_and_the_page_says_so(as_admin: Services) -> None:
    put(as_admin.engine, "s", {"form/f/field/a": 1})
    as_admin.engine.flush()
    tab = open_page("admin-health")

    assert "All is well" in tab.success[0].value


def test_while_the_database_is_away_the_page_tells_what_is_known_here(as_admin: Services, away: Path) -> None:
    tab = open_page("admin-health")
    put(as_admin.engine, "s", {"form/f/field/a": 1})
    take_away(as_admin, away)
    with pytest.raises(StoreUnavailableError):
        as_admin.engine.flush()
    tab = go(tab, "admin-health")

    assert not tab.exception
    assert "Edits go on, safe in the journal" in tab.error[0].value
    assert "Start the database" in tab.error[0].value
    assert "1 edit waits" in tab.error[0].value


def test_what_is_in_quarantine_is_counted_with_what_to_do(as_admin: Services) -> None:
    put(as_admin.engine, "s", {"form/f/field/a": 1})
    as_admin.engine.flush()
    with as_admin.database.begin() as connection:
        connection.execute(update(EntryModel).where(EntryModel.path == "form/f/field/a").values(value="1:00000000:2"))
    as_admin.engine.open("s")
    tab = open_page("admin-health")

    assert "One damaged record is in quarantine" in tab.warning[0].value
    assert "manage.py quarantine list" in tab.warning[0].value


def test_a_journal_that_takes_nothing_is_named_first(as_admin: Services) -> None:
    assert as_admin.journal is not None
    session = as_admin.engine.open("s")
    as_admin.journal.close()
    session.set_field("f", "a", 1)

    assert says(as_admin)[0].startswith("The journal took no edit")
