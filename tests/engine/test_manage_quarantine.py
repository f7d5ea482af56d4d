"""What is damaged is quarantined, listed by doctor, exported and discarded."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from core.clock import HybridClock
from core.codec import encode
from core.commands.doctor import examine
from core.services import Services, build_services, use_services
from core.settings import Settings
from core.storage.entry import Entry
from core.storage.migrate import upgrade
from manage import manage
from tests.engine.writing import put

DAMAGED, REFUSED = "form/f/field/damaged", "form/f/field/refused"


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    """A project with a damaged row in its database, and an entry in its journal that the database refused."""
    settings = make_settings()
    with use_services(build_services(settings)) as services:
        upgrade(services.database)
        put(services.engine, "s", {DAMAGED: "a lamp", "form/f/field/good": 1})
        services.engine.flush()
        with services.database.begin() as connection:
            broken = "UPDATE entries SET value = CAST(substr(value, 1, 14) || x'ff' AS TEXT) WHERE path = :path"
            connection.execute(text(broken), {"path": DAMAGED})
        assert services.engine.open("s").form("f").values == {"good": 1}
        journal = services.journal
        assert journal is not None
        entry = Entry(session_id="s", path=REFUSED, value=encode({"a": (1,)}), stamp=HybridClock().tick())
        journal.quarantine(services.envelope.seal(entry), "the database refuses it")
    return settings


def run(settings: Settings, *arguments: str) -> Result:
    with use_services(build_services(settings)):
        return CliRunner().invoke(manage, ["quarantine", *arguments])


def aside(services: Services) -> int:
    return len(services.engine.quarantined())


def test_doctor_names_session_path_and_reason_with_the_remedy(settings: Settings) -> None:
    found = {finding.subject: finding for finding in examine(settings) if "quarantine" in finding.subject}
    assert f"s {DAMAGED}: " in found["quarantine of the database"].says
    assert "checksum" in found["quarantine of the database"].says
    assert f"s {REFUSED}: the database refuses it" in found["quarantine of the journal"].says
    assert all(finding.fix and "manage.py quarantine export" in finding.fix for finding in found.values())


def test_a_list_shows_where_what_and_why(settings: Settings) -> None:
    lines = run(settings, "list").output.splitlines()
    assert [line.split()[2] for line in lines] == ["journal", "database"]
    assert DAMAGED in lines[1]


def test_an_export_holds_the_value_as_found_and_where_it_can_be_opened_the_plain_one(settings: Settings) -> None:
    refused, damaged = (json.loads(line) for line in run(settings, "export").output.splitlines())
    assert (refused["place"], refused["path"], refused["plain"]) == (
        "journal",
        REFUSED,
        json.loads(encode({"a": (1,)})),
    )
    assert (damaged["place"], damaged["path"], "plain" in damaged) == ("database", DAMAGED, False)
    assert damaged["sealed"].endswith("\udcff"), "bytes that are no text are there too"
    assert damaged["sealed"].startswith("1:")


def test_an_export_goes_to_a_new_file_for_its_owner_only(settings: Settings, tmp_path: Path) -> None:
    output = tmp_path / "aside.jsonl"
    assert run(settings, "export", "--output", str(output)).exit_code == 0
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    assert len(output.read_text().splitlines()) == 2
    assert "exists already" in run(settings, "export", "--output", str(output)).output


def test_what_is_discarded_is_gone_and_nothing_else(settings: Settings) -> None:
    assert run(settings, "discard").exit_code == 1, "it asks first"
    assert run(settings, "discard", "--yes").output == "Deleted 2.\n"
    assert run(settings, "list").output == "The quarantine is empty.\n"
    with use_services(build_services(settings)) as services:
        assert services.engine.open("s").form("f").values == {"good": 1}
    assert not [finding for finding in examine(settings) if "quarantine" in finding.subject]


def test_doctor_finds_edits_that_a_change_of_durability_left_in_the_journal(
    settings: Settings, postgres_url: str
) -> None:
    away = settings.model_copy(update={"database_url": "postgresql+psycopg://nobody@127.0.0.1:1/none"})
    with use_services(build_services(away)) as services:
        put(services.engine, "s", {"form/f/field/waiting": 1})
    changed = settings.model_copy(update={"database_url": postgres_url, "durability": "database"})
    found = {finding.subject: finding.fix for finding in examine(changed)}
    assert "DURABILITY=local" in str(found["journal"])
