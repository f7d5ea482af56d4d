"""What is held on a person: given to them whole, and deleted so that nothing of it is left."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, insert, text, update
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session
from streamlit.runtime.context import ContextProxy
from streamlit.testing.v1 import AppTest

import apps
from core import db
from core.accounts import COMMAND_LINE, Actor, User
from core.accounts.setup import seed_administrator
from core.discovery import discover
from core.errors import AccountError, LastAdministratorError
from core.files import FileRef
from core.personal import erase_person, export_archive, export_json
from core.personal.apps import apps_with_data
from core.personal.erasure import TIDYING
from core.services import Services, build_services, use_services
from core.settings import Settings
from core.state import forms
from core.storage.entry import Entry
from core.storage.models import Base, TokenModel
from core.web.token import new_token, token_hash
from manage import manage
from tests.engine import diary
from tests.engine.pages import go, press
from tests.engine.test_auth import rotation

MARK, OTHER = "zaphod-was-here", "grace-was-here"
DEVICE = "Opera on ChromeOS"
OWN_FILE, SHARED_FILE = f"{MARK} in a file".encode(), b"a form both of them attached"


PASSWORD = "a phrase of my own, not theirs"
PAGES = """
from core import bootstrap_session, get_session_manager
from core.auth import require_sign_in
from core.router import Router
import streamlit as st

bootstrap_session()
manager = get_session_manager()
require_sign_in(manager.identity)
if go := st.session_state.pop("go", None):
    manager.navigate_to(*go)
Router(manager).run()
"""


@dataclass
class House:
    """Two people who have used everything there is, and an administrator."""

    services: Services
    user: User
    other: User

    def grace_has_hers(self) -> None:
        session = self.services.engine.open(self.other.session_id)
        assert session.form("profile").values["name"] == OTHER
        assert self.services.accounts.users.find("grace") is not None


def put(services: Services, content: bytes, name: str) -> FileRef:
    digest, size = services.files.keep(io.BytesIO(content))
    return FileRef(digest=digest, name=name, type="text/plain", size=size)


def live(services: Services, user: User, mark: str, *files: FileRef) -> None:
    """Leave traces wherever a person leaves some."""
    accounts, engine = services.accounts, services.engine
    attached = put(services, f"{mark} attached".encode(), f"{mark}-attached.txt")
    before = token_hash(f"the token before {mark}")
    ticket, phone = accounts.tokens.issue_ticket(before, user.user_id), DEVICE
    assert accounts.tokens.redeem(ticket, before, token_hash_of(mark), phone)
    accounts.tokens.issue_ticket(token_hash_of(mark), user.user_id)
    session = engine.open(user.session_id, user.user_id)
    session.set_field("profile", "name", mark)
    session.set_field("profile", "files", list(files))
    session.create_form_snapshot("profile", f"{mark} version")
    session.save_form("profile", {"name": mark})
    session.set_preference("theme", "dark")
    changes = forms.submit(session, "diary", {"text": mark}, clear=True)

    def work(database: Session) -> str:
        files = json.dumps([asdict(attached)])
        row = {"number": mark, "session_id": user.session_id, "text": mark, "attachments": files}
        database.execute(insert(diary.entries).values(row))
        services.files.claim(database.connection(), [attached], diary.holder(mark))
        return f"{mark} result"

    engine.submit(session, changes, lambda entries: services.submissions.submit(mark, "diary", entries, work))
    engine.flush()
    services.store.upsert([Entry(session_id=user.session_id, path="form/a/field/b", value=mark, stamp="0", base="")])
    with services.database.connect() as connection:
        row = connection.execute(
            text("SELECT * FROM entries WHERE path = 'form/a/field/b' AND value = :v"), {"v": mark}
        )
        found = row.mappings().one()
    damaged = Entry(session_id=user.session_id, path=found["path"], value=mark, stamp=found["stamp"], base="")
    services.store.quarantine(damaged, "damaged")
    assert services.journal is not None
    services.journal.append([Entry(session_id=user.session_id, path="x", value=mark, stamp="1", base="")])
    services.journal.quarantine(services.journal.pending(user.session_id)[0], f"{mark} is damaged")
    session.set_field("profile", "waits", mark)


def token_hash_of(mark: str) -> str:
    return token_hash(f"the token of {mark}")


@pytest.fixture
def settings(make_settings: Callable[..., Settings], database_url: str) -> Settings:
    return make_settings(database_url=database_url, debounce_delay=3600)


@pytest.fixture
def house(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr(apps, "__path__", [*apps.__path__, str(Path(__file__).parent / "apps")])
    discover()  # with the apps come their tables
    with use_services(build_services(settings)) as services:
        Base.metadata.create_all(services.database)
        diary.entries.metadata.create_all(services.database)
        seed_administrator(services.accounts, "a phrase of some length")
        accounts = services.accounts
        shared = put(services, SHARED_FILE, "both.txt")
        own = put(services, OWN_FILE, f"{MARK}.txt")
        user = accounts.users.create(
            MARK, MARK, email=f"{MARK}@example.org", roles=["member"], password=f"{MARK} phrase"
        )
        other = accounts.users.create("grace", OTHER, roles=["member"])
        live(services, user, MARK, own, shared)
        live(services, other, OTHER, shared)
        yield House(services, user, other)


def stored(services: Services) -> dict[str, str]:
    """All there is, as one text for each place: tables, the journal, files, and the bytes of SQLite's files."""
    found = {}
    with services.database.connect() as connection:
        for name in [*Base.metadata.tables, *diary.entries.metadata.tables]:
            found[name] = "\n".join(map(str, connection.execute(text(f"SELECT * FROM {name}"))))
    settings = services.settings
    folder = settings.resolved_journal_path.parent
    for path in folder.rglob("*"):
        if path.is_file() and "postgres" not in str(path):
            found[str(path.relative_to(folder))] = path.read_bytes().decode("latin-1")
    if services.database.dialect.name == "sqlite":
        assert {"sessions.db", "journal.db"} <= found.keys()
        assert make_url(settings.resolved_database_url).database == str(folder / "sessions.db")
    return found


# Exporting


def test_the_export_holds_everything_and_nothing_of_anybody_else(house: House) -> None:
    services, user = house.services, house.user
    by = Actor(user_id=user.user_id, address="192.0.2.1")
    by_other = Actor(user_id=house.other.user_id, address="203.0.113.7", device="Lynx")
    services.accounts.users.set_roles(house.other.user_id, ["member", "admin"])  # to give what they have
    services.accounts.users.set_roles(user.user_id, ["member", "admin"], by=by_other)
    services.accounts.roles.save("analyst", [])
    services.accounts.users.set_roles(house.other.user_id, ["analyst"], by=by)
    user = services.accounts.users.get(user.user_id) or user
    data = json.loads(export_json(services, user, by=by))
    assert data["account"]["username"] == MARK
    assert data["account"]["roles"] == ["admin", "member"]
    assert [browser["device"] for browser in data["browsers"]] == [DEVICE]
    assert len(data["signed_in_before"]) == 1
    session = data["session"]
    assert session["form/profile/field/name"] == MARK
    assert session["form/profile/field/waits"] == MARK
    assert session["form/profile/saved"]["values"] == {"name": MARK}
    (version,) = (value for path, value in session.items() if path.startswith("form/profile/snapshot/"))
    assert version["values"]["name"] == MARK
    assert any(path.startswith("step/profile") for path in session)
    assert session["pref/theme"] == "dark"
    assert {file["name"] for file in data["files"]} == {f"{MARK}.txt", "both.txt", f"{MARK}-attached.txt"}
    assert [entry["text"] for entry in data["apps"]["diary"]] == [MARK]
    assert [(each["form"], each["result"]) for each in data["submissions"]] == [("diary", f"{MARK} result")]
    assert len(data["quarantine"]) == 2
    told = {(line["event"], line["by"], line["about"], line.get("detail")) for line in data["audit"]}
    assert ("person.roles", "somebody else", "you", "roles: admin, member") in told
    assert ("person.roles", "you", "somebody else", None) in told
    assert {"person.added", "sign_in"} <= {line["event"] for line in data["audit"]}
    whole = json.dumps(data)
    for of_another in (OTHER, house.other.user_id, house.other.session_id, "203.0.113.7", "Lynx", "analyst"):
        assert of_another not in whole
    assert "password_hash" not in whole
    assert MARK in whole
    (line,) = services.accounts.audit.find(events=["person.exported"])
    assert (line.actor_id, line.subject, line.address) == (user.user_id, f"person:{user.user_id}", "192.0.2.1")


def test_the_archive_has_the_files_as_they_were_kept(house: House) -> None:
    target = io.BytesIO()
    export_archive(house.services, house.user, target, by=COMMAND_LINE)
    with zipfile.ZipFile(target) as archive:
        data = json.loads(archive.read("data.json"))
        contents = {archive.read(file["in_archive"]) for file in data["files"]}
    assert contents == {OWN_FILE, SHARED_FILE, f"{MARK} attached".encode()}
    assert data["files_that_could_not_be_read"] == []


# Deleting


def test_nothing_of_somebody_who_was_deleted_is_left_but_their_id_in_the_trail(house: House) -> None:
    services, user = house.services, house.user
    before = stored(services)
    tables = {"users", "entries", "submissions", "diary", "quarantine"}
    places = {place for place, content in before.items() if MARK in content}
    assert tables <= places
    remains = erase_person(services, user, by=Actor(user_id=user.user_id))
    between = stored(services)
    assert [name for name in (*Base.metadata.tables, "diary") if MARK in between[name]] == []
    # The search finds what is only deleted: what waited is in the journal, and a careless program left free pages.
    assert any(place.startswith("journal.db") and MARK in content for place, content in between.items())
    assert any(place.startswith("files/") and MARK in content for place, content in between.items())
    if services.database.dialect.name == "sqlite":
        leave_in_a_free_page(services.database, MARK)
        assert MARK in stored(services)["sessions.db"]
    assert remains.remove() == []
    after = stored(services)
    assert [place for place, content in after.items() if MARK in content] == []
    assert {name for name in Base.metadata.tables if user.user_id in after[name]} == {"audit"}
    (line,) = services.accounts.audit.find(events=["person.deleted"])
    assert (line.actor_id, line.subject) == (user.user_id, f"person:{user.user_id}")
    state = services.accounts.identities.ask(token_hash_of(MARK), "anon")
    assert (state.standing, state.user) == ("ended", None)
    assert after["tokens"].count(DEVICE) == 1  # the other one's
    house.grace_has_hers()
    assert all(OTHER in after[name] for name in tables)


def leave_in_a_free_page(database: Engine, mark: str) -> None:
    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("PRAGMA secure_delete = OFF")
        connection.exec_driver_sql("CREATE TABLE careless (content)")
        connection.execute(text("INSERT INTO careless VALUES (:content)"), {"content": mark})
        connection.exec_driver_sql("DROP TABLE careless")
        connection.exec_driver_sql("PRAGMA secure_delete = ON")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


def test_files_somebody_else_refers_to_stay(house: House) -> None:
    services = house.services
    refs = {ref.name: ref for ref in services.engine.open(house.user.session_id).form("profile").values["files"]}
    erase_person(services, house.user, by=COMMAND_LINE).remove()
    hers = hashlib.sha256(f"{OTHER} attached".encode()).hexdigest()
    assert set(services.files.store.digests()) == {refs["both.txt"].digest, hers}
    assert services.files.read(refs["both.txt"].digest) == SHARED_FILE
    erase_person(services, house.other, by=COMMAND_LINE).remove()
    assert set(services.files.store.digests()) == set()


@pytest.mark.parametrize("machine", ["the same machine", "another machine"])
def test_what_another_process_still_holds_does_not_bring_anything_back(
    house: House, settings: Settings, tmp_path: Path, machine: str
) -> None:
    journal = settings.journal_path if machine == "the same machine" else tmp_path / "elsewhere" / "journal.db"
    elsewhere = build_services(settings.model_copy(update={"journal_path": journal}))
    open_there = elsewhere.engine.open(house.user.session_id, house.user.user_id)
    open_there.set_field("profile", "late", f"{MARK}, not flushed")
    erase_person(house.services, house.user, by=COMMAND_LINE).remove()
    open_there.set_field("profile", "later", f"{MARK}, entered afterwards")
    open_there.save_form("profile", {"name": MARK})
    elsewhere.engine.flush()
    assert elsewhere.engine.status().pending == 0
    assert elsewhere.engine.open(house.user.session_id).values == {}
    elsewhere.close()
    after = {name: rows for name, rows in stored(house.services).items() if name in Base.metadata.tables}
    assert [name for name, rows in after.items() if MARK in rows] == []
    assert [name for name, rows in after.items() if house.user.user_id in rows] == ["audit"]


def test_the_last_administrator_stays_with_all_they_have(house: House) -> None:
    services = house.services
    admin = services.accounts.users.find("admin")
    assert admin is not None
    before = {name: rows for name, rows in stored(services).items() if name in Base.metadata.tables}
    with pytest.raises(LastAdministratorError):
        erase_person(services, admin, by=COMMAND_LINE)
    assert {name: rows for name, rows in stored(services).items() if name in Base.metadata.tables} == before
    services.accounts.users.set_roles(house.other.user_id, ["admin"])
    erase_person(services, admin, by=COMMAND_LINE)
    assert services.accounts.users.find("admin") is None


def test_an_app_that_can_not_be_asked_is_named_and_nothing_is_given_or_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, content in {"whole": "held = erase = print", "broken": "import nowhere_to_be_found"}.items():
        folder = tmp_path / "some_apps" / name
        folder.mkdir(parents=True)
        (folder / "__init__.py").touch()
        (folder / "personal.py").write_text(content)
    (tmp_path / "some_apps" / "__init__.py").touch()
    (tmp_path / "some_apps" / "without").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(AccountError, match=r"some_apps/broken/personal\.py can't be imported"):
        apps_with_data("some_apps")
    (tmp_path / "some_apps" / "broken" / "personal.py").unlink()
    assert list(apps_with_data("some_apps")) == ["whole"]
    for name in [name for name in sys.modules if name.startswith("some_apps")]:
        monkeypatch.delitem(sys.modules, name)


def test_the_apps_that_ship_and_have_tables_say_what_these_hold() -> None:
    """Whoever adds a table that names people adds what it holds."""
    discover()
    with_people = {
        model.class_.__module__.split(".")[1]
        for model in db.Base.registry.mappers
        if model.class_.__module__.startswith("apps.") and {"session_id", "user_id"} & set(model.columns.keys())
    }
    assert apps_with_data().keys() == with_people


# The page


@pytest.fixture
def open_data(make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    contexts = []

    def open_data(auth: str, role: str = "member") -> tuple[Services, AppTest]:
        services = build_services(make_settings(auth=auth))
        Base.metadata.create_all(services.database)
        seed_administrator(services.accounts, None)
        token = new_token(services.settings.secret_key.get_secret_value())
        monkeypatch.setattr(ContextProxy, "cookies", property(lambda _: {services.settings.cookie_name: token}))
        contexts.append(use_services(services))
        contexts[-1].__enter__()
        if auth != "none":
            ada = services.accounts.users.create("ada", "Ada", roles=[role], password=PASSWORD)
            ticket = services.accounts.tokens.issue_ticket("before", ada.user_id)
            assert services.accounts.tokens.redeem(ticket, "before", token_hash(token), "Firefox on Linux")
        return services, go(AppTest.from_string(PAGES).run(), "home-data")

    yield open_data
    for context in contexts:
        context.__exit__(None, None, None)


def confirm(tab: AppTest, typed: str) -> AppTest:
    press(tab, "Delete …")
    tab.text_input[0].input(typed)
    press(tab, "Delete permanently")
    for thread in threading.enumerate():
        if thread.name == TIDYING:
            thread.join()
    return tab


def test_a_person_deletes_themselves_by_their_password_and_leaves_nothing_in_the_browser(
    open_data: Callable[..., Any],
) -> None:
    services, tab = open_data("password")
    for wrong in ("", "ada", "another phrase of some length"):
        confirm(tab, wrong)
        assert "Nothing was deleted" in tab.error[0].value
        assert rotation(tab) is None
    assert services.accounts.users.find("ada") is not None
    confirm(tab, PASSWORD)
    assert services.accounts.users.find("ada") is None
    data = rotation(tab.run())
    assert data is not None
    assert (data["clear"], data["signed_out"]) == (True, True)
    assert not tab.title


def test_what_was_typed_and_not_sent_goes_from_the_other_devices_of_somebody_deleted(
    open_data: Callable[..., Any],
) -> None:
    services, tab = open_data("password")
    erase_person(services, services.accounts.users.find("ada"), by=COMMAND_LINE)
    data = rotation(tab.run())
    assert data is not None
    assert (data["clear"], data["signed_out"]) == (True, True)


def test_the_last_administrator_is_told_why_not(open_data: Callable[..., Any]) -> None:
    services, tab = open_data("password", "admin")
    confirm(tab, PASSWORD)
    assert services.accounts.users.find("ada") is not None
    assert "You are the last administrator" in tab.error[0].value
    assert rotation(tab.run()) is None


def test_whose_password_is_not_ours_to_ask_for_must_have_signed_in_lately(open_data: Callable[..., Any]) -> None:
    services, tab = open_data("oidc")
    press(tab, "Delete …")
    tab.text_input[0].input("ada")
    signed_in_before = services.clock.now() - timedelta(minutes=11)
    with services.database.begin() as connection:
        connection.execute(update(TokenModel).values(created_at=signed_in_before))
    press(tab, "Delete permanently")
    assert "sign in again" in tab.error[0].value
    assert services.accounts.users.find("ada") is not None
    assert "Delete permanently" not in [button.label for button in tab.button]
    with services.database.begin() as connection:  # the clock was set back since
        connection.execute(update(TokenModel).values(created_at=services.clock.now() + timedelta(hours=1)))
    press(tab, "Delete …")
    assert "Delete permanently" not in [button.label for button in tab.button]
    with services.database.begin() as connection:
        connection.execute(update(TokenModel).values(created_at=services.clock.now()))
    confirm(tab, "ada")
    assert services.accounts.users.find("ada") is None


def test_without_accounts_the_one_local_person_begins_anew(open_data: Callable[..., Any]) -> None:
    services, tab = open_data("none")
    before = services.accounts.users.find("local")
    confirm(tab, "somebody")
    assert services.accounts.users.find("local") == before
    confirm(tab, " Local ")
    assert not tab.exception
    after = AppTest.from_string(PAGES).run()
    assert not after.exception
    found = services.accounts.users.find("local")
    assert found is not None
    assert found.session_id != before.session_id


# The command


def test_the_command_exports_into_a_private_file_and_deletes(settings: Settings, house: House, tmp_path: Path) -> None:
    def run(*arguments: str, typed: str = "") -> str:
        with use_services(build_services(settings)):
            return CliRunner().invoke(manage, ["person", *arguments], input=typed).output

    house.services.engine.flush()
    for name in ("mine.json", "mine.zip"):
        assert "Wrote" in run("export", MARK, str(tmp_path / name))
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    assert json.loads((tmp_path / "mine.json").read_text())["account"]["name"] == MARK
    assert zipfile.is_zipfile(tmp_path / "mine.zip")
    assert "exists already" in run("export", MARK, str(tmp_path / "mine.json"))
    assert "There is no user" in run("export", "nobody", str(tmp_path / "nobody.json"))
    assert not (tmp_path / "nobody.json").exists()
    assert "Nothing was deleted" in run("delete", MARK, typed="somebody else\n")
    assert f"Deleted {MARK}." in run("delete", MARK, typed=f"{MARK}\n")
    assert "There is no user" in run("delete", MARK)
